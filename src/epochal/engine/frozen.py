"""Frozen layers: their weights, and what they remember of batches, stay as they are."""

from __future__ import annotations

from collections.abc import Iterable

from torch import nn


def freeze(model: nn.Module, modules: Iterable[str]) -> None:
    """Take no gradient for the weights of these modules and of all within them."""
    for name in modules:
        model.get_submodule(name).requires_grad_(False)


def resting(model: nn.Module) -> list[nn.Module]:
    """The modules with weights of their own of which none is trained.

    They must not be in training mode either: batch normalisation would go on collecting means and variances, and
    normalise by the batch what was learned from the collected ones. Dropout has no weights, and is not among them.
    """
    found = []
    for module in model.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            found.append(module)
    return found


def train_but(model: nn.Module, resting: Iterable[nn.Module]) -> None:
    """Put the model into training mode, all but the modules that rest."""
    model.train()
    for module in resting:
        module.training = False
