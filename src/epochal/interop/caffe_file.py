"""Reading a `.caffemodel`: the blobs of each layer out of Caffe's protocol buffer, by a small parser of our own.

Only three kinds of message matter: the network, its layers, and their blobs. All else is stepped over, so nothing
nests deeper and nothing is built that the file does not hold. Layers stand under number 100, or, before 2014, under 2.
Old blobs always have four dimensions, filled up with ones in front; they are taken off here.

https://github.com/BVLC/caffe/blob/master/src/caffe/proto/caffe.proto
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from epochal.core.fault import printable
from epochal.interop.stored import MOST_DIMENSIONS, MOST_TENSORS, Header, Stored, checked, damaged, file_size

# Wire types of the protocol buffer.
_VARINT, _EIGHT_BYTES, _LENGTH, _FOUR_BYTES = 0, 1, 2, 5

# Numbers of fields. A layer of the old kind (under 2) has its own.
_NET_NAME, _OLD_LAYER, _LAYER = 1, 2, 100
_LAYER_NAME, _LAYER_BLOB = 1, 7
_OLD_LAYER_INNER, _OLD_LAYER_NAME, _OLD_LAYER_BLOB = 1, 4, 6
_BLOB_SIDES, _BLOB_DATA, _BLOB_SHAPE, _BLOB_DOUBLES = (1, 2, 3, 4), 5, 7, 8
_SHAPE_DIMENSION = 1


@dataclass(frozen=True)
class _Blob:
    shape: tuple[int, ...]
    begin: int
    bytes: int
    dtype: torch.dtype


def open_caffemodel(path: Path) -> Stored:
    """A Caffe model; its blobs are called `conv1.0` (weights), `conv1.1` (biases) and so on.

    Raises:
        InputFault: it is none, or claims what cannot be.
    """
    size = file_size(path)
    if size < 2:
        raise damaged(path, f"it has {size} bytes")
    blobs: dict[str, _Blob] = {}
    layers: list[str] = []
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        try:
            for name, found in _layers(content, size):
                layers.append(name)
                for place, blob in enumerate(found):
                    if blobs.setdefault(f"{name}.{place}", blob) is not blob:
                        raise ValueError(f"two layers are called {name!r}")
                if len(layers) > MOST_TENSORS:
                    raise ValueError(f"it claims more than {MOST_TENSORS:,} layers")
        except (ValueError, IndexError, UnicodeDecodeError) as error:
            raise damaged(path, f"as Caffe's protocol buffer: {printable(str(error), 120)}") from None
    headers = checked(path, ((name, Header(blob.shape, blob.dtype)) for name, blob in blobs.items()), size)

    def read(name: str) -> Tensor:
        blob = blobs[name]
        numbers = np.fromfile(
            path,
            dtype="<f8" if blob.dtype == torch.float64 else "<f4",
            count=math.prod(blob.shape),
            offset=blob.begin,
        )
        if numbers.size != math.prod(blob.shape):
            raise damaged(path, f"it ends within {name}")
        return torch.from_numpy(numbers.astype(numbers.dtype.newbyteorder("="))).reshape(blob.shape)

    return Stored(path, "caffe", headers, read, {"layers": " ".join(printable(name, 60) for name in layers)})


def _layers(content: mmap.mmap, size: int) -> Iterator[tuple[str, list[_Blob]]]:
    for number, wire, begin, end in _fields(content, 0, size):
        if number in (_LAYER, _OLD_LAYER) and wire == _LENGTH:
            yield _layer(content, begin, end, old=number == _OLD_LAYER)


def _layer(content: mmap.mmap, begin: int, end: int, *, old: bool) -> tuple[str, list[_Blob]]:
    name, blobs = "", []
    wanted = (_OLD_LAYER_NAME, _OLD_LAYER_BLOB) if old else (_LAYER_NAME, _LAYER_BLOB)
    for number, wire, start, stop in _fields(content, begin, end):
        if wire != _LENGTH:
            continue
        if old and number == _OLD_LAYER_INNER:
            raise ValueError("it is of the oldest form; Caffe's upgrade_net_proto_binary renews it")
        if number == wanted[0]:
            name = content[start : min(stop, start + 1000)].decode("utf-8")
        elif number == wanted[1]:
            blobs.append(_blob(content, start, stop))
    return name, blobs


def _blob(content: mmap.mmap, begin: int, end: int) -> _Blob:
    sides = dict.fromkeys(_BLOB_SIDES, 0)
    shape: tuple[int, ...] | None = None
    data: list[tuple[int, int, torch.dtype]] = []
    for number, wire, start, stop in _fields(content, begin, end):
        if number in sides and wire == _VARINT:
            sides[number] = stop
        elif number == _BLOB_SHAPE and wire == _LENGTH:
            shape = _shape(content, start, stop)
        elif number in (_BLOB_DATA, _BLOB_DOUBLES) and wire == _LENGTH:
            data.append((start, stop, torch.float32 if number == _BLOB_DATA else torch.float64))
        elif number in (_BLOB_DATA, _BLOB_DOUBLES):
            raise ValueError("the numbers of a blob are not packed")
    if shape is None:
        shape = tuple(sides.values())
        while len(shape) > 1 and shape[0] == 1:
            shape = shape[1:]
    if len(data) != 1:
        raise ValueError(f"a blob has {len(data)} lists of numbers")
    ((start, stop, dtype),) = data
    if math.prod(shape) * dtype.itemsize != stop - start:
        raise ValueError(f"a blob of shape {shape} has {stop - start:,} bytes")
    return _Blob(shape, start, stop - start, dtype)


def _shape(content: mmap.mmap, begin: int, end: int) -> tuple[int, ...]:
    dimensions: list[int] = []
    for number, wire, start, stop in _fields(content, begin, end):
        if number == _SHAPE_DIMENSION and wire == _LENGTH:
            while start < stop:
                dimension, start = _varint(content, start, stop)
                dimensions.append(dimension)
        elif number == _SHAPE_DIMENSION and wire == _VARINT:
            dimensions.append(stop)
        if len(dimensions) > MOST_DIMENSIONS:
            raise ValueError("a blob has more dimensions than any")
    return tuple(dimensions)


def _fields(content: mmap.mmap, begin: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Number, wire type, begin and end of each field of a message; for a whole number, `end` is the number itself."""
    place = begin
    while place < end:
        key, place = _varint(content, place, end)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, place = _varint(content, place, end)
            yield number, wire, place, value
            continue
        if wire == _LENGTH:
            length, place = _varint(content, place, end)
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if wire == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"there is no wire type {wire}")
        if length > end - place:
            raise ValueError(f"field {number} claims {length:,} bytes where {end - place:,} are left")
        yield number, wire, place, place + length
        place += length


def _varint(content: mmap.mmap, place: int, end: int) -> tuple[int, int]:
    """A whole number of seven bits a byte, and the place after it."""
    value = 0
    for shift in range(0, 70, 7):
        if place >= end:
            raise ValueError("it ends within a number")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise ValueError("a number has no end")
