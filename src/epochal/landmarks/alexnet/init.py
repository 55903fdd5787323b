"""How the weights start: small normal numbers, and a positive constant in the biases of some layers.

Section 5 draws every weight from a normal distribution of standard deviation 0.01 and sets the biases of the second,
fourth and fifth convolution and of the hidden dense layers to 1, so that their rectifiers see positive inputs from the
first step. The 2012 code draws the third to fifth convolution three times as wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

# The layers that Section 5 gives a positive bias; every other bias starts at 0.
POSITIVE_BIAS = ("conv2", "conv4", "conv5", "fc6", "fc7")
MIDDLE = ("conv3", "conv4", "conv5")


@dataclass(frozen=True)
class Init:
    """The numbers the weights are drawn with.

    Attributes:
        sd: standard deviation of the weights; None draws each layer with sqrt(2 / fan-in) (He et al. 2015, ours).
        middle_sd: the same for conv3, conv4 and conv5 (the paper 0.01, the 2012 code 0.03).
        bias: the constant in the biases of `POSITIVE_BIAS` (the paper 1, Caffe 0.1 because 1 may leave the loss flat).
    """

    sd: float | None = 0.01
    middle_sd: float | None = 0.01
    bias: float = 1.0


PAPER = Init()
SOURCE = Init(middle_sd=0.03)
HE = Init(sd=None, middle_sd=None, bias=0.0)


@torch.no_grad()
def initialise(model: nn.Module, init: Init, generator: torch.Generator | None = None) -> None:
    """Draw the weights of `model`'s layers, found by the paper's names (conv1 ... fc8), in their order.

    Args:
        model: a network with layers named as in the paper.
        init: the numbers to draw with.
        generator: where the random numbers come from; torch's global generator when None.
    """
    for name, layer in model.named_children():
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        sd = init.middle_sd if name in MIDDLE else init.sd
        if sd is None:
            sd = math.sqrt(2.0 / layer.weight[0].numel())
        layer.weight.normal_(0.0, sd, generator=generator)
        if layer.bias is not None:
            layer.bias.fill_(init.bias if name in POSITIVE_BIAS else 0.0)
