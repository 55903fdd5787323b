"""The scaled network with two inventions of 2015 in it: what would AlexNet have gained?

Batch normalisation (Ioffe and Szegedy) takes the place of response normalisation: after every convolution, before its
activation. Shortcuts (He et al.) lead around the three middle layers: a layer's input is added to its output before
the activation, by a 1 x 1 convolution where the number of maps changes. With both switched off this is the scaled
network, weight for weight.
"""

from __future__ import annotations

import math
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochal.engine.image_size import check_image
from epochal.landmarks.alexnet.scaled import ScaledAlexNet

_PARTS = ("conv", "bn", "shortcut", "fc", "relu", "norm", "pool", "drop")


class ModernAlexNet(ScaledAlexNet):
    """The scaled network with batch normalisation, with shortcuts, or with both.

    Args:
        classes: how many classes there are.
        batch_norm: normalise each map over the batch, and no responses.
        residual: lead shortcuts around conv3, conv4 and conv5.
        lrn: normalise responses; without effect where `batch_norm` takes its place.
        scaled: the other arguments of the scaled network.

    Raises:
        InputFault: an argument is none of the paper's choices.
    """

    def __init__(
        self, classes: int = 10, *, batch_norm: bool = True, residual: bool = True, lrn: bool = True, **scaled: Any
    ) -> None:
        super().__init__(classes, lrn=lrn and not batch_norm, **scaled)
        self.bn1, self.bn2 = normalisation(self.conv1, batch_norm), normalisation(self.conv2, batch_norm)
        self.bn3, self.bn4, self.bn5 = (normalisation(layer, batch_norm) for layer in self.middle)
        self.shortcut3, self.shortcut4, self.shortcut5 = (shortcut(layer, residual) for layer in self.middle)
        # In the order of the forward pass: of the parameters whose gradient is bad, the last one is blamed.
        order = [part + str(layer) for layer in range(1, 9) for part in _PARTS]
        self._modules = {name: self._modules[name] for name in order if name in self._modules}

    @property
    def middle(self) -> tuple[nn.Module, nn.Module, nn.Module]:
        """The layers that shortcuts lead around."""
        return self.conv3, self.conv4, self.conv5

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Raises:
            InputFault: the images are of another size than the network was made for.
        """
        check_image(image, self.pixels)
        x = self.pool1(self.norm1(self.relu1(self.bn1(self.conv1(image)))))
        x = self.pool2(self.norm2(self.relu2(self.bn2(self.conv2(x)))))
        x = self.relu3(self.bn3(self.conv3(x)) + self.shortcut3(x))
        x = self.relu4(self.bn4(self.conv4(x)) + self.shortcut4(x))
        x = self.pool5(self.relu5(self.bn5(self.conv5(x)) + self.shortcut5(x)))
        x = x.flatten(1)
        x = self.drop6(self.relu6(self.fc6(x)))
        x = self.drop7(self.relu7(self.fc7(x)))
        return cast(Tensor, self.fc8(x))


def normalisation(layer: nn.Module, wanted: bool) -> nn.Module:
    """What normalises a convolution's maps over the batch, where there is a convolution and it is wanted."""
    return nn.BatchNorm2d(layer.out_channels) if wanted and isinstance(layer, nn.Conv2d) else nn.Identity()


class Nothing(nn.Module):
    """The shortcut that is not there: nothing is added."""

    def forward(self, x: Float[Tensor, "B maps S S"]) -> float:
        """Zero."""
        return 0.0


def shortcut(layer: nn.Module, wanted: bool) -> nn.Module:
    """The way around a layer: nothing to compute where the number of maps stays."""
    if not wanted or not isinstance(layer, nn.Conv2d):
        return Nothing()
    if layer.in_channels == layer.out_channels:
        return nn.Identity()
    around = nn.Conv2d(layer.in_channels, layer.out_channels, 1, bias=False)
    with torch.no_grad():
        around.weight.normal_(0.0, math.sqrt(1.0 / layer.in_channels))
    return around
