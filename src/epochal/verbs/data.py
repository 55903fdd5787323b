"""Look at data before training on it: what there is, what is wrong with it, how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from epochal.core.fault import InputFault, printable
from epochal.data.check import Report, check
from epochal.data.sampler import Plan
from epochal.data.source import KnownSet, known_sets, open_data
from epochal.data.text import known_texts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A grid of this many is taken in at a glance.
PICTURES = 60


@dataclass(frozen=True)
class Shown:
    """A picture of a data set.

    Attributes:
        figure: the matplotlib figure.
        path: the PNG it was written to.
        train: how many pictures there are to learn from.
        held_out: how many to measure on.
        classes: the classes' names.
        note: how the split was made, what was converted.
    """

    figure: Figure
    path: Path
    train: int
    held_out: int
    classes: tuple[str, ...]
    note: str


def list_data() -> tuple[KnownSet, ...]:
    """The data sets that have a name, and whether they are here."""
    return (*known_sets(), *known_texts())


def check_data(spec: str, *, offline: bool = False) -> Report:
    """Read every picture and name each one that cannot be read or is treated specially.

    Raises:
        InputFault: the specification is unknown, or nothing is there.
    """
    return check(spec, offline=offline)


def show_data(
    spec: str,
    *,
    split: str = "train",
    count: int = PICTURES,
    seed: int = 0,
    out: Path | str | None = None,
    offline: bool = False,
) -> Shown:
    """Draw a random selection of a data set's pictures with their classes.

    Args:
        spec: the data set.
        split: `train` or `held-out`.
        count: how many pictures.
        seed: which selection.
        out: the PNG file to write; `data-NAME.png` in the current folder if None.
        offline: never download.

    Raises:
        InputFault: the data, the split or the file cannot be used.
        DiskFault: the picture cannot be written.
    """
    from epochal.view.grid import picture_grid
    from epochal.view.save import save

    if split not in ("train", "held-out"):
        raise InputFault(f"there is no split {printable(split)!r}", expected="train or held-out")
    if count < 1:
        raise InputFault(f"{count} pictures cannot be shown", expected="at least 1")
    if not 0 <= seed < 2**63:
        raise InputFault(f"the seed cannot be {seed}", expected=f"a number from 0 to {2**63 - 1:,}")
    data = open_data(spec, offline=offline)
    chosen = data.train if split == "train" else data.held_out
    places = Plan(len(chosen), 1, seed).order(0)[:count].tolist()
    figure = picture_grid(
        [chosen.picture(place) for place in places],
        [data.classes[int(chosen.labels[place])] for place in places],
        title=spec if len(spec) < 40 else spec.rpartition("/")[2],
        subtitle=f"{len(places)} of {len(chosen):,} pictures, {len(data.classes)} classes",
    )
    name = "".join(c if c.isalnum() or c in "-_" else "-" for c in spec.rpartition("/")[2] or spec)
    path = save(figure, Path(out) if out is not None else Path(f"data-{name}.png"))
    return Shown(figure, path, len(data.train), len(data.held_out), data.classes, data.note)
