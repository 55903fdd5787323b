"""Monte-Carlo model averaging (Section 7.5): what the scaled weights stand for, done at length.

Each answer is the mean of what k thinned nets say, each with units dropped as in training. With k growing it becomes
the exact average over all of them, of which the weight scaling of Section 4 is an approximation.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochal.engine.device import autocast
from epochal.landmarks.dropout.model import Dropout, GaussianDropout


@contextmanager
def thinned(model: nn.Module) -> Iterator[None]:
    """The net in use, but with its units dropped as in training; afterwards all is as it was."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    for module in model.modules():
        if isinstance(module, Dropout | GaussianDropout):
            module.training = True
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@torch.no_grad()
def averages(
    model: nn.Module, images: Float[Tensor, "B rgb S S"], samples: int, precision: str = "fp32"
) -> Iterator[Float[Tensor, "B K"]]:
    """The class probabilities averaged over 1, 2, ... `samples` thinned nets; torch's generator decides which."""
    total: Tensor | None = None
    with thinned(model):
        for done in range(1, samples + 1):
            with autocast(images.device, precision):
                logits = model(images)
            said = torch.softmax(logits.float(), 1)
            total = said if total is None else total + said
            yield total / done


def averaged(
    model: nn.Module, images: Float[Tensor, "B rgb S S"], samples: int, precision: str = "fp32"
) -> Float[Tensor, "B K"]:
    """The class probabilities averaged over so many thinned nets.

    Raises:
        ValueError: no net is to be sampled.
    """
    if samples < 1:
        raise ValueError(f"an average over {samples} nets")
    *_, last = averages(model, images, samples, precision)
    return last
