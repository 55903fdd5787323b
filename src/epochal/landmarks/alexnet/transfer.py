"""What only AlexNet knows of transfer: its layers, the last of which is the head; and how to train for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import nn

from epochal.engine.layers import Layers, with_weights
from epochal.landmarks.alexnet.exchange import LAYERS
from epochal.landmarks.alexnet.recipe import MEDIUM, SMALL, AlexNetRecipe
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet

# How a few hundred pictures are learned from drawn weights, where that is another than the usual training.
SHORT: dict[str, Any] = {
    "epochs": 10.0,
    "schedule": "cosine",
    "colour_noise_epochs": None,
    "until_accuracy": None,
}

_LARGE = ("paper", "source", "torchvision")


def layers(model: nn.Module) -> Layers:
    """The layers that have weights, in their order, by the paper's name of each.

    A layer's normalisation and its shortcut belong to it.
    """
    if isinstance(model, SingleTowerAlexNet):
        names = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        known: dict[str, tuple[str, ...]] = {layer: (name,) for layer, name in zip(LAYERS, names, strict=True)}
    else:
        of_number = with_weights(model, lambda name: re.sub(r"\D", "", name)).values()
        known = {modules[0]: modules for modules in of_number}
    return Layers(model, known, {"convolutions": tuple(name for name in known if not name.startswith("fc"))})


def own_recipe(settings: Mapping[str, Any]) -> AlexNetRecipe:
    """The recipe of a network of which these settings are known; the others are as usual for its size.

    Raises:
        InputFault: the settings are no recipe.
    """
    usual = MEDIUM if settings.get("network") in _LARGE else SMALL
    return AlexNetRecipe.parse({**usual.model_dump(), **settings})
