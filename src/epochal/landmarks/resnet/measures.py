"""What can be measured of a ResNet beside its errors, by name."""

from __future__ import annotations

from collections.abc import Callable
from statistics import fmean
from typing import Any

from epochal.engine.scene import Scene
from epochal.landmarks.resnet.recipe import ResNetRecipe
from epochal.landmarks.resnet.responses import deviations

Metrics = list[dict[str, Any]]


def mean_deviation(scene: Scene, recipe: ResNetRecipe, metrics: Metrics) -> float:
    """The mean over the 3 x 3 layers of the deviation of their responses (Figure 7).

    Args:
        scene: the trained network and the data it was trained on.
        recipe: how it was trained.
        metrics: the rows of the run's log.
    """
    return fmean(deviations(scene).values())


FUNCTIONS: dict[str, Callable[[Scene, ResNetRecipe, Metrics], float]] = {
    "mean deviation of the layers' responses": mean_deviation,
}
