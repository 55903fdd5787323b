"""Look inside a trained run: pictures of what it has learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from epochal import landmarks as table
from epochal.core.fault import InputFault, nearest, printable
from epochal.core.run import Run
from epochal.data.decode import decode_file
from epochal.data.images import Picture, Split
from epochal.data.source import open_data
from epochal.verbs import catalogue
from epochal.verbs.trained import load_classifier
from epochal.view.save import save

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# How many held-out pictures are shown when none are named.
PICTURES = 24


@dataclass(frozen=True)
class Look:
    """A picture of a run.

    Attributes:
        view: its name.
        figure: the matplotlib figure.
        path: the PNG it was written to.
    """

    view: str
    figure: Figure
    path: Path


def views(landmark: str) -> dict[str, str]:
    """What there is to see in a landmark's runs: names and one-line descriptions."""
    known: dict[str, str] = _look_module(landmark).VIEWS
    return known


def look(
    run: Run | Path | str,
    view: str | None = None,
    *,
    images: Sequence[Path | str] = (),
    layer: str | None = None,
    out: Path | str | None = None,
    device: str = "auto",
    offline: bool = False,
) -> list[Look]:
    """Draw one view of a run, or all of them, and write PNG files.

    Args:
        run: its path, its name in the runs folder, or `latest`.
        view: a name that `views` lists; all of them if None.
        images: pictures to look at; some of the run's held-out pictures if empty.
        layer: the layer to show, for `features`.
        out: a PNG file for a single view, or a folder; the run's `figures` if None.
        device: where to compute.
        offline: never download.

    Raises:
        InputFault: the run, view, layer or a picture cannot be used.
        DiskFault: the picture cannot be written.
    """
    found = catalogue.find_run(run)
    record = found.record()
    known = views(record["landmark"])
    if view is not None and view not in known:
        raise InputFault(f"there is no view called {printable(view)!r}", expected=nearest(view, known))
    if layer is not None and view not in (None, "features"):
        raise InputFault(f"the view {view!r} shows no layer", expected="no --layer, or the view `features`")
    classifier, _, _ = load_classifier(found, device)
    pictures = (
        [(decode_file(Path(image)), "") for image in images]
        if images
        else _some(record["data"], classifier.classes, offline)
    )
    recipe = table.load(record["landmark"]).RECIPE.parse(record["recipe"])
    draw = _look_module(record["landmark"]).look
    looks = []
    for name in [view] if view else list(known):
        figure = draw(name, classifier, recipe, found.metrics(), pictures, layer if name == "features" else None)
        looks.append(Look(name, figure, save(figure, _place(found, name, layer, out, single=view is not None))))
    return looks


def _look_module(landmark: str) -> Any:
    table.load(landmark)
    return import_module(f"epochal.landmarks.{landmark}.look")


def _place(run: Run, view: str, layer: str | None, out: Path | str | None, *, single: bool) -> Path:
    stem = f"{view}-{layer}" if layer and view == "features" else view
    if out is None:
        return run.figures / f"{stem}.png"
    path = Path(out)
    if path.suffix.lower() == ".png" and single:
        return path
    if path.suffix and not path.is_dir():
        raise InputFault(
            f"pictures cannot be written to {printable(str(path))}",
            expected="a file ending in .png for one view, or a folder",
        )
    return path / f"{stem}.png"


def _some(spec: str, classes: tuple[str, ...], offline: bool) -> list[tuple[Picture, str]]:
    """A few held-out pictures, spread over the classes."""
    split: Split = open_data(spec, offline=offline).held_out
    count = min(PICTURES, len(split))
    # Equal strides through the pictures sorted by class visit all classes, however the set is arranged.
    by_class = np.argsort(split.labels, kind="stable")
    chosen = [int(by_class[place * len(split) // count]) for place in range(count)]
    return [(split.picture(place), classes[int(split.labels[place])]) for place in chosen]
