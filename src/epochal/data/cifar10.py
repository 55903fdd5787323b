"""The binary version of CIFAR-10 (Krizhevsky 2009): six files of 10,000 records of one label and 3 x 32 x 32 bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from epochal.core.fault import InputFault, printable
from epochal.data.images import ImageData, Pictures, digest_of

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_SIDE = 32
_RECORD = 1 + 3 * _SIDE * _SIDE
_TRAIN = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
_TEST = ("test_batch.bin",)


def read_cifar10(folder: Path, records: int = 10_000) -> ImageData:
    """The five training batches and the test batch of a folder.

    Args:
        folder: where the `.bin` files lie.
        records: how many pictures each file must hold.

    Raises:
        InputFault: a file is missing, has the wrong size, or holds a label above 9; the file is named.
    """
    train = _read_split(folder, _TRAIN, records)
    held_out = _read_split(folder, _TEST, records)
    return ImageData("cifar10", CLASSES, train, held_out, digest_of(train, held_out))


def has_cifar10(folder: Path) -> bool:
    """True when the first training batch lies in the folder."""
    return (folder / _TRAIN[0]).is_file()


def _read_split(folder: Path, names: tuple[str, ...], records: int) -> Pictures:
    for name in names:
        _check_size(folder / name, records)
    pixels = np.empty((len(names) * records, _SIDE, _SIDE, 3), dtype=np.uint8)
    labels = np.empty(len(pixels), dtype=np.int64)
    for place, name in enumerate(names):
        part = slice(place * records, (place + 1) * records)
        rows = _read_rows(folder / name, records)
        labels[part] = rows[:, 0]
        # The file keeps the three colours of a picture one after the other; we keep them together in each pixel.
        pixels[part] = rows[:, 1:].reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)
    return Pictures(pixels, labels, str(folder / names[0]) if len(names) == 1 else str(folder))


def _check_size(path: Path, records: int) -> None:
    if not path.is_file():
        raise InputFault(
            f"there is no file {printable(str(path))}",
            expected=f"the binary version of CIFAR-10: {', '.join(_TRAIN + _TEST)}",
        )
    size = path.stat().st_size
    if size != records * _RECORD:
        raise InputFault(
            f"{printable(str(path))} has {size:,} bytes",
            expected=f"{records * _RECORD:,} bytes: {records:,} records of {_RECORD:,}",
            remedy="fetch the file again (the binary version, not the Python one)",
        )


def _read_rows(path: Path, records: int) -> np.ndarray:
    try:
        rows = np.fromfile(path, dtype=np.uint8, count=records * _RECORD).reshape(records, _RECORD)
    except (OSError, ValueError) as error:
        raise InputFault(f"{printable(str(path))} cannot be read: {printable(str(error))}") from None
    wrong = np.flatnonzero(rows[:, 0] >= len(CLASSES))
    if len(wrong):
        raise InputFault(
            f"label {rows[wrong[0], 0]} in record {wrong[0]:,} of {printable(str(path))}",
            expected="0 to 9",
            remedy="fetch the file again",
        )
    return rows
