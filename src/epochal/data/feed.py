"""From a data set to batches on the device: stored pictures, the plan of steps, augmentation, labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from epochal.data.augment import Augmentation
from epochal.data.frame import CentreSquare
from epochal.data.images import ImageData, Split
from epochal.data.mixing import UNMIXED, Mixing
from epochal.data.sampler import WHOLE, Plan, Share
from epochal.data.statistics import PixelStatistics, pixel_statistics
from epochal.data.stream import materialise, stream
from epochal.data.subset import in_memory

Steps = Iterable[tuple[int, Int64[Tensor, " _"]]]
# Places in the held-out split, and the pictures there.
HeldOut = tuple[Int64[Tensor, " B"], Float[Tensor, "B 3 S S"]]

# Above this a split is read again in each epoch instead of being kept on the device.
RESIDENT_BYTES = 4 << 30
# The mean picture and the colour axes of a data set that is not kept in memory come from this many pictures.
STATISTICS_SAMPLES = 20_000


@dataclass(frozen=True)
class Batch:
    """What a step learns from.

    Attributes:
        images: augmented and centred.
        labels: the classes.
        index: the samples' places in the data set, so that a bad one can be named.
        mixed_in: the classes of the pictures that were mixed in, if any were.
        share: how much of each picture is its own.
    """

    images: Float[Tensor, "B 3 C C"]
    labels: Int64[Tensor, " B"]
    index: Int64[Tensor, " B"]
    mixed_in: Int64[Tensor, " B"] | None = None
    share: float = 1.0

    def without_first(self, count: int) -> Batch:
        """The batch without its first `count` pictures."""
        if count == 0:
            return self
        mixed_in = None if self.mixed_in is None else self.mixed_in[count:]
        return Batch(self.images[count:], self.labels[count:], self.index[count:], mixed_in, self.share)

    def parts(self, count: int) -> Iterator[Batch]:
        """The batch in `count` parts, to be gone through one after another."""
        mixed_in = [None] * count if self.mixed_in is None else self.mixed_in.chunk(count)
        chunks = (self.images.chunk(count), self.labels.chunk(count), self.index.chunk(count), mixed_in)
        for images, labels, index, others in zip(*chunks, strict=False):
            yield Batch(images, labels, index, others, self.share)


@runtime_checkable
class Store(Protocol):
    """Where framed pictures come from: memory, or the disk."""

    def batches(self, steps: Steps, /) -> Iterator[tuple[UInt8[Tensor, "N S S 3"], Int64[Tensor, " _"]]]:
        """For each step, pictures on the device and which of them make the batch."""
        ...


@dataclass(frozen=True)
class Resident:
    """Pictures kept on the device as bytes."""

    pixels: UInt8[Tensor, "N S S 3"]

    def batches(self, steps: Steps) -> Iterator[tuple[UInt8[Tensor, "N S S 3"], Int64[Tensor, " _"]]]:
        """All pictures, and which of them make each batch."""
        for _, index in steps:
            yield self.pixels, index.to(self.pixels.device, non_blocking=True)


@dataclass(frozen=True)
class Streamed:
    """Pictures decoded as they are needed, by worker processes."""

    split: Split
    frame: CentreSquare
    padding: int
    seed: int
    workers: int
    device: torch.device

    def batches(self, steps: Steps) -> Iterator[tuple[UInt8[Tensor, "N S S 3"], Int64[Tensor, " _"]]]:
        """Each batch's pictures, and all of them."""
        pinned = self.device.type == "cuda"
        plan = ((epoch, index.numpy()) for epoch, index in steps)
        for pixels in stream(self.split, self.frame, plan, seed=self.seed, workers=self.workers, pin=pinned):
            there = padded(pixels.to(self.device, non_blocking=pinned), self.padding)
            yield there, torch.arange(len(there), device=self.device)


def padded(pixels: UInt8[Tensor, "N S S 3"], padding: int) -> UInt8[Tensor, "N P P 3"]:
    """Zeros around each picture; the mean picture is zero there too, so after centring they vanish."""
    return functional.pad(pixels, (0, 0, padding, padding, padding, padding)) if padding else pixels


class Feed:
    """The training batches and the held-out pictures of one run.

    Args:
        data: the data set.
        stored_size: pictures are stored as squares of this side (the paper: 256).
        padding: zeros added around each.
        augmentation: what happens to training pictures.
        batch_size: samples in a step.
        mixing: how training pictures are mixed with each other.
        seed: the run's seed.
        device: where batches are wanted.
        workers: processes that decode.
        statistics: of the training set, where they are known already (a resumed run).
        resident_bytes: a split larger than this is not kept in memory.
        part: the share of each step's samples, and of the held-out batches, that this process gets.
    """

    def __init__(
        self,
        data: ImageData,
        *,
        stored_size: int,
        padding: int,
        augmentation: Augmentation,
        batch_size: int,
        mixing: Mixing = UNMIXED,
        seed: int,
        device: torch.device,
        workers: int = 0,
        statistics: PixelStatistics | None = None,
        resident_bytes: int = RESIDENT_BYTES,
        part: Share = WHOLE,
    ) -> None:
        self.data, self.augmentation, self.mixing = data, augmentation, mixing
        self.device, self.seed = device, seed
        self.plan = Plan(len(data.train), batch_size, seed)
        self._frame, self._padding, self._workers = CentreSquare(stored_size), padding, workers
        self._resident_bytes, self._part = resident_bytes, part
        self._labels = torch.from_numpy(data.train.labels).to(device)
        self._store: Store | None = None
        self._held_out_store: Store | None = None
        self._statistics = statistics.to(device) if statistics is not None else None

    @property
    def padding(self) -> int:
        """The zeros around each stored picture, pixels."""
        return self._padding

    @property
    def side(self) -> int:
        """The side of the stored pictures with their padding."""
        return self._frame.size + 2 * self._padding

    def _open(self, split: Split) -> Store:
        if len(split) * self.side**2 * 3 > self._resident_bytes:
            return Streamed(split, self._frame, self._padding, self.seed, self._workers, self.device)
        workers = 0 if in_memory(split) else self._workers  # nothing to decode, nothing to share out
        pixels = materialise(split, self._frame, workers=workers, most_bytes=self._resident_bytes)
        return Resident(padded(pixels, self._padding).to(self.device))

    @property
    def store(self) -> Store:
        """The training pictures, opened at first use."""
        if self._store is None:
            self._store = self._open(self.data.train)
        return self._store

    @property
    def statistics(self) -> PixelStatistics:
        """The training set's mean picture and colour axes, taken at first use."""
        if self._statistics is None:
            found = pixel_statistics(self._pictures_for_statistics())
            # The padding is no picture: its mean is set to its value, so that it vanishes.
            mean = functional.pad(found.mean, (0, 0, *[self._padding] * 4))
            self._statistics = replace(found, mean=mean).to(self.device)
        return self._statistics

    @statistics.setter
    def statistics(self, known: PixelStatistics) -> None:
        self._statistics = known.to(self.device)

    def _pictures_for_statistics(self) -> Iterator[UInt8[Tensor, "_ S S 3"]]:
        if isinstance(self.store, Resident):
            for pixels in self.store.pixels.split(1024):
                yield self._unpadded(pixels)
            return
        chosen = self.plan.order(-1)[:STATISTICS_SAMPLES]
        for pixels, rows in self.store.batches((-1, part) for part in chosen.split(128)):
            yield self._unpadded(pixels[rows])

    def _unpadded(self, pixels: UInt8[Tensor, "B P P 3"]) -> UInt8[Tensor, "B S S 3"]:
        inside = slice(self._padding, self._padding + self._frame.size)
        return pixels[:, inside, inside]

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The augmented batches of the steps from `start` to before `stop`; of each, the part of this process."""
        statistics = self.statistics
        pictures = self.store.batches(self._steps(start, stop))
        plan = self._steps(start, stop)
        for step, ((epoch, index), (pixels, rows)) in enumerate(zip(plan, pictures, strict=True), start):
            place = index.to(self.device, non_blocking=True)
            images = self.augmentation(pixels, rows, statistics, seed=self.seed, epoch=epoch, index=place)
            batch = Batch(images, self._labels[place], place)
            if self.mixing:
                mixed = self.mixing(batch.images, batch.labels, seed=self.seed, step=step)
                batch = Batch(mixed[0], batch.labels, place, *mixed[1:]).without_first(self._before)
            yield batch

    @property
    def _before(self) -> int:
        """How many pictures beyond its own part a process needs: a picture is mixed with the one before it."""
        return 1 if self.mixing and self._part.of > 1 else 0

    def _steps(self, start: int, stop: int) -> Steps:
        return ((epoch, self._part.part(index, self._before)) for epoch, index in self.plan.steps(start, stop))

    def held_out(self, batch_size: int) -> Iterator[HeldOut]:
        """The held-out pictures at their stored size, centred, with their places, a batch after another.

        Where there are several processes, this one gets its share of the batches: they are the same for any number.
        """
        places = torch.arange(len(self.data.held_out)).split(batch_size)[self._part.number :: self._part.of]
        stored = self._held_out.batches((0, place) for place in places)
        for place, (pixels, rows) in zip(places, stored, strict=True):
            yield place.to(self.device), centred(pixels[rows], self.statistics, self.augmentation.pixel_scale)

    def some_held_out(self, count: int) -> tuple[Float[Tensor, "B 3 S S"], Int64[Tensor, " B"]]:
        """At most `count` held-out pictures from evenly spread places, and their classes; the same in every process."""
        count = min(count, len(self.data.held_out))
        places = torch.arange(count) * len(self.data.held_out) // max(count, 1)
        pixels, rows = next(iter(self._held_out.batches([(0, places)])))
        images = centred(pixels[rows], self.statistics, self.augmentation.pixel_scale)
        return images, self.held_out_labels[places.to(self.device)]

    @property
    def _held_out(self) -> Store:
        """The held-out pictures, opened at first use."""
        if self._held_out_store is None:
            self._held_out_store = self._open(self.data.held_out)
        return self._held_out_store

    @property
    def held_out_labels(self) -> Int64[Tensor, " N"]:
        """The classes of the held-out pictures, on the device."""
        return torch.from_numpy(self.data.held_out.labels).to(self.device)


def centred(
    pixels: UInt8[Tensor, "B S S 3"], statistics: PixelStatistics, pixel_scale: float
) -> Float[Tensor, "B 3 S S"]:
    """Pictures with the training set's mean subtracted, as the network wants them, channels last in memory."""
    images = (pixels.float() - statistics.mean) / pixel_scale
    return images.permute(0, 3, 1, 2)
