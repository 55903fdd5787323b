"""What only this landmark knows of transfer: its layers, the last of which is the head; and how to train for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest, printable
from epochal.landmarks.batchnorm.networks import network
from epochal.landmarks.batchnorm.recipe import MNIST, PAPER, SMALL, BatchNormRecipe

# A few hundred pictures: short, in small batches, so that there are steps enough.
EPOCHS = 10.0
BATCH = 32
# Weights that are good already are changed with care: at a tenth of the rate that is right for drawn ones.
GENTLE = 0.1

_USUAL = {"mnist": MNIST, "scaled": SMALL, "inception": PAPER}


def layers(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """The layers that have weights, in their order, and the modules each consists of; the last one is the head.

    A dense layer's normalisation belongs to it, and the first convolution of BN-Inception is in two modules.
    """
    found: dict[str, list[str]] = {}
    for name, module in model.named_children():
        if next(module.parameters(), None) is not None:
            dense = re.fullmatch(r"(?:fc|bn)([0-9]+)", name)
            found.setdefault(f"fc{dense[1]}" if dense else "conv1" if name == "depthwise" else name, []).append(name)
    return {layer: tuple(modules) for layer, modules in found.items()}


def head(model: nn.Module) -> tuple[str, ...]:
    """The modules of the last layer, which gives a score to each class."""
    return list(layers(model).values())[-1]


def chosen(model: nn.Module, names: Iterable[str]) -> list[str]:
    """The modules of the layers that are to be frozen.

    Raises:
        InputFault: the network has no such layer, or none would be left to train.
    """
    known = layers(model)
    frozen: set[str] = set()
    for name in names:
        if name not in known and name != "body":
            raise InputFault(
                f"the network has no layer called {printable(name)!r} to freeze",
                expected=nearest(name, [*known, "body"]),
            )
        frozen.update(list(known)[:-1] if name == "body" else [name])
    if frozen == set(known):
        raise InputFault("all layers are frozen: none is left to train", expected="at least one layer that learns")
    return [module for name in known if name in frozen for module in known[name]]


def sizes(recipe: BatchNormRecipe, classes: int) -> tuple[int, int]:
    """How many numbers the recipe's network learns, and how many it has."""
    with torch.device("meta"):  # nothing is drawn
        model = network(recipe, classes)
    every = sum(parameter.numel() for parameter in model.parameters())
    kept = (p.numel() for name in chosen(model, recipe.freeze) for p in model.get_submodule(name).parameters())
    return every - sum(kept), every


def own_recipe(settings: Mapping[str, Any]) -> BatchNormRecipe:
    """The recipe of a network of which these settings are known; the others are as usual for it.

    Raises:
        InputFault: the settings are no recipe.
    """
    usual = _USUAL.get(str(settings.get("network", "scaled")), SMALL)
    return BatchNormRecipe.parse({**usual.model_dump(), **settings})


def outputs(recipe: BatchNormRecipe, tensors: Mapping[str, Tensor]) -> int:
    """How many classes the weights of the recipe's network tell apart.

    Raises:
        InputFault: they have no last layer of that network.
    """
    with torch.device("meta"):
        last = f"{head(network(recipe, 2))[-1]}.weight"
    if last not in tensors:
        raise InputFault(f"the weights have no {last}", expected=f"those of the network {recipe.network}")
    return len(tensors[last])


def from_scratch(settings: Mapping[str, Any]) -> BatchNormRecipe:
    """How a network with these settings learns a small set of pictures from drawn weights.

    Args:
        settings: the recipe's settings that are known of a network: all of them, or those that shape it.

    Raises:
        InputFault: the settings are no recipe.
    """
    known = own_recipe(settings)
    batch = min(known.batch_size, BATCH)
    return known.replace(
        pictures=None,
        freeze=(),
        batch_size=batch,
        lr=known.lr * batch / known.batch_size,
        epochs=EPOCHS,
        schedule="cosine",
        evaluate_epochs=1.0,
    )


def gentler(recipe: BatchNormRecipe, *, drawn_head: bool = True) -> BatchNormRecipe:
    """The recipe for weights that are good already, but for those of a head that was drawn anew."""
    return recipe.replace(lr=recipe.lr * GENTLE, head_rate=1.0 / GENTLE if drawn_head else 1.0)
