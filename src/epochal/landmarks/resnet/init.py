"""How the weights start: He et al. 2015, "Delving Deep into Rectifiers", which Section 3.4 refers to.

Every convolution and the dense layer are drawn from a normal distribution of variance 2 / fan-in, which keeps the size
of signals through a rectified layer; normalisation starts at scale 1 and shift 0, biases at 0.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from epochal.landmarks.batchnorm.model import BatchNorm


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator | None = None) -> None:
    """Draw the weights of `model`'s layers in their order.

    Args:
        model: any network of convolutions, batch normalisations and dense layers.
        generator: where the random numbers come from; torch's global generator when None.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.normal_(0.0, math.sqrt(2.0 / layer.weight[0].numel()), generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()
        elif isinstance(layer, BatchNorm):
            layer.weight.fill_(1.0)
            layer.bias.zero_()
