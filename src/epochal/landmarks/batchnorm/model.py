"""The batch normalising transform of Ioffe and Szegedy (2015), written out.

Of a mini-batch of m values x of one activation (Algorithm 1):

    mean = sum of x / m        variance = sum of (x - mean)^2 / m
    x^ = (x - mean) / sqrt(variance + eps)        y = gamma x^ + beta

In a convolutional layer a map is one activation at many places: m counts batch and places (Section 3.2). In use the
mean and the variance are those of the population, m / (m - 1) E[variance] over training batches (Algorithm 2): here a
running average over the batches of the training, or, taken after it, the average over some of them (`population`).

One process computes this by torch's fused kernel, which a test holds to be the same; `fused=False`, and several
processes with one batch, go through the formulas.

gamma and beta are called weight and bias, and the running statistics as in torch, so that weights can be exchanged.

https://proceedings.mlr.press/v37/ioffe15.html
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from epochal.core.fault import InputFault
from epochal.engine.shared_norm import Sum, of_one

# Section 3 keeps an eps for stability and prints no number; this is torch's.
EPS = 1e-5


class BatchNorm(nn.Module):
    """Normalise each activation over the batch: dense units, or the maps of a convolution.

    Statistics are taken in float32 at least, whatever the precision of the input.

    Args:
        activations: how many units or maps there are.
        eps: what is added to the variance.
        rate: how much of the running average a batch replaces; None: all batches count alike, as in Algorithm 2.
        fused: use torch's kernel where it can be used.
    """

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, activations: int, *, eps: float = EPS, rate: float | None = 0.1, fused: bool = True) -> None:
        super().__init__()
        self.activations, self.eps, self.rate, self.fused = activations, eps, rate, fused
        self.weight = nn.Parameter(torch.ones(activations))
        self.bias = nn.Parameter(torch.zeros(activations))
        self.register_buffer("running_mean", torch.zeros(activations))
        self.register_buffer("running_var", torch.ones(activations))
        self.register_buffer("num_batches_tracked", torch.tensor(0, dtype=torch.long))
        self.summed: Sum = of_one

    def share(self, summed: Sum) -> None:
        """From now on a batch is shared out to several processes, over which `summed` adds up."""
        self.summed = summed

    def forward(self, x: Float[Tensor, "B C *places"]) -> Float[Tensor, "B C *places"]:
        """The normalised activations: by the batch in training, by the population in use.

        Raises:
            InputFault: a batch in training has one value only for each activation, which has no variance.
        """
        if not self.training:
            return self._by_population(x)
        if self.summed is of_one and x.numel() <= self.activations:
            raise InputFault(
                "a batch of one value has no variance",
                expected="at least two samples, or places, for each activation",
                remedy="a larger batch_size, or fewer --micro-batches",
            )
        self.num_batches_tracked.add_(1)
        rate = self.rate if self.rate is not None else 1.0 / float(self.num_batches_tracked)
        if self.fused and self.summed is of_one:
            known = (self.running_mean, self.running_var, self.weight, self.bias)
            return functional.batch_norm(x, *known, True, rate, self.eps)
        wide = _at_least_float32(x)
        count = self.summed(torch.tensor(x.numel() / self.activations, dtype=wide.dtype, device=x.device))
        y, mean, variance = _Transform.apply(wide, self.weight, self.bias, count, self.eps, self.summed)
        self._remember(mean, variance * (count / (count - 1)), rate)
        return cast(Tensor, y.to(x.dtype))

    def _by_population(self, x: Float[Tensor, "B C *places"]) -> Float[Tensor, "B C *places"]:
        """Line 11 of Algorithm 2, with the mean taken off first: far from zero the printed order would cancel."""
        known = (self.running_mean, self.running_var, self.weight, self.bias)
        if self.fused:
            return functional.batch_norm(x, *known, False, 0.0, self.eps)
        scale = self.weight * torch.rsqrt(self.running_var + self.eps)
        y = (_at_least_float32(x) - _wide(self.running_mean, x)) * _wide(scale, x) + _wide(self.bias, x)
        return y.to(x.dtype)

    @torch.no_grad()
    def _remember(self, mean: Float[Tensor, " C"], variance: Float[Tensor, " C"], rate: float) -> None:
        """Take the batch into the estimate of the population."""
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), rate)
        self.running_var.lerp_(variance.to(self.running_var.dtype), rate)

    def extra_repr(self) -> str:
        """What `print` shows."""
        return f"{self.activations}, eps={self.eps:g}, rate={self.rate}"


class _Transform(torch.autograd.Function):
    """Algorithm 1 and the gradients that Section 3 derives by the chain rule."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor, count: Tensor, eps: float, summed: Sum
    ) -> tuple[Tensor, Tensor, Tensor]:
        over = _all_but_activations(x)
        mean = summed(x.sum(over)) / count
        centred = x - _wide(mean, x)
        # Twice over the batch, as printed: the mean of squares less the square of the mean would cancel far from zero.
        variance = summed((centred * centred).sum(over)) / count
        inverse = torch.rsqrt(variance + eps)
        normal = centred.mul_(_wide(inverse, x))
        ctx.save_for_backward(normal, gamma, inverse, count)
        ctx.summed = summed
        ctx.mark_non_differentiable(mean, variance)
        return torch.addcmul(_wide(beta, x), normal, _wide(gamma, x)), mean, variance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, *unused: Tensor) -> tuple[Tensor | None, ...]:
        normal, gamma, inverse, count = ctx.saved_tensors
        over = _all_but_activations(normal)
        for_beta = gradient.sum(over)
        for_gamma = (gradient * normal).sum(over)
        if not ctx.needs_input_grad[0]:
            return None, for_gamma, for_beta, None, None, None
        # With dl/dx^ = gamma dl/dy, the printed sums over dl/dvariance and dl/dmean come to these two.
        by_mean, by_normal = ctx.summed(torch.stack([for_beta, for_gamma])).div_(count)
        back = torch.addcmul(gradient - _wide(by_mean, normal), normal, _wide(by_normal, normal), value=-1.0)
        return back.mul_(_wide(gamma * inverse, normal)), for_gamma, for_beta, None, None, None


def _at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype.itemsize < 4 else x


def _wide(values: Tensor, like: Tensor) -> Tensor:
    """A number for each activation, shaped to act on a batch."""
    return values.view(-1, *[1] * (like.dim() - 2))


def _all_but_activations(x: Tensor) -> list[int]:
    return [0, *range(2, x.dim())]
