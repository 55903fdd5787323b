"""Which of a network's layers say most, when its answers to a picture are shown."""

from __future__ import annotations

from collections.abc import Collection

from torch import nn


def of_kinds(model: nn.Module, kinds: Collection[type[nn.Module]]) -> list[str]:
    """The layers of some kinds, in their order: a non-linearity says what the layers before it would repeat."""
    return [str(name) for name, module in model.named_modules() if isinstance(module, tuple(kinds))]


def scores(model: nn.Module) -> str:
    """The dense layer that gives a score to each class."""
    return of_kinds(model, [nn.Linear])[-1]


def last_hidden(model: nn.Module) -> str:
    """The layer whose answers the last dense layer sees.

    Dropout passes everything on when nothing is learned, and is passed over.
    """
    leaves = [(str(name), module) for name, module in model.named_modules() if not list(module.children())]
    last = max(place for place, (_, module) in enumerate(leaves) if isinstance(module, nn.Linear))
    passed_over = ("Dropout", "Identity")
    before = [name for name, module in leaves[:last] if not type(module).__name__.endswith(passed_over)]
    return before[-1] if before else leaves[last][0]
