"""Opening data by its specification: a name such as `cifar10`, or a kind and a path such as `imagefolder:photos`.

A named set is looked for in `$EPOCHAL_DATA/NAME`, then in the cache (`$EPOCHAL_CACHE/NAME`, or
`~/.cache/epochal/NAME`), and is then downloaded from the Hugging Face Hub.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from epochal.core.fault import InputFault, nearest, printable
from epochal.data.cifar10 import CLASSES as CIFAR10_CLASSES
from epochal.data.cifar10 import has_cifar10, read_cifar10
from epochal.data.digits import read_digits
from epochal.data.hub import CIFAR10, FASHION_MNIST, IMAGENETTE, MNIST, HubFiles, fetch
from epochal.data.idx import DIGITS, GARMENTS, has_idx_set, read_idx_set
from epochal.data.image_folder import open_image_folder
from epochal.data.imagenette import has_imagenette, read_imagenette
from epochal.data.images import ImageData
from epochal.data.parquet import has_parquet, open_parquet, read_small_parquet

KINDS = ("imagefolder", "parquet")
# Named sets that are no pictures: `data.text` opens them.
TEXTS = ("topics", "wiki")


@dataclass(frozen=True)
class KnownSet:
    """A data set that has a name.

    Attributes:
        name: what to write after `--data`.
        what: one sentence.
        train: how many pictures to learn from.
        held_out: how many to measure on.
        terms: licence or terms of use, as commonly given.
        looked_for: the folders in which it is looked for, in this order; none if it comes with the installation.
        found: the folder in which it lies; "built in", or None if it would have to be downloaded.
    """

    name: str
    what: str
    train: int
    held_out: int
    terms: str
    looked_for: tuple[Path, ...]
    found: str | None


@dataclass(frozen=True)
class _Named:
    what: str
    train: int
    held_out: int
    terms: str
    present: Callable[[Path], bool]
    read: Callable[[Path], ImageData]
    hub: HubFiles


def _in_memory(read: Callable[[Path], ImageData], name: str, classes: tuple[str, ...]) -> Callable[[Path], ImageData]:
    """The original files if they are there, and the Hub's shards, decoded at once, otherwise."""

    def either(folder: Path) -> ImageData:
        return read_small_parquet(folder, name, classes) if has_parquet(folder) else read(folder)

    return either


_NAMED = {
    "mnist": _Named(
        what="handwritten digits, 28 x 28, gray (LeCun et al. 1998)",
        train=60_000,
        held_out=10_000,
        terms="CC BY-SA 3.0 as commonly given",
        present=has_idx_set,
        read=_in_memory(lambda folder: read_idx_set(folder, "mnist", DIGITS), "mnist", DIGITS),
        hub=MNIST,
    ),
    "fashion-mnist": _Named(
        what="pictures of clothes, 28 x 28, gray (Xiao et al. 2017)",
        train=60_000,
        held_out=10_000,
        terms="MIT",
        present=has_idx_set,
        read=_in_memory(lambda folder: read_idx_set(folder, "fashion-mnist", GARMENTS), "fashion-mnist", GARMENTS),
        hub=FASHION_MNIST,
    ),
    "cifar10": _Named(
        what="photographs of ten kinds of things, 32 x 32, colour (Krizhevsky 2009)",
        train=50_000,
        held_out=10_000,
        terms="no formal licence; cite Krizhevsky 2009",
        present=has_cifar10,
        read=_in_memory(read_cifar10, "cifar10", CIFAR10_CLASSES),
        hub=CIFAR10,
    ),
    "imagenette": _Named(
        what="photographs of ten ImageNet classes, any size (Howard 2019); a folder may hold a part of them",
        train=9_469,
        held_out=3_925,
        terms="ImageNet's terms: non-commercial research",
        present=has_imagenette,
        read=read_imagenette,
        hub=IMAGENETTE,
    ),
}


def open_data(spec: str, *, offline: bool = False) -> ImageData:
    """The labelled pictures that a specification names.

    Args:
        spec: `digits`, `mnist`, `fashion-mnist`, `cifar10`, `imagenette`, `imagefolder:PATH` or `parquet:PATH`.
        offline: never download.

    Raises:
        InputFault: the specification is unknown, or what it names is absent or damaged.
    """
    kind, colon, path = spec.partition(":")
    if colon and kind in KINDS:
        if not path:
            raise InputFault(f"{printable(spec)} names no path", expected=f"{kind}:PATH")
        # Not Path.expanduser: that one raises for a user who is not known.
        folder = Path(os.path.expanduser(path))
        return open_image_folder(folder, spec) if kind == "imagefolder" else open_parquet(folder, spec)
    if spec == "digits":
        return read_digits()
    if spec not in _NAMED:
        raise _unknown(spec)
    named = _NAMED[spec]
    return named.read(find(spec) or fetch(spec, named.hub, cache_folder() / spec, places(spec), offline=offline))


def known_sets() -> tuple[KnownSet, ...]:
    """Every data set that has a name, and whether it is here."""
    rows = [
        KnownSet(
            name="digits",
            what="handwritten digits, 8 x 8, gray, of scikit-learn (Alpaydin and Kaynak 1998)",
            train=1_442,
            held_out=355,
            terms="CC BY 4.0 (UCI)",
            looked_for=(),
            found="built in",
        )
    ]
    for name, named in _NAMED.items():
        place = find(name)
        rows.append(
            KnownSet(
                name=name,
                what=named.what,
                train=named.train,
                held_out=named.held_out,
                terms=named.terms,
                looked_for=places(name),
                found=str(place) if place else None,
            )
        )
    return tuple(rows)


def cache_folder() -> Path:
    """Where downloads are kept."""
    set_by_user = os.environ.get("EPOCHAL_CACHE")
    if set_by_user:
        return Path(os.path.expanduser(set_by_user))
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "epochal"


def places(name: str) -> tuple[Path, ...]:
    """The folders in which a named set is looked for, in this order."""
    own = os.environ.get("EPOCHAL_DATA")
    return (*([Path(os.path.expanduser(own)) / name] if own else []), cache_folder() / name)


def find(name: str) -> Path | None:
    """The first of those folders in which the named set lies; None if it lies in none, or the name is unknown."""
    named = _NAMED.get(name)
    if named is None:
        return None
    return next((folder for folder in places(name) if named.present(folder) or has_parquet(folder)), None)


def _unknown(spec: str) -> InputFault:
    kind, colon, _ = spec.partition(":")
    if spec in TEXTS or (colon and kind == "text"):
        return InputFault(
            f"{printable(spec)} is a text, and pictures are asked for",
            expected="labelled pictures, such as digits or imagefolder:PATH",
            remedy=f"a landmark that learns from text takes it: `epochal train word2vec --data {printable(spec)}`",
        )
    known = [*(f"{kind}:PATH" for kind in KINDS), "digits", *_NAMED]
    remedy = "`epochal data list` shows the named sets"
    if not colon and os.path.isdir(os.path.expanduser(spec)):
        remedy = f"for a folder with a folder of images for each class: imagefolder:{printable(spec)}"
    close = nearest(f"{kind}:PATH" if colon else spec, known)
    return InputFault(f"no data set is called {printable(spec)!r}", expected=close, remedy=remedy)
