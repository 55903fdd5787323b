"""A trained classifier, ready to be asked: weights, classes and how pictures must be prepared for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from epochal.data.feed import centred, padded
from epochal.data.frame import CentreSquare
from epochal.data.images import ImageData, Picture, Split, framed_picture
from epochal.data.statistics import PixelStatistics
from epochal.data.stream import stream
from epochal.engine.classify import Classified, classify, probabilities


@dataclass(frozen=True)
class Classifier:
    """A network with all it needs to answer for a picture.

    Attributes:
        model: gives logits.
        classes: the classes' names.
        statistics: of the pictures it was trained on.
        stored_size: side of the square a picture is brought to.
        padding: zeros around that square.
        crop: side of what the network sees.
        pixel_scale: what centred pixels are divided by.
        precision: arithmetic of the forward pass.
        device: where the model is.
    """

    model: nn.Module
    classes: tuple[str, ...]
    statistics: PixelStatistics
    stored_size: int
    padding: int
    crop: int
    pixel_scale: float
    precision: str
    device: torch.device

    @property
    def frame(self) -> CentreSquare:
        """How a picture becomes square."""
        return CentreSquare(self.stored_size)

    def prepare(self, pictures: list[Picture]) -> Float[Tensor, "B 3 S S"]:
        """Pictures of any size as the network's input before cropping, on its device."""
        return self._centred(torch.stack([torch.from_numpy(self.framed(picture)) for picture in pictures]))

    def framed(self, picture: Picture) -> UInt8[np.ndarray, "S S 3"]:
        """The square of the picture that is stored, before padding and centring."""
        return framed_picture(picture, self.frame)

    def _centred(self, pixels: Tensor) -> Float[Tensor, "B 3 S S"]:
        return centred(padded(pixels, self.padding).to(self.device), self.statistics, self.pixel_scale)

    def answer(self, pictures: list[Picture], *, ten: bool = False) -> Float[Tensor, "B K"]:
        """The probability of every class for each picture, on the CPU.

        Args:
            pictures: RGB, any size.
            ten: average over the paper's ten crops instead of looking at the centre only.
        """
        images = self.prepare(pictures)
        return probabilities(self.model, images, crop=self.crop, ten=ten, precision=self.precision).cpu()

    def examine(self, split: Split, *, ten: bool = False, workers: int = 0, batch_size: int = 128) -> Classified:
        """Answer for every picture of a split."""
        starts = range(0, len(split), batch_size)
        plan: Iterable = ((0, np.arange(start, min(start + batch_size, len(split)))) for start in starts)
        pixels = stream(split, self.frame, iter(plan), seed=0, workers=workers)
        labels = torch.from_numpy(split.labels).to(self.device).split(batch_size)
        batches = ((self._centred(part), classes) for part, classes in zip(pixels, labels, strict=True))
        return classify(self.model, batches, crop=self.crop, ten=ten, precision=self.precision)

    def knows(self, data: ImageData) -> bool:
        """True if the data set has the classes this network was trained on, in their order."""
        return data.classes == self.classes
