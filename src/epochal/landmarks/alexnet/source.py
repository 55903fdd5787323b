"""The network that the paper's tables were measured with: the authors' 2012 code, `layers/layers-145.cfg`.

It has the paper's layers and its 60,965,224 parameters, and differs from the printed description in five ways: the
first rectifier comes after normalisation and pooling; normalisation stays within each column and divides alpha by the
size of its window; a second, spatial normalisation follows the one after conv2; images of 224 pixels are read with
three pixels of zeros at the right and at the bottom; the third to fifth convolutions start three times as wide.

https://github.com/computerhistory/AlexNet-Source-Code
"""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from epochal.engine.image_size import check_image
from epochal.landmarks.alexnet.init import SOURCE, Init, initialise
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.alexnet.spatial_norm import SpatialResponseNorm
from epochal.landmarks.dropout.model import Dropout

PIXELS = 224


class SourceAlexNet(nn.Module):
    """The network as the 2012 code runs it; layers are named as in the paper.

    Args:
        classes: how many classes there are.
        init: the numbers the weights are drawn with.
    """

    def __init__(self, classes: int = 1000, *, init: Init = SOURCE) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)
        self.norm1 = _column_norm()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.relu1 = nn.ReLU()

        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)
        self.relu2 = nn.ReLU()
        self.norm2 = _column_norm()
        self.cnorm2 = SpatialResponseNorm(5, alpha=0.001)
        self.pool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)

        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)
        self.relu3 = nn.ReLU()
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)
        self.relu4 = nn.ReLU()
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)
        self.pool5 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.relu5 = nn.ReLU()

        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.relu6 = nn.ReLU()
        self.drop6 = Dropout()
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = nn.ReLU()
        self.drop7 = Dropout()
        self.fc8 = nn.Linear(4096, classes)
        initialise(self, init)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Args:
            image: RGB, 224 x 224, with the training set's mean subtracted.

        Raises:
            InputFault: the images are not 3 x 224 x 224.
        """
        check_image(image, PIXELS)
        # 1 + ceil((224 - 11) / 4) = 55 positions: the last one reaches three pixels beyond the image.
        image = F.pad(image, (0, 3, 0, 3))
        x = self.relu1(self.pool1(self.norm1(self.conv1(image))))
        x = self.pool2(self.cnorm2(self.norm2(self.relu2(self.conv2(x)))))
        x = self.relu3(self.conv3(x))
        x = self.relu4(self.conv4(x))
        x = self.relu5(self.pool5(self.conv5(x)))
        x = x.flatten(1)
        x = self.drop6(self.relu6(self.fc6(x)))
        x = self.drop7(self.relu7(self.fc7(x)))
        return cast(Tensor, self.fc8(x))


def _column_norm() -> LocalResponseNorm:
    """`cmrnorm`: scale = 0.0001 divided by its size, minDiv = 2, once in each column."""
    return LocalResponseNorm(5, alpha=1e-4 / 5, k=2.0, columns=2)
