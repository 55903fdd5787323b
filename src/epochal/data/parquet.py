"""Parquet files in the layout of the Hugging Face Hub: a column of image files, a column of labels with their names.

The image column is a struct of `bytes` and `path`; the labels are integers; the names of the classes stand in the
schema's metadata, under `huggingface`, as JSON. The encoded images are held in memory, so the size of all of them is
bounded, and checked before they are read.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from epochal.core.fault import InputFault, printable
from epochal.data.encoded import BytesSplit
from epochal.data.holdout import EVERY, held_out_part
from epochal.data.images import ImageData, Pictures, digest_of

MOST_BYTES = 16 << 30
HELD_OUT_NAMES = ("test", "val", "valid", "validation")

_MOST_CLASSES = 100_000


@dataclass(frozen=True)
class _Columns:
    """Which columns hold what, and the classes' names if they are told."""

    image: str
    label: str
    classes: tuple[str, ...]


def has_parquet(folder: Path) -> bool:
    """True when the folder, or a folder in it, holds training shards."""
    return folder.is_dir() and bool(_shards(folder).get("train"))


def open_parquet(path: Path, name: str, most_bytes: int = MOST_BYTES) -> ImageData:
    """The pictures of one Parquet file, or of a folder of shards `train-*.parquet` with `test-*` or `validation-*`.

    Args:
        path: the file, or the folder.
        name: what the data set is called.
        most_bytes: the most memory the encoded pictures may take.

    Raises:
        InputFault: the path, a file, a column or a label is not as it must be; what is wrong is named.
    """
    parts = _parts(path)
    files = [file for part in parts.values() for file in part]
    columns = _columns(files[0])
    _check_bytes(files, columns, most_bytes, path)
    splits = {part: _read_split(part_files, columns, path) for part, part_files in parts.items()}
    classes = columns.classes or _numbered(splits)
    for split in splits.values():
        _check_labels(split, len(classes))
    train, note = splits.pop("train"), ""
    if splits:
        (held_out,) = splits.values()
    else:
        train, held_out = _split_off(train)
        note = f"no test or validation shards: every {EVERY}th picture of each class is held out"
    if len(classes) < 2:
        raise InputFault(f"{printable(str(path))} has only one class", expected="at least two")
    return ImageData(name, classes, train, held_out, _digest(train, held_out), note)


def read_small_parquet(folder: Path, name: str, classes: tuple[str, ...]) -> ImageData:
    """Shards of small pictures of one size, decoded into memory at once.

    Raises:
        InputFault: as `open_parquet`; or a picture has another size; or the classes are others.
    """
    stored = open_parquet(folder, name)
    if len(stored.classes) != len(classes):
        raise InputFault(f"{printable(str(folder))} has {len(stored.classes)} classes", expected=f"{len(classes)}")
    train, held_out = (_decoded(split) for split in (stored.train, stored.held_out) if isinstance(split, BytesSplit))
    return ImageData(name, classes, train, held_out, digest_of(train, held_out), stored.note)


def _decoded(split: BytesSplit) -> Pictures:
    first = split.picture(0)
    height, width = first.shape[:2]
    pixels = np.empty((len(split), height, width, 3), dtype=np.uint8)
    for index in range(len(split)):
        picture = split.picture(index)
        if picture.shape != first.shape:
            raise InputFault(
                f"{printable(split.where(index))} has {picture.shape[1]} x {picture.shape[0]} pixels",
                expected=f"{width} x {height}, like the first",
            )
        pixels[index] = picture
    # Gray pictures are kept with one channel, as the original files keep them.
    if all((pixels[..., 0] == pixels[..., other]).all() for other in (1, 2)):
        pixels = np.ascontiguousarray(pixels[..., :1])
    return Pictures(pixels, split.labels, split.origin)


def _shards(folder: Path) -> dict[str, list[Path]]:
    """The shards below a folder by the part that their names begin with, sorted."""
    found: dict[str, list[Path]] = {}
    for file in sorted([*folder.glob("*.parquet"), *folder.glob("*/*.parquet")]):
        part = file.name.removesuffix(".parquet").split("-")[0].split(".")[0]
        if not file.name.startswith(".") and not file.parent.name.startswith("."):
            found.setdefault(part, []).append(file)
    return found


def _parts(path: Path) -> dict[str, list[Path]]:
    shown = printable(str(path))
    if os.path.isfile(path):  # not Path.is_file: that one raises for names that are too long
        return {"train": [path]}
    if not os.path.isdir(path):
        raise InputFault(f"{shown} does not exist", expected="a Parquet file, or a folder of them")
    found = _shards(path)
    if "train" not in found:
        raise InputFault(f"{shown} has no training shards", expected="files called train-*.parquet")
    if len({file.parent for file in found["train"]}) > 1:
        raise InputFault(f"training shards lie in several folders of {shown}", expected="the path of one of them")
    held_out = next((part for part in HELD_OUT_NAMES if part in found), None)
    return {"train": found["train"], **({held_out: found[held_out]} if held_out else {})}


def _metadata(file: Path) -> Any:
    import pyarrow
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(file)
    except (OSError, pyarrow.ArrowException) as error:
        raise InputFault(
            f"{printable(str(file))} cannot be read: {printable(str(error))}",
            expected="a whole Parquet file",
            remedy="fetch the file again",
        ) from None


def _columns(file: Path) -> _Columns:
    """The image and the label column of a file, found by their types."""
    import pyarrow

    schema = _metadata(file).schema_arrow
    shown = printable(str(file))

    def is_image(kind: Any) -> bool:
        return bool(pyarrow.types.is_struct(kind) and kind.get_field_index("bytes") >= 0)

    images = [field.name for field in schema if is_image(field.type)]
    labels = [field.name for field in schema if pyarrow.types.is_integer(field.type)]
    told = "columns: " + ", ".join(f"{printable(field.name, 40)} ({field.type})"[:80] for field in schema)
    if len(images) != 1:
        raise InputFault(f"{shown} has {len(images)} image columns; {told}", expected="one struct of bytes and path")
    if "label" in labels:
        labels = ["label"]
    if len(labels) != 1:
        raise InputFault(f"{shown} has no one label column; {told}", expected="an integer column called label")
    return _Columns(images[0], labels[0], _class_names(schema, labels[0], shown))


def _class_names(schema: Any, label: str, shown: str) -> tuple[str, ...]:
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        names = features[label]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return ()
    names = list(names.values()) if isinstance(names, dict) else names
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names) or len(names) > _MOST_CLASSES:
        raise InputFault(f"the class names in the metadata of {shown} are no list of texts")
    return tuple(names)


def _check_bytes(files: list[Path], columns: _Columns, most_bytes: int, path: Path) -> None:
    total = 0
    for file in files:
        groups = _metadata(file).metadata
        for group in range(groups.num_row_groups):
            row_group = groups.row_group(group)
            for place in range(row_group.num_columns):
                column = row_group.column(place)
                if column.path_in_schema == f"{columns.image}.bytes":
                    total += max(0, column.total_uncompressed_size)
    if total > most_bytes:
        raise InputFault(
            f"the pictures of {printable(str(path))} take {total / 2**30:.1f} GiB, encoded",
            expected=f"at most {most_bytes / 2**30:.1f} GiB: they are held in memory",
            remedy="write them to a folder for each class and use imagefolder:PATH",
        )


def _read_split(files: list[Path], columns: _Columns, path: Path) -> BytesSplit:
    import pyarrow

    blobs: list[np.ndarray] = []
    lengths: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    for file in files:
        try:
            for batch in _metadata(file).iter_batches(batch_size=1024, columns=[columns.image, columns.label]):
                images = batch.column(columns.image).field("bytes").cast(pyarrow.large_binary())
                _check_whole(images, batch.column(columns.label), file)
                offsets = np.frombuffer(images.buffers()[1], dtype=np.int64)[images.offset :][: len(images) + 1]
                blobs.append(np.frombuffer(images.buffers()[2] or b"", dtype=np.uint8)[offsets[0] : offsets[-1]])
                lengths.append(np.diff(offsets))
                labels.append(batch.column(columns.label).to_numpy(zero_copy_only=False).astype(np.int64))
        except (OSError, pyarrow.ArrowException, KeyError) as error:
            raise InputFault(
                f"{printable(str(file))} cannot be read: {printable(str(error))}", remedy="fetch the file again"
            ) from None
    if not labels:
        raise InputFault(f"{printable(str(files[0]))} has no rows", expected="at least one picture")
    origin = str(files[0]) if len(files) == 1 else str(path)
    return BytesSplit(np.concatenate(blobs), np.cumsum(np.concatenate(lengths)), np.concatenate(labels), origin)


def _check_whole(images: Any, labels: Any, file: Path) -> None:
    if images.null_count or labels.null_count:
        raise InputFault(
            f"{printable(str(file))} has rows without image bytes or without a label",
            expected="the bytes of an image file in every row",
        )


def _numbered(splits: dict[str, BytesSplit]) -> tuple[str, ...]:
    """Without names, classes are called by their numbers."""
    most = max(int(split.labels.max()) for split in splits.values())
    if most >= _MOST_CLASSES:
        raise InputFault(f"label {most} without class names", expected=f"labels below {_MOST_CLASSES:,}")
    return tuple(str(number) for number in range(most + 1))


def _check_labels(split: BytesSplit, classes: int) -> None:
    wrong = np.flatnonzero((split.labels < 0) | (split.labels >= classes))
    if len(wrong):
        raise InputFault(
            f"label {split.labels[wrong[0]]} at {printable(split.where(int(wrong[0])))}", expected=f"0 to {classes - 1}"
        )


def _split_off(split: BytesSplit) -> tuple[BytesSplit, BytesSplit]:
    part = held_out_part(split.labels)
    if not part.any():
        raise InputFault(f"{printable(split.origin)} has no class with two pictures: none is left to measure on")
    starts = np.concatenate([[0], split.ends[:-1]])

    def chosen(which: bool) -> BytesSplit:
        places = np.flatnonzero(part == which)
        spans = [split.buffer[starts[place] : split.ends[place]] for place in places]
        ends = np.cumsum([len(span) for span in spans])
        name = f"{split.origin} ({'held out' if which else 'train'})"
        return BytesSplit(np.concatenate(spans), ends.astype(np.int64), split.labels[places], name)

    return chosen(False), chosen(True)


def _digest(*splits: BytesSplit) -> str:
    """SHA-256 of lengths, labels and the encoded pictures."""
    state = hashlib.sha256()
    for split in splits:
        for array in (split.ends, split.labels, split.buffer):
            state.update(np.ascontiguousarray(array).data)
    return state.hexdigest()
