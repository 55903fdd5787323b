"""What only AlexNet knows of transfer: its layers, the last of which is the head; and how to train for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest, printable
from epochal.landmarks.alexnet.exchange import LAYERS
from epochal.landmarks.alexnet.networks import network
from epochal.landmarks.alexnet.recipe import MEDIUM, SMALL, AlexNetRecipe
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet

# A few hundred pictures: short, in small batches, so that there are steps enough.
EPOCHS = 10.0
BATCH = 32
# Weights that are good already are changed with care: at a third of the rate that is right for drawn ones. A tenth
# was too little for weights from 1,700 photographs (docs/log.md).
GENTLE = 1 / 3

_LARGE = ("paper", "source", "torchvision")


def layers(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """The layers that have weights, in their order: the paper's name of each, and the modules it consists of.

    A layer's normalisation and its shortcut belong to it. The last layer is the head.
    """
    if isinstance(model, SingleTowerAlexNet):
        modules = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        return {layer: (name,) for layer, name in zip(LAYERS, modules, strict=True)}
    of_number: dict[str, list[str]] = {}
    for name, module in model.named_children():
        if next(module.parameters(), None) is not None:
            of_number.setdefault(re.sub(r"\D", "", name), []).append(name)
    return {modules[0]: tuple(modules) for modules in of_number.values()}


def head(model: nn.Module) -> tuple[str, ...]:
    """The modules of the last layer, which gives a score to each class."""
    return list(layers(model).values())[-1]


def chosen(model: nn.Module, names: Iterable[str]) -> list[str]:
    """The modules of the layers that are to be frozen.

    Raises:
        InputFault: the network has no such layer, or none would be left to train.
    """
    known = layers(model)
    together = {"body": list(known)[:-1], "convolutions": [name for name in known if not name.startswith("fc")]}
    frozen: set[str] = set()
    for name in names:
        if name not in known and name not in together:
            raise InputFault(
                f"the network has no layer called {printable(name)!r} to freeze",
                expected=nearest(name, [*known, *together]),
            )
        frozen.update(together.get(name, [name]))
    if frozen == set(known):
        raise InputFault("all layers are frozen: none is left to train", expected="at least one layer that learns")
    return [module for name in known if name in frozen for module in known[name]]


def sizes(recipe: AlexNetRecipe, classes: int) -> tuple[int, int]:
    """How many numbers the recipe's network learns, and how many it has."""
    with torch.device("meta"):  # nothing is drawn
        model = network(recipe, classes)
    every = sum(parameter.numel() for parameter in model.parameters())
    kept = {id(p): p.numel() for name in chosen(model, recipe.freeze) for p in model.get_submodule(name).parameters()}
    return every - sum(kept.values()), every


def own_recipe(settings: Mapping[str, Any]) -> AlexNetRecipe:
    """The recipe of a network of which these settings are known; the others are as usual for its size.

    Raises:
        InputFault: the settings are no recipe.
    """
    usual = MEDIUM if settings.get("network") in _LARGE else SMALL
    return AlexNetRecipe.parse({**usual.model_dump(), **settings})


def outputs(recipe: AlexNetRecipe, tensors: Mapping[str, Tensor]) -> int:
    """How many classes the weights of the recipe's network tell apart.

    Raises:
        InputFault: they have no last layer of that network.
    """
    with torch.device("meta"):
        last = f"{head(network(recipe, 2))[-1]}.weight"
    if last not in tensors:
        raise InputFault(f"the weights have no {last}", expected=f"those of the network {recipe.network}")
    return len(tensors[last])


def from_scratch(settings: Mapping[str, Any]) -> AlexNetRecipe:
    """How a network with these settings learns a small set of pictures from drawn weights.

    Args:
        settings: the recipe's settings that are known of a network: all of them, or those that shape it.

    Raises:
        InputFault: the settings are no recipe.
    """
    known = own_recipe(settings)
    batch = min(known.batch_size, BATCH)
    # A smaller batch takes a smaller step; Adam's steps do not follow the size of the gradient.
    share = 1.0 if known.optimizer == "adamw" else batch / known.batch_size
    return known.replace(
        pictures=None,
        freeze=(),
        batch_size=batch,
        lr=known.lr * share,
        epochs=EPOCHS,
        warmup_epochs=min(known.warmup_epochs, EPOCHS * known.warmup_epochs / known.epochs),
        schedule="cosine",
        colour_noise_epochs=None,
        until_accuracy=None,
        evaluate_epochs=1.0,
    )


def gentler(recipe: AlexNetRecipe, *, drawn_head: bool = True) -> AlexNetRecipe:
    """The recipe for weights that are good already, but for those of a head that was drawn anew."""
    return recipe.replace(lr=recipe.lr * GENTLE, head_rate=1.0 / GENTLE if drawn_head else 1.0)
