"""What there is to look at: a trained classifier, and pictures that it has never learned from.

The held-out pictures are opened when a view first asks for them, and what the network says of them is worked out once,
whichever views use it. Views of the network alone, or of pictures of one's own, need no data at all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from epochal.core.fault import InputFault
from epochal.data.decode import decode_file
from epochal.data.feed import padded
from epochal.data.images import ImageData, Picture, Pictures, Split
from epochal.data.stream import stream
from epochal.engine.classifier import Classifier
from epochal.engine.classify import Classified, classify
from epochal.measure.crops import centre_crop
from epochal.view.mosaic import Panel

# How many held-out pictures are shown when none are named, and how many are judged at most.
FEW = 24
MOST = 10_000
_BATCH = 128


@dataclass(frozen=True)
class Scene:
    """A classifier and what it is shown.

    Attributes:
        classifier: the trained network.
        open_data: opens the data set it was trained on.
        given: pictures of one's own; some held-out ones are taken where there are none.
        workers: processes that decode.
    """

    classifier: Classifier
    open_data: Callable[[], ImageData]
    given: tuple[Panel, ...] = ()
    workers: int = 0

    @classmethod
    def of(
        cls, classifier: Classifier, inputs: Sequence[Path], open_data: Callable[[], ImageData], workers: int = 0
    ) -> Scene:
        """A classifier with picture files of one's own.

        Args:
            classifier: the trained network.
            inputs: the files.
            open_data: opens the data it was trained on; called when a view needs it.
            workers: processes that decode.

        Raises:
            InputFault: one of the pictures cannot be read.
        """
        return cls(classifier, open_data, tuple(decode_file(path) for path in inputs), workers)

    @cached_property
    def is_gray(self) -> bool:
        """True if the pictures have no colours: by their mean, or, where nothing is subtracted, by some held out."""
        mean = self.classifier.statistics.mean.cpu().numpy()
        seen = [mean] if mean.any() else [self.held_out.picture(int(place)) for place in self.chosen(FEW)]
        return all(bool((pixels == pixels[..., :1]).all()) for pixels in seen)

    @cached_property
    def held_out(self) -> Split:
        """The held-out pictures of the data it was trained on.

        Raises:
            InputFault: the data cannot be opened, has other classes by now, or holds nothing out.
        """
        data = self.open_data()
        if not self.classifier.knows(data):
            raise InputFault(
                f"the classes of {data.name} are no longer those the network was trained on",
                expected=f"{len(self.classifier.classes)} classes by the same names in the same order",
                remedy="put the data back as it was, or name pictures of your own with --image",
            )
        if not len(data.held_out):
            raise InputFault(f"{data.name} has no held-out pictures", remedy="name pictures of your own with --image")
        return data.held_out

    def chosen(self, count: int) -> Int64[np.ndarray, " n"]:
        """Places of at most `count` held-out pictures, in order, spread evenly over the classes."""
        # Equal strides through the pictures sorted by class visit all classes, however the set is arranged.
        by_class = np.argsort(self.held_out.labels, kind="stable")
        count = min(count, len(by_class))
        strides = np.arange(count) * len(by_class) // max(count, 1)
        places: Int64[np.ndarray, " n"] = np.sort(by_class[strides])
        return places

    @cached_property
    def pictures(self) -> tuple[tuple[Panel, str], ...]:
        """The pictures to show, with their class names ("" where unknown)."""
        if self.given:
            return tuple((picture, "") for picture in self.given)
        few = self.chosen(FEW)
        few = few[np.argsort(self.held_out.labels[few], kind="stable")]
        return tuple((self.held_out.picture(int(place)), self.truth(int(place))) for place in few)

    def truth(self, place: int) -> str:
        """The class name of a held-out picture."""
        return self.classifier.classes[int(self.held_out.labels[place])]

    @cached_property
    def judged(self) -> Int64[np.ndarray, " n"]:
        """Places of the held-out pictures that `classified` is about: all of them, or very many."""
        return self.chosen(MOST)

    @cached_property
    def classified(self) -> Classified:
        """What the network says of the `judged` pictures, a row for each, on the CPU."""
        labels = torch.from_numpy(self.held_out.labels)
        batches = ((images, labels[places]) for places, images in self.batches(self.judged))
        said = classify(self.classifier.model, batches, crop=self.classifier.crop, precision=self.classifier.precision)
        return Classified(said.probabilities.cpu(), said.labels)

    def batches(
        self, places: Int64[np.ndarray, " n"], size: int = _BATCH
    ) -> Iterator[tuple[Int64[Tensor, " _"], Float[Tensor, "_ 3 C C"]]]:
        """Held-out pictures as the network's input, a batch at a time, with their places."""
        parts = np.split(places, range(size, len(places), size))
        workers = 0 if isinstance(self.held_out, Pictures) else self.workers
        plan = ((0, part) for part in parts)
        framed = stream(self.held_out, self.classifier.frame, plan, seed=0, workers=workers)
        for part, pixels in zip(parts, framed, strict=True):
            yield torch.from_numpy(part), self.input_of(list(pixels.numpy()))

    def answer(self, pictures: Sequence[Panel]) -> Float[Tensor, "B K"]:
        """The probability of every class for pictures of any size, on the CPU."""
        return self.classifier.answer([self.classifier.framed(picture) for picture in pictures])

    def input_of(self, pictures: Sequence[Panel]) -> Float[Tensor, "B 3 C C"]:
        """What the network sees of pictures of any size, centred, on its device."""
        framed = [self.classifier.framed(picture) for picture in pictures]
        return centre_crop(self.classifier.prepare(framed), self.classifier.crop)

    def seen(self, picture: Picture) -> UInt8[np.ndarray, "C C 3"]:
        """The part of a picture that the network sees, as it was before the mean was subtracted."""
        pixels = padded(torch.from_numpy(self.classifier.framed(picture))[None], self.classifier.padding)
        cropped = centre_crop(pixels.permute(0, 3, 1, 2), self.classifier.crop)
        return cropped[0].permute(1, 2, 0).contiguous().numpy()
