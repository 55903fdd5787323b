"""The networks of Section 4.2 for small pictures: 6n + 2 layers, residual or plain.

A 3 x 3 layer of 16 maps, then three stages of 2n such layers with 16, 32 and 64 maps on pictures of 32, 16 and 8
pixels, the average of each map, and a dense layer. Shortcuts are the identity (option A) in the paper, so a network and
its plain twin have the same parameters. The paper trains 20, 32, 44, 56, 110 and 1202 layers; any n will do.

https://arxiv.org/abs/1512.03385
"""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from epochal.core.fault import InputFault
from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.resnet.block import basic, stage
from epochal.landmarks.resnet.depths import cifar_blocks
from epochal.landmarks.resnet.init import initialise

MAPS = (16, 32, 64)
# The last stage must have something to look at.
LEAST_PIXELS = 8


class CifarResNet(nn.Module):
    """A network for small pictures: 269,722 parameters with 20 layers and 10 classes.

    Args:
        depth: how many layers have weights: 6n + 2.
        classes: how many classes there are.
        residual: with shortcuts around every second layer; otherwise the plain twin.
        shortcut: the kind of shortcut where sizes change: `A` in the paper, or `B` or `C` (Section 3.3).

    Raises:
        InputFault: the depth or the shortcut is none of the paper's.
    """

    def __init__(self, depth: int = 20, classes: int = 10, *, residual: bool = True, shortcut: str = "A") -> None:
        super().__init__()
        n = cifar_blocks(depth)
        block = basic(residual=residual, option=shortcut)
        first, second, third = MAPS
        self.conv1 = nn.Conv2d(3, first, 3, padding=1, bias=False)
        self.bn1 = BatchNorm(first)
        self.relu = nn.ReLU()
        self.layer1 = stage(block, first, first, 1, n, stride=1)
        self.layer2 = stage(block, first, second, 1, n, stride=2)
        self.layer3 = stage(block, second, third, 1, n, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(third, classes)
        initialise(self)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Args:
            image: RGB, with the training set's mean subtracted; 32 x 32 in the paper.

        Raises:
            InputFault: the images are not RGB, or too small.
        """
        check_image(image, LEAST_PIXELS)
        x = self.relu(self.bn1(self.conv1(image)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return cast(Tensor, self.fc(self.avgpool(x).flatten(1)))


def check_image(image: Tensor, least: int) -> None:
    """Refuse images that the network can do nothing with.

    Raises:
        InputFault: the images are not RGB, or a side is shorter than `least` pixels.
    """
    channels, height, width = image.shape[1:]
    if channels != 3 or min(height, width) < least:
        raise InputFault(
            f"images of shape {channels} x {height} x {width}",
            expected=f"3 x {least} x {least} or larger",
            remedy="resize the images first",
        )
