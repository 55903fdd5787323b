"""What only ResNet knows of transfer: its stages, the last of which is the head; and how to train for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest, printable
from epochal.landmarks.resnet.networks import network
from epochal.landmarks.resnet.recipe import PAPER, SMALL, ResNetRecipe

# A few hundred pictures: short, in small batches, so that there are steps enough.
EPOCHS = 10.0
BATCH = 32
# Weights that are good already are changed with care: at a tenth of the rate that is right for drawn ones.
GENTLE = 0.1


def layers(model: nn.Module) -> dict[str, tuple[str, ...]]:
    """The first layer, the stages and the dense layer, in their order, and the modules each consists of.

    The first layer's normalisation belongs to it. The last is the head.
    """
    names = [name for name, module in model.named_children() if next(module.parameters(), None) is not None]
    first = tuple(name for name in names if name in ("conv1", "bn1"))
    return {"conv1": first, **{name: (name,) for name in names if name not in first}}


def head(model: nn.Module) -> tuple[str, ...]:
    """The modules of the last layer, which gives a score to each class."""
    return list(layers(model).values())[-1]


def chosen(model: nn.Module, names: Iterable[str]) -> list[str]:
    """The modules of the stages that are to be frozen.

    Raises:
        InputFault: the network has no such stage, or none would be left to train.
    """
    known = layers(model)
    together = {"body": list(known)[:-1], "convolutions": list(known)[:-1]}
    frozen: set[str] = set()
    for name in names:
        if name not in known and name not in together:
            raise InputFault(
                f"the network has no stage called {printable(name)!r} to freeze",
                expected=nearest(name, [*known, *together]),
            )
        frozen.update(together.get(name, [name]))
    if frozen == set(known):
        raise InputFault("all layers are frozen: none is left to train", expected="at least one layer that learns")
    return [module for name in known if name in frozen for module in known[name]]


def sizes(recipe: ResNetRecipe, classes: int) -> tuple[int, int]:
    """How many numbers the recipe's network learns, and how many it has."""
    with torch.device("meta"):  # nothing is drawn
        model = network(recipe, classes)
    every = sum(parameter.numel() for parameter in model.parameters())
    kept = {id(p): p.numel() for name in chosen(model, recipe.freeze) for p in model.get_submodule(name).parameters()}
    return every - sum(kept.values()), every


def own_recipe(settings: Mapping[str, Any]) -> ResNetRecipe:
    """The recipe of a network of which these settings are known; the others are as usual for its family.

    Raises:
        InputFault: the settings are no recipe.
    """
    usual = PAPER if settings.get("network") == "imagenet" else SMALL
    # What others published of their weights they measured in float32.
    return ResNetRecipe.parse({**usual.model_dump(), "precision": "fp32", **settings})


def outputs(recipe: ResNetRecipe, tensors: Mapping[str, Tensor]) -> int:
    """How many classes the weights of the recipe's network tell apart.

    Raises:
        InputFault: they have no last layer, or are of another depth than the recipe's.
    """
    with torch.device("meta"):
        known = network(recipe, 2)
    last = f"{head(known)[-1]}.weight"
    if last not in tensors:
        raise InputFault(f"the weights have no {last}", expected=f"those of the network {recipe.network}")
    _check_depth(recipe, known, tensors)
    return len(tensors[last])


def _check_depth(recipe: ResNetRecipe, known: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """The blocks that the weights have are those of the depth that is asked for."""
    blocks = {".".join(name.split(".")[:2]) for name in tensors if name.startswith("layer")}
    wanted = {".".join(name.split(".")[:2]) for name, _ in known.named_parameters() if name.startswith("layer")}
    if blocks != wanted:
        raise InputFault(
            f"depth={recipe.depth} has {len(wanted)} blocks, and the weights have {len(blocks)}",
            expected="the depth that the weights were trained with",
            remedy="leave out --set depth: it is told from the weights",
        )


def from_scratch(settings: Mapping[str, Any]) -> ResNetRecipe:
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
        gentle_lr=None,
        warmup_epochs=min(known.warmup_epochs, EPOCHS * known.warmup_epochs / known.epochs),
        schedule="cosine",
        drop_epochs=(),
        evaluate_epochs=1.0,
        precision=settings.get("precision", "auto"),
    )


def gentler(recipe: ResNetRecipe, *, drawn_head: bool = True) -> ResNetRecipe:
    """The recipe for weights that are good already, but for those of a head that was drawn anew."""
    return recipe.replace(lr=recipe.lr * GENTLE, head_rate=1.0 / GENTLE if drawn_head else 1.0)
