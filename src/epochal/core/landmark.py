"""The card of a landmark: what the paper is, what it leads to, and where our code differs from it."""

from __future__ import annotations

from typing import Literal

import pydantic


class Paper(pydantic.BaseModel):
    """The publication itself."""

    model_config = pydantic.ConfigDict(frozen=True)

    title: str
    authors: tuple[str, ...]
    venue: str
    year: int
    url: str


class Deviation(pydantic.BaseModel):
    """One place where an implementation differs from the paper as printed, and why."""

    model_config = pydantic.ConfigDict(frozen=True)

    who: str = pydantic.Field(description="which preset or library differs: source, torchvision, Caffe, ours")
    where: str = pydantic.Field(description="the part of the model or the training")
    paper: str = pydantic.Field(description="what the paper prints")
    instead: str = pydantic.Field(description="what is done instead")
    why: str = pydantic.Field(default="", description="the reason, where one is known")


class Landmark(pydantic.BaseModel):
    """The card: everything about a landmark that needs no computation."""

    model_config = pydantic.ConfigDict(frozen=True)

    name: str
    paper: Paper
    preprint: Paper | None = pydantic.Field(
        default=None, description="where the idea was first public, if years before the paper; it decides the order"
    )
    idea: str = pydantic.Field(description="the idea in one sentence")
    builds_on: tuple[str, ...] = ()
    leads_to: tuple[str, ...] = ()
    learns_from: Literal["pictures", "text"] = pydantic.Field(default="pictures", description="the kind of its data")
    gives: Literal["classifier", "word vectors"] = pydantic.Field(
        default="classifier", description="what a training leaves behind, to be measured, asked and handed on"
    )
    default_data: str = pydantic.Field(description="the data used when none is named; needs no download")
    presets: dict[str, int] = pydantic.Field(
        default_factory=dict, description="the networks one can ask for, with their exact parameter counts"
    )
    deviations: tuple[Deviation, ...] = ()
    version: int = pydantic.Field(description="moves when numbers may change, not with a refactor")

    @property
    def year(self) -> int:
        """The year in which the idea was first public."""
        return (self.preprint or self.paper).year
