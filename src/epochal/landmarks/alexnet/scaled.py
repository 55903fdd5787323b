"""AlexNet scaled to pictures of 32 pixels. Not the paper's network, but its structure.

Five convolutions in two columns that meet at the third, response normalisation and overlapping pooling after the first
two, a third pooling after the fifth, two hidden dense layers with dropout. The kernels fit small pictures: the first
has stride 1 instead of 4. Pools cover the border (ceil mode, as in the 2012 code), so that windows of 3 give maps of
the same size as windows of 2, which the comparison of Section 3.4 needs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from epochal.engine.image_size import check_image
from epochal.landmarks.alexnet.init import HE, Init, initialise
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.alexnet.model import ACTIVATIONS, check_choices, middle_layer
from epochal.landmarks.dropout.model import Dropout


@dataclass(frozen=True)
class Widths:
    """How large the scaled network is; all numbers are ours.

    Attributes:
        maps: maps of conv1 to conv5, both columns together.
        kernels: side of the kernels of conv1 and conv2, odd.
        units: units of each hidden dense layer.
    """

    maps: tuple[int, int, int, int, int] = (64, 192, 384, 384, 256)
    kernels: tuple[int, int] = (5, 5)
    units: int = 1024


class ScaledAlexNet(nn.Module):
    """The paper's structure for small pictures.

    Args:
        classes: how many classes there are.
        pixels: side of the pictures, at least 16.
        activation: `relu`, `tanh` or `sigmoid`.
        lrn: normalise responses after conv1 and conv2.
        overlap: pool windows of 3 at stride 2; otherwise windows of 2.
        columns: 2, or 1: half the maps in all convolutions but the last.
        without: a middle layer to leave out: `conv3`, `conv4` or `conv5`.
        dropout: drop half of the hidden dense units in training.
        init: the numbers the weights are drawn with.
        widths: how large the network is.

    Raises:
        InputFault: an argument is none of the paper's choices.
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        pixels: int = 32,
        activation: str = "relu",
        lrn: bool = True,
        overlap: bool = True,
        columns: int = 2,
        without: str | None = None,
        dropout: bool = True,
        init: Init = HE,
        widths: Widths = Widths(),
    ) -> None:
        super().__init__()
        check_choices(activation, columns, without)
        self.pixels = pixels
        act = ACTIVATIONS[activation]
        halves = widths.maps if columns == 2 else (*(maps // 2 for maps in widths.maps[:4]), widths.maps[4])
        maps1, maps2, maps3, maps4, maps5 = halves
        kernel1, kernel2 = widths.kernels
        window = 3 if overlap else 2

        self.conv1 = nn.Conv2d(3, maps1, kernel1, padding=kernel1 // 2)
        self.relu1 = act()
        self.norm1 = LocalResponseNorm() if lrn else nn.Identity()
        self.pool1 = nn.MaxPool2d(window, stride=2, ceil_mode=overlap)

        self.conv2 = nn.Conv2d(maps1, maps2, kernel2, padding=kernel2 // 2, groups=columns)
        self.relu2 = act()
        self.norm2 = LocalResponseNorm() if lrn else nn.Identity()
        self.pool2 = nn.MaxPool2d(window, stride=2, ceil_mode=overlap)

        seen = maps2
        self.conv3, self.relu3, seen = middle_layer("conv3", without, seen, maps3, 1, act)
        self.conv4, self.relu4, seen = middle_layer("conv4", without, seen, maps4, columns, act)
        self.conv5, self.relu5, seen = middle_layer("conv5", without, seen, maps5, columns, act)
        self.pool5 = nn.MaxPool2d(window, stride=2, ceil_mode=overlap)

        self.fc6 = nn.Linear(seen * (pixels // 8) ** 2, widths.units)  # three poolings, each halving
        self.relu6 = act()
        self.drop6 = Dropout() if dropout else nn.Identity()
        self.fc7 = nn.Linear(widths.units, widths.units)
        self.relu7 = act()
        self.drop7 = Dropout() if dropout else nn.Identity()
        self.fc8 = nn.Linear(widths.units, classes)
        initialise(self, init)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Args:
            image: RGB, of the size the network was made for, with the training set's mean subtracted.

        Raises:
            InputFault: the images are of another size.
        """
        check_image(image, self.pixels)
        x = self.pool1(self.norm1(self.relu1(self.conv1(image))))
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))
        x = self.relu3(self.conv3(x))
        x = self.relu4(self.conv4(x))
        x = self.pool5(self.relu5(self.conv5(x)))
        x = x.flatten(1)
        x = self.drop6(self.relu6(self.fc6(x)))
        x = self.drop7(self.relu7(self.fc7(x)))
        return cast(Tensor, self.fc8(x))
