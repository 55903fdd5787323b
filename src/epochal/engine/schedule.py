"""Learning rates over time. A schedule is asked for the rate of a step, and told of each step and each evaluation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor


@runtime_checkable
class Schedule(Protocol):
    """The learning rate as a function of the step and of what evaluations said so far."""

    def lr(self, step: int, /) -> float:
        """The rate for the step with this number, counted from 0."""
        ...

    def saw(self, accuracy: Float[Tensor, ""], /) -> None:
        """Take note of the share of a step's training pictures that was answered right; it is on the device, unread."""
        ...

    def observe(self, error: float, /) -> None:
        """Take note of the held-out error of an evaluation."""
        ...

    def state(self) -> dict[str, Any]:
        """What a checkpoint must hold."""
        ...

    def restore(self, state: dict[str, Any], /) -> None:
        """Go back to a state."""
        ...


class _Fixed:
    """A schedule that looks at the step alone has nothing to remember."""

    def saw(self, accuracy: Float[Tensor, ""]) -> None:
        """Nothing to learn from a step."""

    def observe(self, error: float) -> None:
        """Nothing to learn from an evaluation."""

    def state(self) -> dict[str, Any]:
        """Nothing to remember."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


@dataclass(frozen=True)
class Drops(_Fixed):
    """A constant rate, multiplied by `factor` at each of the steps `at`, after a linear `warmup` from zero."""

    base: float
    at: tuple[int, ...] = ()
    factor: float = 0.1
    warmup: int = 0

    def lr(self, step: int) -> float:
        """The rate of a step."""
        rate = self.base * self.factor ** sum(step >= drop for drop in self.at)
        return rate * min(1.0, (step + 1) / self.warmup) if self.warmup else rate


@dataclass(frozen=True)
class Exponential(_Fixed):
    """A rate that is multiplied by `factor` again and again, every so many steps, which need not be a whole number."""

    base: float
    every: float
    factor: float

    def lr(self, step: int) -> float:
        """The rate of a step."""
        return self.base * self.factor ** int((step + 0.5) / self.every)


@dataclass(frozen=True)
class Cosine(_Fixed):
    """Half a cosine from `base` down to nearly zero at `steps`, after a linear `warmup` from zero."""

    base: float
    steps: int
    warmup: int = 0

    def lr(self, step: int) -> float:
        """The rate of a step; never zero, because a momentum in units of the rate must stay defined."""
        if step < self.warmup:
            return self.base * (step + 1) / self.warmup
        progress = (step - self.warmup + 0.5) / max(1, self.steps - self.warmup)
        return self.base * max(1e-4, 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress))))


@dataclass(frozen=True)
class Linear(_Fixed):
    """A straight line from `base` down to nearly zero at `steps`."""

    base: float
    steps: int

    def lr(self, step: int) -> float:
        """The rate of a step."""
        return self.base * max(1e-4, 1.0 - step / self.steps)


@dataclass(frozen=True)
class Inverse(_Fixed):
    """`base` / (1 + step / `half`): the rate is halved at the step `half`, and falls ever more slowly."""

    base: float
    half: int

    def lr(self, step: int) -> float:
        """The rate of a step."""
        return self.base / (1.0 + step / self.half)


@dataclass
class Plateau:
    """Divide the rate when the held-out error stops improving (AlexNet, Section 5: by 10, three times).

    Attributes:
        base: the first rate.
        patience: evaluations without a new best before a drop.
        factor: what a drop multiplies the rate by.
        most: how many drops there may be.
        warmup: steps of a linear start from zero.
    """

    base: float
    patience: int = 5
    factor: float = 0.1
    most: int = 3
    warmup: int = 0
    best: float = field(default=math.inf, init=False)
    waited: int = field(default=0, init=False)
    drops: int = field(default=0, init=False)

    def lr(self, step: int) -> float:
        """The rate now; after the warm-up the step does not matter."""
        rate = self.base * self.factor**self.drops
        return rate * min(1.0, (step + 1) / self.warmup) if self.warmup else rate

    def saw(self, accuracy: Float[Tensor, ""]) -> None:
        """Nothing to learn from a step."""

    def observe(self, error: float) -> None:
        """Count evaluations without progress."""
        if error < self.best:
            self.best, self.waited = error, 0
            return
        self.waited += 1
        if self.waited >= self.patience and self.drops < self.most:
            self.drops, self.waited = self.drops + 1, 0

    def state(self) -> dict[str, Any]:
        """The best error so far, the evaluations since, the drops made."""
        best = None if math.isinf(self.best) else self.best
        return {"best": best, "waited": self.waited, "drops": self.drops}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self.best = math.inf if state["best"] is None else float(state["best"])
        self.waited, self.drops = int(state["waited"]), int(state["drops"])


@dataclass
class Gentle:
    """Another schedule, but at a lower rate until the training error has fallen (ResNet, Section 4.2).

    Attributes:
        then: the schedule that is followed afterwards, and at the same steps as without the beginning.
        rate: the rate of the beginning.
        error: the training error that ends it, as a running mean to which each step adds `share`.
        share: the weight of the newest step.
    """

    then: Drops | Cosine
    rate: float
    error: float = 0.8
    share: float = 0.05
    mean: float = field(default=0.0, init=False)
    begun: bool = field(default=False, init=False)

    def lr(self, step: int) -> float:
        """The rate of a step."""
        return self.then.lr(step) if self.begun else self.rate

    def saw(self, accuracy: Float[Tensor, ""]) -> None:
        """Has the network begun to learn? The accuracy is read only until it has."""
        if not self.begun:
            # The mean starts at an accuracy of 0: it errs on the side of a longer beginning.
            self.mean += self.share * (float(accuracy) - self.mean)
            self.begun = 1.0 - self.mean < self.error

    def observe(self, error: float) -> None:
        """Nothing to learn from an evaluation."""

    def state(self) -> dict[str, Any]:
        """The running mean of the accuracy, and whether the beginning is over."""
        return {"mean": self.mean, "begun": self.begun}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self.mean, self.begun = float(state["mean"]), bool(state["begun"])


def remarks(schedule: Schedule, steps: int) -> Iterator[str]:
    """What a person may not expect of a schedule in a training of so many steps."""
    planned = schedule.then if isinstance(schedule, Gentle) else schedule
    if isinstance(planned, Drops | Cosine | Plateau) and planned.warmup > steps:
        yield (
            f"the warm-up would take {planned.warmup:,} steps, and there are {steps:,}: the learning rate gets to "
            f"{planned.lr(steps - 1):.3g} of {planned.base:g}"
        )
    if isinstance(planned, Drops) and planned.at and min(planned.at) >= steps:
        yield f"the learning rate does not drop: that would begin at step {min(planned.at):,}, and there are {steps:,}"
