"""The noun of image data: named splits of labelled pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, UInt8

from epochal.data.frame import Frame
from epochal.data.resample import resample

Picture = UInt8[np.ndarray, "H W 3"]


@runtime_checkable
class Split(Protocol):
    """A list of labelled pictures, decoded one at a time."""

    @property
    def labels(self) -> Int64[np.ndarray, " N"]:
        """The class of each picture."""
        ...

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def picture(self, index: int, /) -> Picture:
        """Decode one picture as RGB.

        Raises:
            InputFault: the picture cannot be decoded; the file is named.
        """
        ...

    def framed(self, index: int, frame: Frame, draws: Sequence[float], /) -> UInt8[np.ndarray, "S S 3"]:
        """Decode the part of one picture that the frame chooses, resampled to its size.

        Raises:
            InputFault: the picture cannot be decoded; the file is named.
        """
        ...

    def where(self, index: int, /) -> str:
        """Where the picture comes from, for people: a path, or a file and a position in it."""
        ...


@dataclass(frozen=True)
class Pictures:
    """Pictures that are in memory already, all of one size.

    Attributes:
        pixels: RGB, or one gray channel that `picture` repeats.
        labels: the class of each picture.
        origin: the file they came from, for `where`.
    """

    pixels: UInt8[np.ndarray, "N H W C"]
    labels: Int64[np.ndarray, " N"]
    origin: str

    def __len__(self) -> int:
        return len(self.pixels)

    def picture(self, index: int) -> Picture:
        """One picture as RGB; gray is repeated."""
        return np.broadcast_to(self.pixels[index], (*self.pixels.shape[1:3], 3)).copy()

    def framed(self, index: int, frame: Frame, draws: Sequence[float]) -> UInt8[np.ndarray, "S S 3"]:
        """The part of one picture that the frame chooses; untouched where it already has the right size."""
        return framed_picture(self.picture(index), frame, draws)

    def where(self, index: int) -> str:
        """The file and the position in it."""
        return f"{self.origin}#{index}"


@dataclass(frozen=True)
class ImageData:
    """A data set of labelled pictures.

    Attributes:
        name: the specification it was opened by, such as `cifar10` or `imagefolder:/photos`.
        classes: the classes' names; a label is a place in this list.
        train: what is learned from.
        held_out: what is only measured on (a test or validation split).
        digest: SHA-256 of the content (for folders: of the sorted relative paths and sizes).
        note: what a person should know: how the split was made, what was converted.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    held_out: Split
    digest: str
    note: str = ""


def framed_picture(picture: Picture, frame: Frame, draws: Sequence[float] = ()) -> UInt8[np.ndarray, "S S 3"]:
    """The part of a decoded picture that the frame chooses, resampled to the frame's size."""
    height, width = picture.shape[:2]
    left, top, right, bottom = frame.box(width, height, draws)
    return resample(picture[top:bottom, left:right], frame.size)


def digest_of(*splits: Pictures) -> str:
    """SHA-256 of shapes, labels and pixels: the same for the same pictures, whatever files they came from."""
    state = hashlib.sha256()
    for split in splits:
        state.update(repr(split.pixels.shape).encode())
        state.update(np.ascontiguousarray(split.labels).astype("<i8").tobytes())
        state.update(np.ascontiguousarray(split.pixels).data)
    return state.hexdigest()
