"""The convolutional net of Section 6.1 for CIFAR-10 and SVHN, with a retention for every layer.

Three convolutions with 5 x 5 kernels, each followed by overlapping max-pooling, and two hidden dense layers of 2048
units. Dropout is applied to all layers, the convolutions too: it keeps 0.9 of the input, 0.75, 0.75 and 0.5 of what the
maps hold, 0.5 of the dense units.

The paper's pictures are contrast-normalised and whitened (`whitening.py`); what the net sees is up to the recipe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from epochal.engine.image_size import check_image
from epochal.landmarks.dropout.model import ACTIVATIONS, NOISES, check_choices, initialise, of_layers
from epochal.landmarks.dropout.whitening import Whitening

PIXELS = 32
MAPS = (96, 128, 256)
UNITS = (2048, 2048)
RETENTION = (0.9, 0.75, 0.75, 0.5, 0.5, 0.5)


class DropoutConvNet(nn.Module):
    """The paper's net for pictures of 32 pixels: 13,741,578 parameters with 10 classes.

    Args:
        classes: how many classes there are.
        pixels: side of the pictures, at least 8.
        maps: maps of each convolution.
        units: units of the two hidden dense layers.
        activation: `relu` or `logistic`.
        retention: from the input to the last hidden layer; the last number counts for all layers that follow.
        noise: `dropout` as printed, `inverted`, or `gaussian`.
        gain: the weights are drawn with deviation gain / sqrt(fan-in).
        whiten: whiten each picture before anything else.

    Raises:
        InputFault: an argument is none of the paper's choices.
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        pixels: int = PIXELS,
        maps: Sequence[int] = MAPS,
        units: Sequence[int] = UNITS,
        activation: str = "relu",
        retention: Sequence[float] = RETENTION,
        noise: str = "dropout",
        gain: float = 1.0,
        whiten: bool = False,
    ) -> None:
        super().__init__()
        check_choices(activation, noise)
        self.pixels = pixels
        act, noisy = ACTIVATIONS[activation], NOISES[noise]
        kept = of_layers(retention, 6)
        side = -(-pixels // 8)  # three poolings, each of which halves and rounds up
        self.whiten = Whitening(3 * pixels**2) if whiten else nn.Identity()
        self.drop0 = noisy(kept[0])
        self.conv1 = nn.Conv2d(3, maps[0], 5, padding=2)
        self.relu1 = act()
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        self.drop1 = noisy(kept[1])
        self.conv2 = nn.Conv2d(maps[0], maps[1], 5, padding=2)
        self.relu2 = act()
        self.pool2 = nn.MaxPool2d(3, stride=2, padding=1)
        self.drop2 = noisy(kept[2])
        self.conv3 = nn.Conv2d(maps[1], maps[2], 5, padding=2)
        self.relu3 = act()
        self.pool3 = nn.MaxPool2d(3, stride=2, padding=1)
        self.drop3 = noisy(kept[3])
        self.fc4 = nn.Linear(maps[2] * side**2, units[0])
        self.relu4 = act()
        self.drop4 = noisy(kept[4])
        self.fc5 = nn.Linear(units[0], units[1])
        self.relu5 = act()
        self.drop5 = noisy(kept[5])
        self.fc6 = nn.Linear(units[1], classes)
        initialise(self, gain)

    def forward(self, image: Float[Tensor, "B rgb S S"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Raises:
            InputFault: the images are of another size than the net was made for.
        """
        check_image(image, self.pixels)
        x = self.drop0(self.whiten(image))
        x = self.drop1(self.pool1(self.relu1(self.conv1(x))))
        x = self.drop2(self.pool2(self.relu2(self.conv2(x))))
        x = self.drop3(self.pool3(self.relu3(self.conv3(x))))
        x = self.drop4(self.relu4(self.fc4(x.flatten(1))))
        x = self.drop5(self.relu5(self.fc5(x)))
        return cast(Tensor, self.fc6(x))
