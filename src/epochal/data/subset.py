"""A part of a split, as a split: how much data is enough is a question that several papers ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int64, UInt8

from epochal.core.fault import InputFault, printable
from epochal.data.frame import Frame
from epochal.data.images import ImageData, Picture, Pictures, Split
from epochal.data.keyed import mixed_seed

_PURPOSE = 0x5B5E7


@dataclass(frozen=True)
class Subset:
    """Some of a split's pictures, in a new order.

    Attributes:
        whole: the split they are of.
        places: where in it they are.
    """

    whole: Split
    places: Int64[np.ndarray, " N"]

    @property
    def labels(self) -> Int64[np.ndarray, " N"]:
        """The class of each picture."""
        labels: Int64[np.ndarray, " N"] = self.whole.labels[self.places]
        return labels

    def __len__(self) -> int:
        return len(self.places)

    def picture(self, index: int) -> Picture:
        """One picture of the whole split."""
        return self.whole.picture(int(self.places[index]))

    def framed(self, index: int, frame: Frame, draws: Sequence[float]) -> UInt8[np.ndarray, "S S 3"]:
        """The part of one picture that the frame chooses."""
        return self.whole.framed(int(self.places[index]), frame, draws)

    def where(self, index: int) -> str:
        """Where in the whole split the picture is."""
        return self.whole.where(int(self.places[index]))


def with_fewer(data: ImageData, count: int, seed: int) -> ImageData:
    """The data set with only `count` training pictures, as evenly over the classes as they allow.

    Which ones is a function of the seed: an interval over seeds then covers the choice, and two recipes with the same
    seed learn from the same pictures. The held-out pictures stay.

    Raises:
        InputFault: there are fewer training pictures, or fewer are asked for than there are classes.
    """
    if not len(data.classes) <= count <= len(data.train):
        raise InputFault(
            f"pictures={count} of {printable(data.name)}, which has {len(data.train):,} training pictures",
            expected=f"a number from {len(data.classes)} (one of each class) to {len(data.train)}",
        )
    generator = torch.Generator().manual_seed(mixed_seed(seed, _PURPOSE))
    order = torch.randperm(len(data.train), generator=generator).numpy()
    labels = data.train.labels[order]
    # The rank of each picture among those of its class: the first of every class, then the second of every class ...
    rank = np.empty(len(order), dtype=np.int64)
    for label in np.unique(labels):
        of_class = np.flatnonzero(labels == label)
        rank[of_class] = np.arange(len(of_class))
    places = order[np.argsort(rank, kind="stable")[:count]]
    return replace(
        data, train=Subset(data.train, places), note=f"{count:,} training pictures; {data.note}".rstrip("; ")
    )


def in_memory(split: Split) -> bool:
    """True if the split's pictures are decoded already, so that worker processes would have nothing to do."""
    return isinstance(split.whole if isinstance(split, Subset) else split, Pictures)
