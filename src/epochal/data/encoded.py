"""Splits whose pictures are still encoded: image files on the disk, or the bytes of image files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64, UInt8

from epochal.data.decode import decode_bytes, decode_file, decode_framed
from epochal.data.frame import Frame
from epochal.data.images import Picture


@runtime_checkable
class EncodedSplit(Protocol):
    """A split that can also hand out a picture as it is stored."""

    @property
    def labels(self) -> Int64[np.ndarray, " N"]:
        """The class of each picture."""
        ...

    def __len__(self) -> int:
        """How many pictures there are."""
        ...

    def stored(self, index: int, /) -> Path | bytes:
        """The image file, or its bytes."""
        ...

    def where(self, index: int, /) -> str:
        """Where the picture comes from, for people."""
        ...


@dataclass(frozen=True)
class FileSplit:
    """Labelled image files below one folder.

    The names are one array of bytes, not a list of strings: worker processes then share its memory for good, where a
    list is copied little by little as its reference counts are touched.

    Attributes:
        root: the folder.
        names: the paths below it, as the file system spells them.
        labels: the class of each.
    """

    root: Path
    names: np.ndarray
    labels: Int64[np.ndarray, " N"]

    @classmethod
    def of(cls, root: Path, names: Sequence[str], labels: Sequence[int]) -> FileSplit:
        """From paths relative to `root`."""
        spelled = np.array([os.fsencode(name) for name in names], dtype=np.bytes_)
        return cls(root, spelled, np.array(labels, dtype=np.int64))

    def __len__(self) -> int:
        return len(self.names)

    def stored(self, index: int) -> Path:
        """The path of one image file."""
        return self.root / os.fsdecode(self.names[index])

    def picture(self, index: int) -> Picture:
        """Decode one picture as RGB.

        Raises:
            InputFault: the file cannot be decoded; it is named.
        """
        return decode_file(self.stored(index))

    def framed(self, index: int, frame: Frame, draws: Sequence[float]) -> UInt8[np.ndarray, "S S 3"]:
        """Decode the part of one picture that the frame chooses.

        Raises:
            InputFault: the file cannot be decoded; it is named.
        """
        return decode_framed(self.stored(index), frame, draws, self.where(index))

    def where(self, index: int) -> str:
        """The path of the file."""
        return str(self.stored(index))


@dataclass(frozen=True)
class BytesSplit:
    """Labelled image files kept in memory as their bytes, end to end in one buffer.

    Attributes:
        buffer: all the bytes.
        ends: where each file ends in the buffer; it begins where the one before ends.
        labels: the class of each.
        origin: where they come from, for `where`.
    """

    buffer: UInt8[np.ndarray, " bytes"]
    ends: Int64[np.ndarray, " N"]
    labels: Int64[np.ndarray, " N"]
    origin: str

    def __len__(self) -> int:
        return len(self.ends)

    def stored(self, index: int) -> bytes:
        """The bytes of one image file."""
        begin = int(self.ends[index - 1]) if index else 0
        return self.buffer[begin : int(self.ends[index])].tobytes()

    def picture(self, index: int) -> Picture:
        """Decode one picture as RGB.

        Raises:
            InputFault: it cannot be decoded; its place is named.
        """
        return decode_bytes(self.stored(index), self.where(index))

    def framed(self, index: int, frame: Frame, draws: Sequence[float]) -> UInt8[np.ndarray, "S S 3"]:
        """Decode the part of one picture that the frame chooses.

        Raises:
            InputFault: it cannot be decoded; its place is named.
        """
        return decode_framed(self.stored(index), frame, draws, self.where(index))

    def where(self, index: int) -> str:
        """The file and the position in it."""
        return f"{self.origin}#{index}"
