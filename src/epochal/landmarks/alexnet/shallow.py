"""A shallow network, to stand beside the deep ones: one convolution, one pooling, and the classes.

What the paper's comparisons are worth shows against what a single layer of learned filters can do.
"""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from epochal.engine.image_size import check_image
from epochal.landmarks.alexnet.init import HE, Init, initialise
from epochal.landmarks.alexnet.model import ACTIVATIONS


class ShallowNet(nn.Module):
    """One convolution of `maps` filters, overlapping max-pooling, a linear classifier.

    Args:
        classes: how many classes there are.
        pixels: side of the pictures.
        activation: `relu`, `tanh` or `sigmoid`.
        maps: how many filters.
        kernel: side of the filters, odd.
        init: the numbers the weights are drawn with.
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        pixels: int = 32,
        activation: str = "relu",
        maps: int = 64,
        kernel: int = 5,
        init: Init = HE,
    ) -> None:
        super().__init__()
        self.pixels = pixels
        self.conv1 = nn.Conv2d(3, maps, kernel, padding=kernel // 2)
        self.relu1 = ACTIVATIONS[activation]()
        self.pool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.fc2 = nn.Linear(maps * (pixels // 2) ** 2, classes)
        initialise(self, init)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Raises:
            InputFault: the images are of another size than the network was made for.
        """
        check_image(image, self.pixels)
        return cast(Tensor, self.fc2(self.pool1(self.relu1(self.conv1(image))).flatten(1)))
