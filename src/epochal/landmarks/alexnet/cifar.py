"""The small networks for CIFAR-10: the four-layer one of Section 3.1 and the locally connected one of Section 3.3.

Figure 1 trains "a four-layer convolutional network" with rectifiers and with tanh; the paper gives no more detail, so
this is the four-layer network of the authors' 2012 release (`layers-18pct.cfg`): three convolutions and a dense layer.
Section 3.3 says that response normalisation took such a network from 13 % to 11 % and names the two files in a
footnote: two convolutions, two locally connected layers (a convolution whose weights differ at every position) and a
dense layer. Pools are in ceil mode, as everywhere in that code.
"""

from __future__ import annotations

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from epochal.core.fault import InputFault, nearest
from epochal.engine.image_size import check_image
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.alexnet.model import ACTIVATIONS
from epochal.landmarks.alexnet.spatial_norm import SpatialResponseNorm


class CifarNet(nn.Module):
    """The four-layer network: convolutions of 32, 32 and 64 maps and a dense layer; 89,578 parameters for 10 classes.

    Args:
        classes: how many classes there are.
        pixels: side of the pictures: 32, or 24 when crops are used.
        activation: `relu`, or what Figure 1 compares with: `tanh`, `sigmoid`.
        lrn: normalise after the first two poolings, spatially, as the 18 % network does (the 19 % network does not).

    Raises:
        InputFault: no activation has that name.
    """

    def __init__(self, classes: int = 10, *, pixels: int = 32, activation: str = "relu", lrn: bool = True) -> None:
        super().__init__()
        act = _activation(activation)
        self.pixels = pixels
        self.conv1 = nn.Conv2d(3, 32, 5, padding=2)
        self.relu1 = act()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = SpatialResponseNorm(3, alpha=0.00005) if lrn else nn.Identity()
        self.conv2 = nn.Conv2d(32, 32, 5, padding=2)
        self.relu2 = act()
        self.pool2 = nn.AvgPool2d(3, stride=2, ceil_mode=True)
        self.norm2 = SpatialResponseNorm(3, alpha=0.00005) if lrn else nn.Identity()
        self.conv3 = nn.Conv2d(32, 64, 5, padding=2)
        self.relu3 = act()
        self.pool3 = nn.AvgPool2d(3, stride=2, ceil_mode=True)
        self.fc10 = nn.Linear(64 * (pixels // 8) ** 2, classes)
        _initialise(self)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Raises:
            InputFault: the images are of another size than the network was made for.
        """
        check_image(image, self.pixels)
        x = self.norm1(self.pool1(self.relu1(self.conv1(image))))
        x = self.norm2(self.pool2(self.relu2(self.conv2(x))))
        x = self.pool3(self.relu3(self.conv3(x)))
        return cast(Tensor, self.fc10(x.flatten(1)))


class LocalCifarNet(nn.Module):
    """The locally connected network of the 13 % and the 11 % file.

    The 11 % file differs from the 13 % file by more than normalisation: it also has 64 maps in local3 instead of 32 and
    another weight decay. So both are arguments: (lrn=False, maps3=32) is the one file, (lrn=True, maps3=64) the other.

    Args:
        classes: how many classes there are.
        pixels: side of the crops; 24 in the files.
        activation: `relu` in the files.
        lrn: normalise across 9 maps, after the first pooling and before the second.
        maps3: maps of local3.

    Raises:
        InputFault: no activation has that name.
    """

    def __init__(
        self, classes: int = 10, *, pixels: int = 24, activation: str = "relu", lrn: bool = True, maps3: int = 32
    ) -> None:
        super().__init__()
        act = _activation(activation)
        self.pixels = pixels
        side = pixels // 4
        self.conv1 = nn.Conv2d(3, 64, 5, padding=2)
        self.relu1 = act()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.norm1 = _across_nine_maps() if lrn else nn.Identity()
        self.conv2 = nn.Conv2d(64, 64, 5, padding=2)
        self.relu2 = act()
        self.norm2 = _across_nine_maps() if lrn else nn.Identity()
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.local3 = LocallyConnected(64, maps3, side)
        self.relu3 = act()
        self.local4 = LocallyConnected(maps3, 32, side)
        self.relu4 = act()
        self.fc10 = nn.Linear(32 * side**2, classes)
        _initialise(self)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Raises:
            InputFault: the images are of another size than the network was made for.
        """
        check_image(image, self.pixels)
        x = self.norm1(self.pool1(self.relu1(self.conv1(image))))
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))
        x = self.relu3(self.local3(x))
        x = self.relu4(self.local4(x))
        return cast(Tensor, self.fc10(x.flatten(1)))


class LocallyConnected(nn.Module):
    """A 3 x 3 convolution with padding 1 whose weights and biases are different at every position.

    Args:
        seen: maps that come in.
        maps: maps that go out.
        side: side of the maps.
    """

    def __init__(self, seen: int, maps: int, side: int) -> None:
        super().__init__()
        self.side = side
        # One matrix for each position, which is what the multiplication below wants.
        self.weight = nn.Parameter(torch.empty(side * side, seen * 9, maps))
        self.bias = nn.Parameter(torch.zeros(side * side, maps))

    def forward(self, x: Float[Tensor, "B seen S S"]) -> Float[Tensor, "B maps S S"]:
        """Multiply each position's neighbourhood by the position's own matrix."""
        patches = F.unfold(x, 3, padding=1).permute(2, 0, 1)  # position, image, neighbourhood
        y = torch.baddbmm(self.bias[:, None], patches, self.weight)
        return y.permute(1, 2, 0).reshape(*y.shape[1:], self.side, self.side)


# The standard deviations in the files, which give the first layer its own; all biases start at 0.
FIRST_SD = 0.0001
SD = {nn.Conv2d: 0.01, LocallyConnected: 0.04, nn.Linear: 0.01}


def _across_nine_maps() -> LocalResponseNorm:
    """`cmrnorm` of size 9: scale 0.001, which the code divides by the size, and 1 where the paper has k = 2."""
    return LocalResponseNorm(9, alpha=0.001 / 9, k=1.0)


def _activation(name: str) -> type[nn.Module]:
    if name not in ACTIVATIONS:
        raise InputFault(f"no activation is called {name!r}", expected=nearest(name, ACTIVATIONS))
    return ACTIVATIONS[name]


@torch.no_grad()
def _initialise(model: nn.Module) -> None:
    """Draw the weights as the files say, from torch's global generator."""
    for name, layer in model.named_children():
        if not isinstance(layer, nn.Conv2d | LocallyConnected | nn.Linear):
            continue
        layer.weight.normal_(0.0, FIRST_SD if name == "conv1" else SD[type(layer)])
        if layer.bias is not None:
            layer.bias.zero_()
