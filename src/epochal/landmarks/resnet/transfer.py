"""What only ResNet knows of transfer: its stages, the last of which is the head; and how to train for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from epochal.engine.layers import Layers, with_weights
from epochal.landmarks.resnet.recipe import PAPER, SMALL, ResNetRecipe

# How a few hundred pictures are learned from drawn weights, where that is another than the usual training.
SHORT: dict[str, Any] = {
    "epochs": 10.0,
    "schedule": "cosine",
    "drop_epochs": (),
    "gentle_lr": None,
    "early_crop": None,
    "early_share": 0.0,
}


def layers(model: nn.Module) -> Layers:
    """The first layer, the stages and the dense layer, in their order.

    The first layer's normalisation belongs to it.
    """
    known = with_weights(model, lambda name: "conv1" if name == "bn1" else name)
    return Layers(model, known, {"convolutions": tuple(known)[:-1]})


def own_recipe(settings: Mapping[str, Any]) -> ResNetRecipe:
    """The recipe of a network of which these settings are known; the others are as usual for its family.

    Raises:
        InputFault: the settings are no recipe.
    """
    usual = PAPER if settings.get("network") == "imagenet" else SMALL
    return ResNetRecipe.parse({**usual.model_dump(), **settings})
