"""Tensors in a file, known by what its header says of them before any is read.

A header costs nothing to write: it may claim a terabyte, a name that redraws a terminal, or two tensors of one name. So
each reader hands its header to `checked` first, and memory is taken only for what the file's own size can hold.
"""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from epochal.core.fault import InputFault, printable

# The largest networks here have a few hundred tensors.
MOST_TENSORS = 20_000
LONGEST_NAME = 400
MOST_DIMENSIONS = 8


@dataclass(frozen=True)
class Header:
    """What a file says of one tensor.

    Attributes:
        shape: its dimensions.
        dtype: the type of its numbers.
    """

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        """The memory it needs."""
        return math.prod(self.shape) * self.dtype.itemsize


@dataclass(frozen=True)
class Stored:
    """A file of tensors whose header was found sound.

    Attributes:
        path: the file.
        kind: what sort of file: safetensors, torch, numpy or caffe.
        tensors: the header of each tensor, by its name in the file.
        read: gives a tensor by its name, in memory of its own.
        metadata: texts the file carries besides.
    """

    path: Path
    kind: str
    tensors: dict[str, Header]
    read: Callable[[str], Tensor]
    metadata: dict[str, str] = field(default_factory=dict)


def checked(path: Path, headers: Iterable[tuple[str, Header]], limit: int) -> dict[str, Header]:
    """The headers by name, if they can be true.

    Args:
        path: the file, to be named.
        headers: name and header of each tensor, as they stand in the file.
        limit: how many bytes the tensors can have together: those of the file.

    Raises:
        InputFault: a name comes twice or is not printable, a shape is impossible, or there is more than the file holds.
    """
    found: dict[str, Header] = {}
    total = 0
    for name, header in headers:
        if len(found) >= MOST_TENSORS:
            raise damaged(path, f"it claims more than {MOST_TENSORS:,} tensors")
        if len(name) > LONGEST_NAME or not name.isprintable():
            raise damaged(path, f"a tensor is called {printable(name, 60)!r}")
        if name in found:
            raise damaged(path, f"two tensors are called {name!r}")
        if len(header.shape) > MOST_DIMENSIONS or any(side < 0 for side in header.shape):
            raise damaged(path, f"{name} has the shape {printable(str(header.shape), 80)}")
        total += header.bytes
        if total > limit:
            raise damaged(path, f"it claims tensors of more than the {limit:,} bytes it can hold, at {name}")
        found[name] = header
    if not found:
        raise damaged(path, "it holds no tensors")
    return found


def file_size(path: Path) -> int:
    """The size of an ordinary file in bytes.

    Raises:
        InputFault: nothing is there, or it is a folder, a pipe or a device.
    """
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFault(
            f"{printable(str(path))} cannot be read: {reason}", expected="a file of weights, a run or a Hub folder"
        ) from None
    if not stat.S_ISREG(found.st_mode):
        raise InputFault(f"{printable(str(path))} is not an ordinary file", expected="a file of weights")
    return found.st_size


def damaged(path: Path, what: str) -> InputFault:
    """The fault to raise for a file that does not hold what its header says."""
    return InputFault(
        f"{printable(str(path))} cannot be used as weights: {what}",
        expected="a whole file of weights",
        remedy="fetch or save the file again",
    )
