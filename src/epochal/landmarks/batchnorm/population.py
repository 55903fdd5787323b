"""Mean and variance of the population, from training batches once the training is over (Algorithm 2, lines 7 to 10).

E[x] is the average of the batches' means, Var[x] is m / (m - 1) times the average of their variances, all batches
counting alike, while the running averages that serve during a training forget. Each layer is normalised by the batch
meanwhile, as in training; what else differs between training and use, such as dropout, is as in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochal.landmarks.batchnorm.model import BatchNorm


@torch.no_grad()
def take_in(
    model: nn.Module,
    images: Float[Tensor, " B *size"],
    number: int,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """Let one more batch into the statistics of the population; leaves the model in evaluation mode.

    Args:
        model: a network; layers that rest (evaluation mode by themselves, because they are frozen) keep theirs.
        images: prepared as in training.
        number: how many batches are in already; with 0 those of the training are forgotten.
        forward: runs the network; the model itself if None.

    Returns:
        What the network answered.
    """
    layers = [m for m in model.modules() if isinstance(m, BatchNorm) and m.weight.requires_grad]
    rates = [layer.rate for layer in layers]
    model.eval()
    try:
        for layer in layers:
            layer.train()
            layer.rate = 1.0 / (number + 1)
            layer.num_batches_tracked.sub_(1)  # it counts the batches of the training
        return (forward or model)(images)
    finally:
        for layer, rate in zip(layers, rates, strict=True):
            layer.rate = rate
            layer.eval()


def take_population(model: nn.Module, batches: Iterable[Float[Tensor, " _ *size"]]) -> None:
    """Put the statistics of the batches in the place of the running ones; leaves the model in evaluation mode."""
    for number, images in enumerate(batches):
        take_in(model, images, number)
