"""Writes what Caffe writes, as far as its weights go, for tests to read: a protocol buffer by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Layer = tuple[str, Sequence[np.ndarray]]


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def whole(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def blob(array: np.ndarray, *, old: bool = False, doubles: bool = False) -> bytes:
    if old:
        sides = (1,) * (4 - array.ndim) + array.shape
        shape = b"".join(whole(number, side) for number, side in enumerate(sides, 1))
    else:
        shape = field(7, field(1, b"".join(varint(side) for side in array.shape)))
    numbers = field(8, array.astype("<f8").tobytes()) if doubles else field(5, array.astype("<f4").tobytes())
    return shape + numbers


def caffemodel(name: str, layers: Sequence[Layer], *, old: bool = False, doubles: bool = False) -> bytes:
    """A network: new layers stand under 100 with name 1 and blobs 7, old ones under 2 with name 4 and blobs 6."""
    content = field(1, name.encode())
    for layer, blobs in layers:
        number, named, kept = (2, 4, 6) if old else (100, 1, 7)
        inside = field(named, layer.encode()) + (whole(5, 4) if old else field(2, b"Convolution"))
        inside += b"".join(field(kept, blob(array, old=old, doubles=doubles)) for array in blobs)
        content += field(number, inside)
    return content
