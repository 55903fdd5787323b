"""torchvision's `alexnet`: another network than the paper's, often taken for it.

It is the single tower of Krizhevsky's "One weird trick for parallelizing convolutional neural networks" (2014,
https://arxiv.org/abs/1404.5997): 64-192-384-256-256 maps, no columns, no response normalisation, dropout before each
hidden dense layer. That paper prints 384 maps for the fourth convolution; torchvision has 256. The layers' names are
torchvision's, so that its weights load key for key; unlike there, no rectifier works in place.
"""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from epochal.core.fault import InputFault

# The convolutions and poolings shrink anything smaller to nothing.
SMALLEST = 63


class SingleTowerAlexNet(nn.Module):
    """torchvision's network: 61,100,840 parameters for 1,000 classes, initialised as torch initialises.

    Args:
        classes: how many classes there are.
        dropout: the chance that a unit is dropped in training.
    """

    def __init__(self, classes: int = 1000, *, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, classes),
        )

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax; made for 224 x 224, works from 63 x 63 on.

        Raises:
            InputFault: the images are not RGB or too small.
        """
        channels, height, width = image.shape[1:]
        if channels != 3 or min(height, width) < SMALLEST:
            raise InputFault(
                f"images of shape {channels} x {height} x {width}",
                expected=f"RGB of at least {SMALLEST} x {SMALLEST}, such as 3 x 224 x 224",
                remedy="resize the images first",
            )
        x = self.avgpool(self.features(image))
        return cast(Tensor, self.classifier(x.flatten(1)))
