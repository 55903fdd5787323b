"""What Table 9 compares dropout with, beside L2: an L1 penalty on the weights, and a KL penalty for sparsity.

L1 adds l1 * sum |w|. The sparsity penalty pulls the mean activity q of each hidden unit over a batch to a target t:
for logistic units by KL(t || q) of two coins, for rectifiers, whose q has no upper end, by the KL of two normal
variables of variance 1, (q - t)^2 / 2, as the authors' code has it. L2 is the optimizer's weight decay. Where a batch
is split (over processes, or to save memory), q is the mean of each part.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

_TINY = 1e-6


class Penalty:
    """What is added to the loss of each picture; it watches the hidden units of a net in training.

    Args:
        model: the net, whose hidden layers end in rectifiers or logistic units.
        l1: the weight of the L1 penalty.
        sparsity: the weight of the KL penalty.
        target: the mean activity that it pulls to.
    """

    def __init__(self, model: nn.Module, *, l1: float = 0.0, sparsity: float = 0.0, target: float = 0.05) -> None:
        self.l1, self.sparsity, self.target = l1, sparsity, target
        layers = [layer for layer in model.children() if isinstance(layer, nn.Conv2d | nn.Linear)]
        self._weights = [layer.weight for layer in layers] if l1 else []
        self._device = layers[0].weight.device
        self._divergences: list[Tensor] = []
        units = [layer for layer in model.children() if isinstance(layer, nn.ReLU | nn.Sigmoid)] if sparsity else []
        for layer in units:
            layer.register_forward_hook(self._look)

    def _look(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if not layer.training:
            return
        # Of a convolution, a unit is a map: its activity is over all its places too.
        mean = output.float().mean(0) if output.dim() == 2 else output.float().mean((0, 2, 3))
        kl = bernoulli_kl if isinstance(layer, nn.Sigmoid) else normal_kl
        self._divergences.append(kl(mean, self.target))

    def __call__(self) -> Float[Tensor, ""]:
        """The penalty for the pictures that went through the net since the last call."""
        parts = [self.l1 * functional.l1_loss(w, torch.zeros_like(w), reduction="sum") for w in self._weights]
        parts += [self.sparsity * divergence for divergence in self._divergences]
        self._divergences.clear()
        return sum(parts, start=torch.zeros((), device=self._device))


def bernoulli_kl(mean: Float[Tensor, " units"], target: float) -> Float[Tensor, ""]:
    """KL(t || q) = t log(t / q) + (1 - t) log((1 - t) / (1 - q)), summed over the units, in nats."""
    q = mean.clamp(_TINY, 1.0 - _TINY)
    t = torch.full_like(q, target)
    return (t * (t / q).log() + (1 - t) * ((1 - t) / (1 - q)).log()).sum()


def normal_kl(mean: Float[Tensor, " units"], target: float) -> Float[Tensor, ""]:
    """The KL of N(t, 1) and N(q, 1), summed over the units, in nats."""
    return 0.5 * (mean - target).square().sum()
