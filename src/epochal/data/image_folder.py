"""Folders of images, a folder for each class: `root/train/cat/1.jpg` with `root/val/...`, or `root/cat/1.jpg`.

Classes are the sorted folder names, and the order of files is torchvision's, so a label means the same there and here.
Reading the folder is separate from judging it, because `epochal data check` must work where opening is refused.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from epochal.core.fault import InputFault, printable
from epochal.data.decode import MOST_BYTES
from epochal.data.encoded import FileSplit
from epochal.data.holdout import EVERY, held_out_part
from epochal.data.images import ImageData

# torchvision's list without .ppm, .pgm, .tif and .tiff, which are not decoded here.
_DIGESTED = 4096

EXTENSIONS = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
HELD_OUT_NAMES = ("val", "valid", "validation", "test")

_DEEPEST = 16


@dataclass
class Part:
    """One folder of class folders.

    Attributes:
        classes: the sorted names of the class folders.
        names: the image files, relative to the root of the whole set, class by class.
        labels: for each image file the place of its class in `classes`.
        passed_over: how many other files there are, by extension.
    """

    classes: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)


@dataclass
class Layout:
    """What lies in an image folder.

    Attributes:
        root: the folder.
        train: the part to learn from.
        held_out: the part to measure on; None if there is none and it has to be split off.
        held_out_name: the name of that part's folder.
        unused: further folders with a held-out name.
    """

    root: Path
    train: Part
    held_out: Part | None = None
    held_out_name: str = ""
    unused: tuple[str, ...] = ()


def open_image_folder(root: Path, name: str) -> ImageData:
    """The pictures of a folder, not yet decoded.

    Args:
        root: the folder.
        name: what the data set is called.

    Raises:
        InputFault: there is no such folder, or its layout cannot be learned from; what is wrong is named.
    """
    layout = read_layout(root)
    fault = complaint(layout)
    if fault:
        raise fault
    if layout.held_out is None:
        train, held_out = _split_off(layout)
    else:
        places = {name: place for place, name in enumerate(layout.train.classes)}
        labels = [places[layout.held_out.classes[label]] for label in layout.held_out.labels]
        train = FileSplit.of(layout.root, layout.train.names, layout.train.labels)
        held_out = FileSplit.of(layout.root, layout.held_out.names, labels)
    note = "; ".join(remarks(layout))
    return ImageData(name, tuple(layout.train.classes), train, held_out, _digest(train, held_out), note)


def read_layout(root: Path) -> Layout:
    """What lies in the folder, without judging it.

    Raises:
        InputFault: there is no such folder, it cannot be read, or it is nested too deeply.
    """
    if not os.path.isdir(root):  # not Path.is_dir: that one raises for names that are too long
        what = "is no folder" if os.path.exists(root) else "does not exist"
        raise InputFault(f"{printable(str(root))} {what}", expected="a folder with a folder of images for each class")
    folders = _folders(root)
    # A class may be called "train": it is the training part only if it has class folders of its own.
    if "train" not in folders or not _folders(root / "train"):
        return Layout(root, _read_part(root, ""))
    known = [name for name in HELD_OUT_NAMES if name in folders]
    held_out = _read_part(root, known[0]) if known else None
    return Layout(root, _read_part(root, "train"), held_out, known[0] if known else "", tuple(known[1:]))


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return sorted((entry for entry in found if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise InputFault(f"the folder {printable(str(folder))} cannot be read: {error.strerror or error}") from None


def _folders(folder: Path) -> list[str]:
    return [entry.name for entry in _entries(folder) if entry.is_dir()]


def _read_part(root: Path, prefix: str) -> Part:
    part = Part(classes=_folders(root / prefix))
    for label, name in enumerate(part.classes):
        start = os.path.join(prefix, name)
        pending, seen = [start], set()
        files: list[tuple[str, str]] = []
        while pending:
            folder = pending.pop()
            # Links are followed, but no folder is read twice: a link to a folder above would never end.
            identity = os.stat(root / folder)
            if (identity.st_dev, identity.st_ino) in seen:
                continue
            seen.add((identity.st_dev, identity.st_ino))
            if folder.count(os.sep) - start.count(os.sep) > _DEEPEST:
                raise InputFault(
                    f"{printable(str(root / folder))} is nested too deeply", expected=f"at most {_DEEPEST} folders"
                )
            for entry in _entries(root / folder):
                if entry.is_dir():
                    pending.append(os.path.join(folder, entry.name))
                elif entry.name.lower().endswith(EXTENSIONS):
                    files.append((folder, entry.name))
                else:
                    part.passed_over[os.path.splitext(entry.name)[1].lower() or "no extension"] += 1
        part.names += [os.path.join(*file) for file in sorted(files)]
        part.labels += [label] * len(files)
    return part


def complaint(layout: Layout) -> InputFault | None:
    """Why the folder cannot be learned from; None if it can."""
    try:
        _check_part(layout.train, layout.root)
        if layout.held_out:
            _check_against(layout.held_out, layout.train, layout.root / layout.held_out_name)
        elif not held_out_part(np.array(layout.train.labels, dtype=np.int64)).any():
            raise InputFault(
                f"{printable(str(layout.root))} has one image for each class: none is left to measure on",
                expected="at least two images in some class, or a val folder",
            )
    except InputFault as fault:
        return fault
    return None


def remarks(layout: Layout) -> list[str]:
    """What a person should know of a folder that can be learned from."""
    told = []
    passed_over = layout.train.passed_over
    if layout.held_out is None:
        told.append(f"no {', '.join(HELD_OUT_NAMES)} folder: every {EVERY}th picture of each class is held out")
    else:
        passed_over = passed_over + layout.held_out.passed_over
        absent = len(layout.train.classes) - len(set(layout.held_out.labels))
        told += [f"{absent} classes have no picture in {layout.held_out_name}"] if absent > 0 else []
    told += [f"the folder {unused} is not used" for unused in layout.unused]
    if passed_over:
        kinds = ", ".join(f"{number} {printable(kind, 20)}" for kind, number in passed_over.most_common(5))
        told.append(f"other files were passed over: {kinds}")
    return told


def _check_part(part: Part, root: Path) -> None:
    shown = printable(str(root))
    wanted = "a folder for each class, with images in it: " + ", ".join(EXTENSIONS)
    if not part.classes:
        raise InputFault(f"{shown} has no class folders", expected=wanted)
    if not part.names:
        raise InputFault(f"there is no image in the class folders of {shown}", expected=wanted)
    _check_filled(part, shown)
    if len(part.classes) == 1:
        raise InputFault(
            f"{shown} has only one class, {printable(part.classes[0])!r}",
            expected="at least two class folders",
            remedy="give the folder that contains the class folders",
        )


def _check_filled(part: Part, shown: str) -> None:
    filled = set(part.labels)
    empty = [printable(name) for label, name in enumerate(part.classes) if label not in filled]
    if empty:
        raise InputFault(
            f"{len(empty)} class folders of {shown} have no image: {', '.join(empty[:5])}{' ...' if empty[5:] else ''}",
            expected="at least one image in each: " + ", ".join(EXTENSIONS),
            remedy="remove the folder, or put images in it",
        )


def _check_against(held_out: Part, train: Part, root: Path) -> None:
    shown = printable(str(root))
    unknown = [printable(name) for name in held_out.classes if name not in set(train.classes)]
    if unknown:
        raise InputFault(
            f"{shown} has classes that are not in train: {', '.join(unknown[:5])}{' ...' if unknown[5:] else ''}",
            expected="the same class folders in both",
        )
    if not held_out.names:
        raise InputFault(f"there is no image in the class folders of {shown}", expected="images, or no such folder")


def _split_off(layout: Layout) -> tuple[FileSplit, FileSplit]:
    part = held_out_part(np.array(layout.train.labels, dtype=np.int64))

    def chosen(which: bool) -> FileSplit:
        places = np.flatnonzero(part == which)
        names, labels = layout.train.names, layout.train.labels
        return FileSplit.of(layout.root, [names[place] for place in places], [labels[place] for place in places])

    return chosen(False), chosen(True)


def _digest(*splits: FileSplit) -> str:
    """SHA-256 of all relative paths, sizes and labels, and of the content of up to 4,096 files of each split.

    Reading every file of a large folder would cost as much as an epoch.
    """
    state = hashlib.sha256()
    for split in splits:
        every = max(1, -(-len(split) // _DIGESTED))
        for index in range(len(split)):
            path = split.stored(index)
            try:
                status = path.stat()
                # Not of a pipe: reading it would wait forever.
                is_read = index % every == 0 and stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES
                content = hashlib.sha256(path.read_bytes()).digest() if is_read else b""
            except OSError as error:
                raise InputFault(f"{printable(str(path))} cannot be read: {error.strerror or error}") from None
            name = bytes(split.names[index])
            state.update(b"%s\0%d\0%d\0%s\n" % (name, status.st_size, split.labels[index], content))
        state.update(b"\n")
    return state.hexdigest()
