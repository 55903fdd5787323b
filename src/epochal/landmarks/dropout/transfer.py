"""What only these nets know of transfer: their layers, the last of which is the head; and how to train for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest, printable
from epochal.landmarks.dropout.networks import network
from epochal.landmarks.dropout.recipe import CIFAR, SMALL, DropoutRecipe

# A few hundred pictures: short, in small batches, so that there are steps enough.
EPOCHS = 20.0
BATCH = 32
# Weights that are good already are changed with care: at a tenth of the rate that is right for drawn ones.
GENTLE = 0.1


def layers(model: nn.Module) -> tuple[str, ...]:
    """The layers that have weights, in their order; the last one is the head."""
    return tuple(name for name, layer in model.named_children() if next(layer.parameters(), None) is not None)


def head(model: nn.Module) -> tuple[str, ...]:
    """The modules of the last layer, which gives a score to each class."""
    return layers(model)[-1:]


def chosen(model: nn.Module, names: Iterable[str]) -> list[str]:
    """The modules of the layers that are to be frozen.

    Raises:
        InputFault: the network has no such layer, or none would be left to train.
    """
    known = layers(model)
    together = {"body": known[:-1], "convolutions": tuple(name for name in known if name.startswith("conv"))}
    frozen: set[str] = set()
    for name in names:
        if name not in known and name not in together:
            raise InputFault(
                f"the network has no layer called {printable(name)!r} to freeze",
                expected=nearest(name, [*known, *together]),
            )
        frozen.update(together.get(name, (name,)))
    if frozen == set(known):
        raise InputFault("all layers are frozen: none is left to train", expected="at least one layer that learns")
    return [name for name in known if name in frozen]


def sizes(recipe: DropoutRecipe, classes: int) -> tuple[int, int]:
    """How many numbers the recipe's network learns, and how many it has."""
    with torch.device("meta"):  # nothing is drawn
        model = network(recipe, classes)
    every = sum(parameter.numel() for parameter in model.parameters())
    kept = sum(p.numel() for name in chosen(model, recipe.freeze) for p in model.get_submodule(name).parameters())
    return every - kept, every


def own_recipe(settings: Mapping[str, Any]) -> DropoutRecipe:
    """The recipe of a network of which these settings are known; the others are as usual for its kind.

    Raises:
        InputFault: the settings are no recipe.
    """
    usual = CIFAR if settings.get("network") == "conv" else SMALL
    return DropoutRecipe.parse({**usual.model_dump(), **settings})


def outputs(recipe: DropoutRecipe, tensors: Mapping[str, Tensor]) -> int:
    """How many classes the weights of the recipe's network tell apart.

    Raises:
        InputFault: they have no last layer of that network.
    """
    with torch.device("meta"):
        last = f"{head(network(recipe, 2))[0]}.weight"
    if last not in tensors:
        raise InputFault(f"the weights have no {last}", expected=f"those of a network with units {recipe.units}")
    return len(tensors[last])


def from_scratch(settings: Mapping[str, Any]) -> DropoutRecipe:
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
        lr=known.lr * batch / known.batch_size,  # a smaller batch takes a smaller step
        epochs=EPOCHS,
        schedule="linear",
        evaluate_epochs=1.0,
    )


def gentler(recipe: DropoutRecipe, *, drawn_head: bool = True) -> DropoutRecipe:
    """The recipe for weights that are good already, but for those of a head that was drawn anew."""
    return recipe.replace(lr=recipe.lr * GENTLE, head_rate=1.0 / GENTLE if drawn_head else 1.0)
