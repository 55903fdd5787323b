"""Looking through a data set before training: what cannot be read, what is treated specially, what looks wrong.

It works where `open_data` refuses, and goes on after every bad file, so one look finds them all.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from epochal.core.fault import InputFault, printable
from epochal.core.report import counted
from epochal.data.decode import read_bounded
from epochal.data.encoded import EncodedSplit, FileSplit
from epochal.data.image_folder import Part, complaint, read_layout, remarks
from epochal.data.images import Pictures, Split
from epochal.data.source import find, open_data
from epochal.data.treatment import treatments

# The largest class may have this many times the pictures of the smallest before it is worth a warning.
IMBALANCE = 10

SEVERITIES = ("error", "warning", "note")

_WARNINGS = ("tiny", "misnamed", "leak", "two classes", "imbalance")
_LONGEST = 4096


@dataclass(frozen=True)
class Row:
    """One finding.

    Attributes:
        where: the file, or the place in a file, or the data set; safe to print.
        kind: what it is about in a word: "unreadable", "exif", "leak", ...
        what: the problem, or what is done with the picture; safe to print.
        severity: "error" (cannot be trained on), "warning" (probably a mistake) or "note" (handled).
    """

    where: str
    kind: str
    what: str
    severity: str


@dataclass(frozen=True)
class Report:
    """What a look through a data set found.

    Attributes:
        data: the specification.
        pictures: how many were looked at.
        classes: how many pictures each class has to learn from, by name.
        rows: the findings, errors first.
    """

    data: str
    pictures: int
    classes: dict[str, int]
    rows: tuple[Row, ...]

    @property
    def usable(self) -> bool:
        """True if nothing stands in the way of training."""
        return not any(row.severity == "error" for row in self.rows)

    def counts(self) -> dict[str, int]:
        """How many errors, warnings and notes there are."""
        found = Counter(row.severity for row in self.rows)
        return {severity: found[severity] for severity in SEVERITIES}

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {**asdict(self), "rows": [asdict(row) for row in self.rows], "counts": self.counts()}

    def lines(self, examples: int = 3) -> Iterator[str]:
        """The report as text: every error, and of each kind of warning and note the number and some examples."""
        counts = self.counts()
        told = ", ".join(counted(number, severity) for severity, number in counts.items())
        yield f"{printable(self.data)}: {self.pictures:,} pictures in {len(self.classes):,} classes; {told}"
        for row in self.rows:
            if row.severity == "error":
                yield f"error: {row.what}"
        for severity in SEVERITIES[1:]:
            of_severity = [row for row in self.rows if row.severity == severity]
            for kind, number in Counter(row.kind for row in of_severity).items():
                rows = [row for row in of_severity if row.kind == kind]
                yield f"{severity}: {kind}: {number:,}"
                yield from (f"  {row.where}: {row.what}" for row in rows[:examples])
                if number > examples:
                    yield f"  ... and {number - examples:,} more"

    def __str__(self) -> str:
        return "\n".join(self.lines())


def check(
    spec: str,
    *,
    offline: bool = False,
    workers: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Report:
    """Look through a data set: decode every picture, compare the parts, count the classes.

    Args:
        spec: as for `open_data`.
        offline: never download.
        workers: how many processes decode.
        progress: called with how many pictures are done, and how many there are.

    Raises:
        InputFault: there is nothing to look through: the specification is unknown or names nothing.
    """
    rows: list[Row] = []
    try:
        parts, classes, found = _opened(spec, offline)
    except InputFault as fault:
        if _is_absent(spec):
            raise
        return Report(spec, 0, {}, (_row(spec, "unreadable", _told(fault), "error"),))
    rows += found
    total, done = sum(len(split) for split in parts.values()), 0
    seen: dict[str, list[tuple[str, int, str]]] = {}
    for part, split in parts.items():
        for index, (digest, findings) in enumerate(_examined(split, workers)):
            rows += findings
            seen.setdefault(digest, []).append((part, int(split.labels[index]), split.where(index)))
            done += 1
            progress(done, total)
    seen.pop("", None)
    for copies in seen.values():
        rows += _copies(copies, classes)
    sizes = np.bincount(parts["train"].labels, minlength=len(classes))
    counted = {name: int(size) for name, size in zip(classes, sizes, strict=True)}
    rows += _imbalance(spec, counted)
    rows.sort(key=lambda row: SEVERITIES.index(row.severity))
    shown = {printable(name): size for name, size in counted.items()}
    return Report(spec, total, shown, tuple(rows))


def _opened(spec: str, offline: bool) -> tuple[dict[str, Split | EncodedSplit], tuple[str, ...], list[Row]]:
    """The parts to look through, the classes, and what is already wrong with the whole."""
    folder = _image_folder(spec)
    if folder is None:
        data = open_data(spec, offline=offline)
        notes = [_row(spec, "layout", data.note, "note")] if data.note else []
        return {"train": data.train, "held out": data.held_out}, data.classes, notes
    layout = read_layout(folder)
    fault = complaint(layout)
    rows = [_row(spec, "layout", _told(fault), "error")] if fault else []
    parts: dict[str, Split | EncodedSplit] = {"train": _files(folder, layout.train, layout.train.classes)}
    classes = list(layout.train.classes)
    if layout.held_out:
        classes += [name for name in layout.held_out.classes if name not in set(classes)]
        parts["held out"] = _files(folder, layout.held_out, classes)
    rows += [_row(spec, "layout", remark, "note") for remark in remarks(layout)]
    return parts, tuple(classes), rows


def _image_folder(spec: str) -> Path | None:
    kind, _, path = spec.partition(":")
    if kind == "imagefolder" and path:
        return Path(os.path.expanduser(path))
    found = find(spec) if spec == "imagenette" else None
    return found if found and (found / "train").is_dir() else None


def _files(folder: Path, part: Part, classes: list[str]) -> FileSplit:
    places = {name: place for place, name in enumerate(classes)}
    return FileSplit.of(folder, part.names, [places[part.classes[label]] for label in part.labels])


def _is_absent(spec: str) -> bool:
    """True if there is nothing under that specification, rather than something damaged."""
    kind, colon, path = spec.partition(":")
    if colon:
        return kind not in ("imagefolder", "parquet") or not path or not os.path.exists(os.path.expanduser(path))
    return find(spec) is None


def _examined(split: Split | EncodedSplit, workers: int) -> Iterator[tuple[str, list[Row]]]:
    """For each picture its hash, empty if it cannot be read, and what is to be said about it."""
    if isinstance(split, Pictures):
        for index in range(len(split)):
            yield hashlib.sha256(np.ascontiguousarray(split.pixels[index]).data).hexdigest(), []
        return
    if not isinstance(split, EncodedSplit):
        raise TypeError(f"{type(split).__name__} hands out no stored pictures")
    look = partial(_examine, split)
    if workers == 0:
        yield from map(look, range(len(split)))
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(look, range(len(split)), chunksize=64)


def _examine(split: EncodedSplit, index: int) -> tuple[str, list[Row]]:
    where = split.where(index)
    try:
        stored = split.stored(index)
        content = stored if isinstance(stored, bytes) else read_bounded(stored, where)
        found = treatments(content, where)
    except InputFault as fault:
        return "", [_row(where, "unreadable", _told(fault), "error")]
    rows = [_row(where, kind, what, "warning" if kind in _WARNINGS else "note") for kind, what in found]
    return hashlib.sha256(content).hexdigest(), rows


def _copies(copies: list[tuple[str, int, str]], classes: tuple[str, ...]) -> Iterator[Row]:
    """What several copies of one picture mean: they leak, contradict one another, or only repeat."""
    (first_part, first_label, first), *others = copies
    for part, label, where in others:
        if label != first_label:
            told = (
                f"is the same picture as {first}, but there it is {classes[first_label]!r} and here {classes[label]!r}"
            )
            yield _row(where, "two classes", told, "warning")
        if part != first_part:
            yield _row(where, "leak", f"is held out, and the same picture is learned from: {first}", "warning")
        elif label == first_label:
            yield _row(where, "copy", f"is the same picture as {first}", "note")


def _imbalance(spec: str, counted: dict[str, int]) -> Iterator[Row]:
    sizes = {name: size for name, size in counted.items() if size}
    if not sizes:
        return
    least, most = min(sizes, key=sizes.__getitem__), max(sizes, key=sizes.__getitem__)
    if sizes[most] >= IMBALANCE * sizes[least]:
        told = f"class {most!r} has {sizes[most]:,} pictures, class {least!r} has {sizes[least]:,}"
        yield _row(spec, "imbalance", told, "warning")


def _told(fault: InputFault) -> str:
    return f"{fault.what} (expected: {fault.expected})" if fault.expected else fault.what


def _row(where: str, kind: str, what: str, severity: str) -> Row:
    return Row(printable(where, _LONGEST), kind, printable(what, 2 * _LONGEST), severity)
