"""What only this landmark knows of transfer: its layers, the last of which is the head; and how to train for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from epochal.engine.layers import Layers, with_weights
from epochal.landmarks.batchnorm.recipe import MNIST, PAPER, SMALL, BatchNormRecipe

# How a few hundred pictures are learned from drawn weights, where that is another than the usual training.
SHORT: dict[str, Any] = {"epochs": 10.0, "schedule": "cosine"}

_USUAL = {"mnist": MNIST, "scaled": SMALL, "inception": PAPER}


def layers(model: nn.Module) -> Layers:
    """The layers that have weights, in their order.

    A dense layer's normalisation belongs to it, and the first convolution of BN-Inception is in two modules.
    """

    def layer_of(name: str) -> str:
        dense = re.fullmatch(r"(?:fc|bn)([0-9]+)", name)
        return f"fc{dense[1]}" if dense else "conv1" if name == "depthwise" else name

    return Layers(model, with_weights(model, layer_of))


def own_recipe(settings: Mapping[str, Any]) -> BatchNormRecipe:
    """The recipe of a network of which these settings are known; the others are as usual for it.

    Raises:
        InputFault: the settings are no recipe.
    """
    usual = _USUAL.get(str(settings.get("network", "scaled")), SMALL)
    return BatchNormRecipe.parse({**usual.model_dump(), **settings})
