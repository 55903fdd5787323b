"""The network of Section 4.1: a black-and-white digit, three hidden layers of 100 sigmoid units, ten classes."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from epochal.engine.image_size import check_image
from epochal.landmarks.batchnorm.activation import ACTIVATIONS
from epochal.landmarks.batchnorm.init import initialise
from epochal.landmarks.batchnorm.model import BatchNorm

HIDDEN = (100, 100, 100)


class MnistNet(nn.Module):
    """Dense layers; 99,710 parameters without normalisation and 100,010 with it, for 28 pixels and 10 classes.

    A normalised layer has no bias: the mean takes it away again, and beta stands in its place (Section 3.2).

    Args:
        classes: how many classes there are.
        pixels: side of the pictures.
        hidden: units of each hidden layer.
        batch_norm: normalise what enters each non-linearity.
        activation: `sigmoid` as in the paper, or `relu`.
        binary: make every pixel 0 or 1, at half of its range.
        rate: of the running averages.
        init_sd: deviation of the first weights.
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        pixels: int = 28,
        hidden: tuple[int, ...] = HIDDEN,
        batch_norm: bool = True,
        activation: str = "sigmoid",
        binary: bool = True,
        rate: float | None = 0.1,
        init_sd: float | None = 0.1,
    ) -> None:
        super().__init__()
        self.pixels, self.binary, self.depth = pixels, binary, len(hidden)
        seen = pixels * pixels
        for number, units in enumerate(hidden, 1):
            self.add_module(f"fc{number}", nn.Linear(seen, units, bias=not batch_norm))
            self.add_module(f"bn{number}", BatchNorm(units, rate=rate) if batch_norm else nn.Identity())
            self.add_module(f"{activation}{number}", ACTIVATIONS[activation]())
            seen = units
        self.add_module(f"fc{self.depth + 1}", nn.Linear(seen, classes))
        initialise(self, init_sd)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Args:
            image: with pixels from 0 to 1; of colours, their mean is taken.

        Raises:
            InputFault: the images are of another size than the network was made for.
        """
        check_image(image, self.pixels)
        x = image.mean(1).flatten(1)
        if self.binary:
            x = (x > 0.5).to(x.dtype)
        for layer in self.children():
            x = layer(x)
        return x
