"""Max-norm regularisation: no hidden unit's incoming weights may grow longer than a constant (Section 5.1).

After each update a weight vector w that is longer than c is projected onto the ball of that radius: w <- c w / |w|. So
large learning rates can be used without weights blowing up, and decayed, which searches far more of the space. Biases
are free.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MaxNorm:
    """What follows an update: the projection of every unit's incoming weights.

    Args:
        weights: of the constrained layers, a row (of convolutions, a kernel) for each unit.
        most: the constant c.
    """

    def __init__(self, weights: Sequence[Tensor], most: float) -> None:
        self.weights, self.most = tuple(weights), most

    @torch.no_grad()
    def __call__(self) -> None:
        """Shorten what is too long; all else keeps its bits."""
        for weight in self.weights:
            norms = incoming_norms(weight)
            # A weight vector of zeros has room for an infinite factor, and keeps its own.
            factor = (self.most / norms).clamp_(max=1.0)
            weight.mul_(factor.view(-1, *(1,) * (weight.dim() - 1)))


def incoming_norms(weight: Float[Tensor, units * seen]) -> Float[Tensor, " units"]:
    """The Euclidean length of each unit's incoming weight vector."""
    return cast(Tensor, torch.linalg.vector_norm(weight.flatten(1), dim=1))


def constrained(model: nn.Module, *, output: bool) -> list[Tensor]:
    """The weights of the hidden layers, which the paper constrains; with `output` those of the last layer too.

    The layers are looked for in their order, and frozen ones are left alone.
    """
    layers = [layer for layer in model.children() if isinstance(layer, nn.Conv2d | nn.Linear)]
    return [layer.weight for layer in (layers if output else layers[:-1]) if layer.weight.requires_grad]
