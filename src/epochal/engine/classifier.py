"""A trained classifier, ready to be asked: weights, classes and how pictures must be prepared for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from epochal.data.feed import centred, padded
from epochal.data.frame import CentreSquare
from epochal.data.images import ImageData, Picture, Split, framed_picture
from epochal.data.statistics import PixelStatistics
from epochal.data.stream import stream
from epochal.engine.checkpoint import Snapshot
from epochal.engine.classify import Classified, classify, probabilities
from epochal.engine.device import choose_precision, placed
from epochal.engine.supervised import checked_statistics, load_weights


@runtime_checkable
class Preparation(Protocol):
    """What every recipe of a classifier says of the pictures that its network sees."""

    @property
    def stored_size(self) -> int:
        """Side of the square a picture is brought to."""
        ...

    @property
    def padding(self) -> int:
        """Zeros around that square."""
        ...

    @property
    def crop(self) -> int:
        """Side of what the network sees."""
        ...

    @property
    def pixel_scale(self) -> float:
        """What centred pixels are divided by."""
        ...

    @property
    def precision(self) -> str:
        """Arithmetic of the forward pass."""
        ...


R = TypeVar("R", bound=Preparation)


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


def restored(
    network: Callable[[R, int], nn.Module],
    recipe: R,
    classes: tuple[str, ...],
    snapshot: Snapshot,
    device: torch.device,
) -> Classifier:
    """The trained network of a checkpoint's task.

    Args:
        network: makes the recipe's network for a number of classes.
        recipe: how it was trained.
        classes: their names.
        snapshot: the task's state: the weights as `model`, the training set's statistics as `statistics`.
        device: where to compute.

    Raises:
        InputFault: the checkpoint is of another network than the recipe's.
        ValueError: its statistics are of pictures of another size.
    """
    with torch.random.fork_rng(devices=[]):  # what is drawn is not kept
        model = network(recipe, len(classes))
    load_weights(model, snapshot.under("model").tensors)
    statistics = checked_statistics(snapshot.under("statistics"), recipe.stored_size + 2 * recipe.padding)
    return Classifier(
        model=placed(model, device).eval(),
        classes=classes,
        statistics=statistics.to(device),
        stored_size=recipe.stored_size,
        padding=recipe.padding,
        crop=recipe.crop,
        pixel_scale=recipe.pixel_scale,
        precision=choose_precision(recipe.precision, device),
        device=device,
    )
