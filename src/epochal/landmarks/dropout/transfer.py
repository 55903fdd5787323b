"""What only these nets know of transfer: their layers, the last of which is the head; and how to train for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from epochal.engine.layers import Layers, with_weights
from epochal.landmarks.dropout.recipe import CIFAR, SMALL, DropoutRecipe

# How a few hundred pictures are learned from drawn weights, where that is another than the usual training.
SHORT: dict[str, Any] = {"epochs": 20.0, "schedule": "linear"}


def layers(model: nn.Module) -> Layers:
    """The layers that have weights, in their order."""
    known = with_weights(model)
    return Layers(model, known, {"convolutions": tuple(name for name in known if name.startswith("conv"))})


def own_recipe(settings: Mapping[str, Any]) -> DropoutRecipe:
    """The recipe of a network of which these settings are known; the others are as usual for its kind.

    Raises:
        InputFault: the settings are no recipe.
    """
    usual = CIFAR if settings.get("network") == "conv" else SMALL
    return DropoutRecipe.parse({**usual.model_dump(), **settings})
