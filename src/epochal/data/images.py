"""The noun of image data: named splits of labelled pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, UInt8

Picture = UInt8[np.ndarray, "H W 3"]


@runtime_checkable
class Split(Protocol):
    """A list of labelled pictures, decoded one at a time."""

    labels: Int64[np.ndarray, " N"]

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def picture(self, index: int, /) -> Picture:
        """Decode one picture as RGB.

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
        return np.ascontiguousarray(np.broadcast_to(self.pixels[index], (*self.pixels.shape[1:3], 3)))

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
