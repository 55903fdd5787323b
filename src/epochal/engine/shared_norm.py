"""Batch normalisation over a batch that several processes share: as one process would normalise the whole batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

# Adds up over the processes, in place.
Sum = Callable[[Tensor], Tensor]


def of_one(values: Tensor) -> Tensor:
    """The sum over a single process."""
    return values


@runtime_checkable
class Shareable(Protocol):
    """A layer of our own that can normalise over a batch of several processes."""

    def share(self, summed: Sum, /) -> None:
        """Add up over the processes from now on."""
        ...


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation whose means and variances are those of all processes' parts together.

    torch's own runs on graphics cards only.

    Args:
        like: the layer whose place this one takes; its tensors are taken over.
        summed: adds up over the processes.
    """

    def __init__(self, like: nn.BatchNorm2d, summed: Sum) -> None:
        super().__init__(like.num_features, like.eps, affine=True)
        self._parameters, self._buffers, self.summed = like._parameters, like._buffers, summed
        self.rate = float(like.momentum or 0.0)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Normalise, in float32 at least; outside of training as torch does."""
        if not self.training:
            return super().forward(x)
        wide = x.float() if x.dtype.itemsize < 4 else x
        count = self.summed(torch.tensor(x.numel() // x.shape[1], dtype=wide.dtype, device=x.device))
        mean = _Summed.apply(wide.sum((0, 2, 3)), self.summed) / count
        centred = wide - mean[:, None, None]
        variance = _Summed.apply(centred.square().sum((0, 2, 3)), self.summed) / count
        self._remember(mean.detach(), variance.detach() * (count / (count - 1)))
        scale = torch.rsqrt(variance + self.eps) * self.weight
        return cast(Tensor, (centred * scale[:, None, None] + self.bias[:, None, None]).to(x.dtype))

    @torch.no_grad()
    def _remember(self, mean: Float[Tensor, " C"], variance: Float[Tensor, " C"]) -> None:
        """Keep the running statistics as torch does: of the variance, the unbiased estimate."""
        self.get_buffer("num_batches_tracked").add_(1)
        self.get_buffer("running_mean").lerp_(mean, self.rate)
        self.get_buffer("running_var").lerp_(variance, self.rate)


class _Summed(torch.autograd.Function):
    """A sum over the processes; the gradient of each part is the sum of the gradients that they all have for it."""

    @staticmethod
    def forward(ctx: Any, part: Tensor, summed: Sum) -> Tensor:
        ctx.summed = summed
        return summed(part.clone())

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.summed(gradient.clone()), None


def share_batch_norms(model: nn.Module, summed: Sum) -> None:
    """Put shared batch normalisation in the place of torch's, under the same names; a layer of ours is told to share.

    Raises:
        ValueError: a layer normalises in a way that is not shared.
    """
    for name, layer in model.named_children():
        if isinstance(layer, Shareable):
            layer.share(summed)
        elif (
            type(layer) is nn.BatchNorm2d and layer.affine and layer.momentum is not None and layer.track_running_stats
        ):
            setattr(model, name, SharedBatchNorm2d(layer, summed))
        elif isinstance(layer, nn.modules.batchnorm._NormBase):
            raise ValueError(f"{name} ({layer}) cannot normalise over the batch of several processes")
        else:
            share_batch_norms(layer, summed)
