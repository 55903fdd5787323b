"""The IDX format of MNIST and Fashion-MNIST: a magic number, the sizes, then bytes; gzipped or not.

A file is believed only after its header, its stated size and its real size agree, and a compressed one is never
unpacked beyond what its header states.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8

from epochal.core.fault import InputFault, printable
from epochal.data.images import ImageData, Pictures, digest_of

DIGITS = tuple(str(digit) for digit in range(10))
GARMENTS = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

# An unsigned-byte array of three dimensions, and of one.
_IMAGES, _LABELS = 0x00000803, 0x00000801
_MOST_BYTES = 2 << 30
_CHUNK = 1 << 20


def read_idx_set(folder: Path, name: str, classes: tuple[str, ...]) -> ImageData:
    """The four files `train-*` and `t10k-*` in a folder, as MNIST's authors named them, with or without `.gz`.

    Raises:
        InputFault: a file is missing, damaged, or does not fit its labels; the file is named.
    """
    train = _read_split(folder, "train", len(classes))
    held_out = _read_split(folder, "t10k", len(classes))
    if train.pixels.shape[1:] != held_out.pixels.shape[1:]:
        raise InputFault(
            f"the pictures in {printable(str(folder))} have two sizes: "
            f"{train.pixels.shape[1:3]} to train, {held_out.pixels.shape[1:3]} to test",
            expected="one size",
        )
    return ImageData(name, classes, train, held_out, digest_of(train, held_out))


def has_idx_set(folder: Path) -> bool:
    """True when the training pictures lie in the folder."""
    return any((folder / f"train-images-idx3-ubyte{suffix}").is_file() for suffix in ("", ".gz"))


def _read_split(folder: Path, stem: str, classes: int) -> Pictures:
    images_path = _present(folder / f"{stem}-images-idx3-ubyte")
    labels_path = _present(folder / f"{stem}-labels-idx1-ubyte")
    images, labels = read_images(images_path), read_labels(labels_path, classes)
    if len(images) != len(labels):
        raise InputFault(
            f"{printable(str(images_path))} has {len(images):,} pictures, "
            f"{printable(str(labels_path))} has {len(labels):,} labels",
            expected="as many labels as pictures",
            remedy="fetch both files again from one source",
        )
    return Pictures(images[..., None], labels, str(images_path))


def _present(path: Path) -> Path:
    """The file, plain or gzipped."""
    for candidate in (path, path.with_name(path.name + ".gz")):
        if candidate.is_file():
            return candidate
    raise InputFault(f"there is no file {printable(str(path))}", expected="the file as published, with or without .gz")


def read_images(path: Path) -> UInt8[np.ndarray, "N H W"]:
    """The pictures of an `idx3-ubyte` file.

    Raises:
        InputFault: the file is not what its name says, is cut short or has bytes too many.
    """
    return _read_array(path, _IMAGES, 3)


def read_labels(path: Path, classes: int) -> Int64[np.ndarray, " N"]:
    """The labels of an `idx1-ubyte` file, all below `classes`.

    Raises:
        InputFault: the file is not what its name says, is cut short, has bytes too many, or a label is out of range.
    """
    labels = _read_array(path, _LABELS, 1).astype(np.int64)
    wrong = np.flatnonzero(labels >= classes)
    if len(wrong):
        raise InputFault(
            f"label {labels[wrong[0]]} at place {wrong[0]:,} of {printable(str(path))}",
            expected=f"0 to {classes - 1}",
        )
    return labels


def _read_array(path: Path, magic: int, dimensions: int) -> np.ndarray:
    named = printable(str(path))
    again = "fetch the file again"
    try:
        with open(path, "rb") as plain:
            zipped = plain.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if zipped else open(path, "rb") as file:
            header = file.read(4 + 4 * dimensions)
            if len(header) < 4 + 4 * dimensions:
                raise InputFault(f"{named} is cut short in its header ({len(header)} bytes)", remedy=again)
            found, *shape = struct.unpack(f">{1 + dimensions}I", header)
            if found != magic:
                raise InputFault(f"{named} starts with {found:#010x}", expected=f"{magic:#010x}", remedy=again)
            size = math.prod(shape)
            if not 0 < size <= _MOST_BYTES:
                raise InputFault(f"{named} says it holds {shape} bytes", expected=f"1 to {_MOST_BYTES:,} bytes in all")
            # One byte more than stated tells a file that is too long, without unpacking the rest of it.
            data = _read_at_most(file.read, size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputFault(f"{named} cannot be read: {printable(str(error))}", remedy=again) from None
    if len(data) != size:
        told = f"only {len(data):,}" if len(data) < size else "more"
        raise InputFault(f"{named} states {size:,} bytes and holds {told}", remedy=again)
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def _read_at_most(read: Callable[[int], bytes], size: int) -> bytearray:
    """Up to `size` bytes, growing with what really comes: a header that lies costs no memory."""
    data = bytearray()
    while len(data) < size:
        chunk = read(min(_CHUNK, size - len(data)))
        if not chunk:
            break
        data += chunk
    return data
