"""Reading `.npz`: named arrays, as converters of Caffe's files write them; Python objects among them are refused."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.lib import format as npy
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.interop.stored import MOST_TENSORS, Header, Stored, checked, damaged, file_size

# Weights are noise to a packer: an archive that grows more than this is made to fill the memory.
MOST_GROWTH = 20
_HEADER_BYTES = 4096
_DTYPES = {
    "f2": torch.float16,
    "f4": torch.float32,
    "f8": torch.float64,
    "i8": torch.int64,
    "i4": torch.int32,
    "i2": torch.int16,
    "i1": torch.int8,
    "u1": torch.uint8,
    "b1": torch.bool,
}


def open_npz(path: Path) -> Stored:
    """An archive of arrays, their headers checked; no numbers are read yet.

    Raises:
        InputFault: it is none, holds Python objects, or claims what cannot be.
    """
    limit = MOST_GROWTH * file_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > MOST_TENSORS:
                raise damaged(path, f"it claims more than {MOST_TENSORS:,} arrays")
            headers = checked(path, _headers(path, archive), limit)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise damaged(path, printable(str(error), 80)) from None

    def read(name: str) -> Tensor:
        try:
            with zipfile.ZipFile(path) as archive, archive.open(f"{name}.npy") as part:
                array = npy.read_array(part, allow_pickle=False, max_header_size=_HEADER_BYTES)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError) as error:
            raise damaged(path, f"{name}: {printable(str(error), 80)}") from None
        return torch.from_numpy(np.array(array, dtype=array.dtype.newbyteorder("="), order="C"))

    return Stored(path, "numpy", headers, read)


def _headers(path: Path, archive: zipfile.ZipFile) -> Iterator[tuple[str, Header]]:
    for entry in archive.infolist():
        if not entry.filename.endswith(".npy"):
            raise damaged(path, f"{printable(entry.filename, 60)!r} in it is no array")
        name = entry.filename.removesuffix(".npy")
        with archive.open(entry) as part:
            shape, dtype = _described(path, name, part)
        yield name, Header(shape, _DTYPES[dtype.str[1:]])


def _described(path: Path, name: str, part: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = npy.read_magic(part)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = reader(part, max_header_size=_HEADER_BYTES)
    except ValueError as error:
        raise damaged(path, f"{printable(name, 60)}: {printable(str(error), 80)}") from None
    if dtype.hasobject:
        raise InputFault(
            f"{printable(str(path))} is refused, and nothing in it was run: it holds Python objects, that is, a pickle",
            expected="arrays of numbers, each under its name",
            remedy="where you trust the file: numpy.savez(out, **{'conv1.0': weights, 'conv1.1': biases, ...})",
        )
    if dtype.str[1:] not in _DTYPES:
        raise damaged(path, f"{printable(name, 60)} holds {printable(str(dtype), 40)}, not numbers")
    return tuple(shape), dtype
