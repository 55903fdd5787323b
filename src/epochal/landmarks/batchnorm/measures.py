"""What can be measured of a batch-normalised network beside its errors, by name."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Any

from epochal.core.fault import InputFault, printable
from epochal.engine.scene import Scene
from epochal.landmarks.batchnorm.claims import WANDERING
from epochal.landmarks.batchnorm.recipe import BatchNormRecipe

Metrics = list[dict[str, Any]]


def wandering(metrics: Metrics, layer: str) -> float:
    """How far the percentiles of what enters a layer's non-linearity wander over a training (Figure 1, b and c).

    Of a unit, the range of its 15th, 50th and 85th percentile over the recordings, averaged, over the mean distance
    from the 15th to the 85th; averaged over the units that are followed. What is there before the first step does not
    count.

    Args:
        metrics: the rows of a run's log, with a signal in at least two.
        layer: which one.

    Raises:
        InputFault: the training recorded too little, or numbers that are not finite.
    """
    rows = [row for row in metrics if row.get("kind") == "signal" and row.get("step", 0) > 0]
    recorded = [row["layers"].get(layer) for row in rows]
    if len(recorded) < 2 or not all(one and one["units"] for one in recorded):
        raise InputFault(
            f"the run has recorded too little of the layer {printable(layer)!r}",
            expected="at least two recordings of its signal",
            remedy="train again with --signal-every",
        )
    if any(number is None for one in recorded for unit in one["units"] for number in unit):
        raise InputFault(
            f"the recorded signal of the layer {printable(layer)!r} is not finite",
            expected="finite numbers",
            remedy="train again with a lower learning rate",
        )
    return fmean(_of_a_unit(unit) for unit in zip(*(one["units"] for one in recorded), strict=True))


def _of_a_unit(moments: tuple[list[float], ...]) -> float:
    low, middle, high = zip(*moments, strict=True)
    width = fmean(b - a for a, b in zip(low, high, strict=True))
    ranges = [max(percentile) - min(percentile) for percentile in (low, middle, high)]
    return fmean(ranges) / max(width, 1e-12)


def _of_the_last_sigmoids(scene: Scene, recipe: BatchNormRecipe, metrics: Metrics) -> float:
    return wandering(metrics, "fc3")


FUNCTIONS: dict[str, Callable[[Scene, BatchNormRecipe, Metrics], float]] = {
    WANDERING: _of_the_last_sigmoids,
}
