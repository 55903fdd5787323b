"""How the weights of all networks here start: the paper prints no number but for "small random Gaussian values"."""

from __future__ import annotations

import math

import torch
from torch import nn


@torch.no_grad()
def initialise(model: nn.Module, sd: float | None) -> None:
    """Draw the weights of convolutions and dense layers from torch's global generator; their biases start at 0.

    Args:
        model: the network.
        sd: the standard deviation; None: sqrt(2 / fan-in) for each layer.
    """
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.normal_(0.0, math.sqrt(2.0 / layer.weight[0].numel()) if sd is None else sd)
            if layer.bias is not None:
                layer.bias.zero_()
