"""A claim: what a paper says, and the experiment that would show it, written down before anything runs.

A claim names arms (recipes to compare), a metric, seeds, and what must be true of the numbers. Nothing in here
computes: `lab` plans, runs and judges.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pydantic

from epochal.core.recipe import Recipe


class Noun(pydantic.BaseModel):
    """Frozen, and strict about names."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ErrorRate(Noun):
    """The share of samples that a run's answer is wrong for, in per cent, after the training."""

    kind: Literal["error rate"] = "error rate"
    split: Literal["held-out", "train"] = pydantic.Field(
        default="held-out", description="train: the samples it learned from, as they are, without augmentation"
    )
    crops: Literal[1, 10] = pydantic.Field(default=1, description="views of each picture whose answers are averaged")

    @property
    def says(self) -> str:
        """In words, with the unit."""
        which = "training" if self.split == "train" else "held-out"
        return f"{which} error, %" + (", average of 10 crops" if self.crops == 10 else "")


class EpochsTo(Noun):
    """The epochs a training takes until a metric of its log reaches a level, interpolated between evaluations."""

    kind: Literal["epochs to"] = "epochs to"
    name: str
    level: float

    @property
    def says(self) -> str:
        """In words, with the unit."""
        return f"epochs until {self.name} is {self.level:g}"


class Measure(Noun):
    """A number that the landmark's own function finds in a finished run: `measures.FUNCTIONS` has it by this name."""

    kind: Literal["measured"] = "measured"
    name: str = pydantic.Field(description="what is measured, with the unit; the number is kept with the run under it")

    @property
    def says(self) -> str:
        """In words, with the unit."""
        return self.name


class TrainingTime(Noun):
    """How long a training took, in seconds: of use where all runs have the same machine to themselves."""

    kind: Literal["training time"] = "training time"

    @property
    def says(self) -> str:
        """In words, with the unit."""
        return "seconds of training"


Metric = Annotated[ErrorRate | EpochsTo | Measure | TrainingTime, pydantic.Field(discriminator="kind")]


class Tuning(Noun):
    """A setting that is chosen for an arm by itself, on a seed that is not among those that count.

    The value is taken with which the training, cut short by `changes`, ends with the highest `by`.
    """

    setting: str
    values: tuple[float, ...] = pydantic.Field(min_length=1)
    by: str = pydantic.Field(description="the metric of the log that decides; more is better")
    changes: dict[str, Any] = pydantic.Field(default_factory=dict, description="settings of the trial runs")
    seed: int = 1000
    seconds: float | None = pydantic.Field(
        default=None, description="how long a trial took on one core; for planning only"
    )


class Arm(Noun):
    """One side of a comparison: a recipe under a name, and how it is measured if not as the claim says."""

    name: str
    recipe: pydantic.SerializeAsAny[Recipe]
    tuning: Tuning | None = None
    metric: Metric | None = None
    signal_steps: int | None = pydantic.Field(
        default=None, ge=1, description="steps between recordings of the signal; none: it is not recorded"
    )
    may_run_away: bool = pydantic.Field(
        default=False,
        description="a run whose numbers do not stay finite is an outcome: its error is that of guessing, and a level "
        "was never reached",
    )
    seconds: float | None = pydantic.Field(
        default=None, description="how long a run took on one core; for planning only"
    )


class Less(Noun):
    """The metric of one arm is below that of another, by more than `by`; with a negative `by`, not far above it."""

    kind: Literal["less"] = "less"
    arm: str
    than: str
    by: float = 0.0

    def says(self) -> str:
        """In words."""
        if self.by < 0:
            return f"{self.arm} less than {-self.by:g} above {self.than}"
        return f"{self.arm} below {self.than}" + (f" by more than {self.by:g}" if self.by else "")


class Ratio(Noun):
    """The metric of one arm is at least `least` times that of another."""

    kind: Literal["ratio"] = "ratio"
    arm: str
    over: str
    least: float = pydantic.Field(gt=0)

    def says(self) -> str:
        """In words."""
        return f"{self.arm} at least {self.least:.3g} times {self.over}"


class Reaches(Noun):
    """The metric of an arm is at most `level`."""

    kind: Literal["reaches"] = "reaches"
    arm: str
    level: float

    def says(self) -> str:
        """In words."""
        return f"{self.arm} at most {self.level:g}"


class Within(Noun):
    """The metric of an arm lies between two numbers."""

    kind: Literal["within"] = "within"
    arm: str
    low: float
    high: float

    def says(self) -> str:
        """In words."""
        return f"{self.arm} from {self.low:g} to {self.high:g}"


Expectation = Annotated[Less | Ratio | Reaches | Within, pydantic.Field(discriminator="kind")]

LABELS = {
    "N": "native: the paper's own experiment",
    "S": "scaled: the same mechanism on smaller data; order and gap count, the number does not",
    "X": "beyond reach here: the recipe is shipped, nothing is shown as reproduced",
}


class Claim(Noun):
    """What a paper says, and how it is put to the test."""

    name: str = pydantic.Field(pattern=r"^[a-z0-9-]+$")
    says: str = pydantic.Field(description="the claim in one sentence")
    source: str = pydantic.Field(description="section, figure or table")
    reported: str = pydantic.Field(description="the numbers the paper gives")
    label: Literal["N", "S", "X"]
    metric: Metric
    arms: tuple[Arm, ...]
    expectations: tuple[Expectation, ...]
    data: str
    seeds: tuple[int, ...] = pydantic.Field(min_length=1)
    sd: float = pydantic.Field(
        description="how far runs with other seeds are expected apart (standard deviation, in the metric's unit; for "
        "ratios, of its natural logarithm): for planning only"
    )
    budget: str = pydantic.Field(description="how this test is smaller than the paper's")
    notes: tuple[str, ...] = pydantic.Field(default=(), description="confounds, and what was done about them")

    @pydantic.model_validator(mode="after")
    def _fits_together(self) -> Claim:
        names = [arm.name for arm in self.arms]
        if len(set(names)) < len(names):
            raise ValueError("two arms have one name")
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("a seed that counts twice makes the interval narrower than it is")
        for expectation in self.expectations:
            asked = {getattr(expectation, part, None) for part in ("arm", "than", "over")} - {None}
            if unknown := asked - set(names):
                raise ValueError(f"no arm is called {sorted(map(str, unknown))[0]}")
        if any(arm.tuning is not None and arm.tuning.seed in self.seeds for arm in self.arms):
            raise ValueError("what is tuned on a seed that counts looks better than it is")
        return self

    def metric_of(self, arm: Arm) -> Metric:
        """How an arm is measured."""
        return arm.metric or self.metric


class Ablation(Noun):
    """One change at a time from a base recipe, all measured alike: which innovation matters most?

    Attributes:
        removals: what the paper brought, taken away.
        additions: what came later, added.
        baselines: what both should be seen against.
    """

    base: Arm
    removals: tuple[Arm, ...]
    additions: tuple[Arm, ...]
    baselines: tuple[Arm, ...]
    metric: Metric
    data: str
    seeds: tuple[int, ...]
    sd: float
    budget: str

    @property
    def arms(self) -> tuple[Arm, ...]:
        """All of them, the base first."""
        return (self.base, *self.removals, *self.additions, *self.baselines)
