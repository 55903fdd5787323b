"""The non-linearities that follow normalisation: sigmoids, as in Section 4.1, and rectifiers."""

from __future__ import annotations

from torch import nn

ACTIVATIONS: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU}
