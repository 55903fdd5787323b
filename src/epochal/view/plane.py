"""Pictures laid out in a plane by how a network sees them: as coloured points, and as the pictures themselves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64, Int64
from matplotlib.figure import Figure
from PIL import Image

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.lettering import cut, legible, width_of
from epochal.view.mosaic import Panel, rgb
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

_THUMB, _FRAME, _GAP = 32, 2, 1
_CELL = _THUMB + 2 * _FRAME + _GAP
_PANEL = 27 * _CELL
_BETWEEN = 40
_ROOM = 20  # between the points and the panel's edge
_LOWEST = 16 * _CELL  # the least height of a panel
_NAME = 220  # pixels for a class name


def picture_map(
    places: Float[np.ndarray, "N 2"],
    labels: Int64[np.ndarray, " N"],
    pictures: Sequence[Panel],
    classes: Sequence[str],
    layer: str,
    title: str = "How the network arranges the pictures",
) -> Figure:
    """The points at the left, coloured and named by class; the pictures at the same places at the right.

    Args:
        places: where each picture lies; only their arrangement matters.
        labels: the class of each picture.
        pictures: the pictures, in RGB.
        classes: the classes' names.
        layer: whose answers the arrangement is made from.
        title: the headline.

    Raises:
        InputFault: there is not one place and one label for each picture.
    """
    if not len(places) == len(labels) == len(pictures):
        raise InputFault(
            f"{len(pictures)} pictures came with {len(places)} places and {len(labels)} labels",
            expected="one of each for each picture",
        )
    if not len(places):
        return notice(title, "There are no pictures.")
    common = [label for label, _ in sorted(Counter(labels.tolist()).items(), key=lambda pair: (-pair[1], pair[0]))]
    colours = dict(zip(sorted(common[: len(style.CLASSES)]), style.CLASSES, strict=False))
    points, height = _fitted(places)
    shown = _spread(points)
    subtitle = f"the answers of {layer} to {len(places):,} held-out pictures, laid out so that like lies beside like"
    caption = (
        f"Each point is a picture, coloured by its true class. At the right, {len(shown):,} of the pictures, each near "
        "its point, framed in its class's colour. Only neighbourhood has a meaning: directions and distances have none."
    )
    if len(colours) < len(common):
        caption += f" {len(colours)} of {len(common):,} classes are coloured, the others are grey."
    width = 2 * style.MARGIN + 2 * _PANEL + _BETWEEN
    top = heading_height(subtitle)
    sheet = Sheet(width, top + height + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    _draw_points(sheet, style.MARGIN, top, points, labels, colours)
    _write_names(sheet, style.MARGIN, top, height, points, labels, colours, classes)
    sheet.picture(style.MARGIN + _PANEL + _BETWEEN, top, _thumbnails(shown, height, pictures, labels, colours))
    sheet.caption(top + height, caption)
    return sheet.figure


def _fitted(places: Float[np.ndarray, "N 2"]) -> tuple[Float64[np.ndarray, "N 2"], int]:
    """The places in pixels of a panel, in the same proportions, in its middle; and the panel's height."""
    places = places.astype(np.float64)
    low, high = places.min(0), places.max(0)
    across, down = (float(extent) for extent in high - low)
    if down > across:  # lying, since the page is wider than high
        places, low, high, across, down = places[:, ::-1], low[::-1], high[::-1], down, across
    scale = (_PANEL - 2 * _ROOM) / max(across, 1e-12)
    height = max(_LOWEST, math.ceil((down * scale + 2 * _ROOM) / _CELL) * _CELL)
    return np.asarray((places - (low + high) / 2) * scale + (_PANEL / 2, height / 2)), height


def _draw_points(
    sheet: Sheet,
    x: int,
    y: int,
    points: Float64[np.ndarray, "N 2"],
    labels: Int64[np.ndarray, " N"],
    colours: dict[int, str],
) -> None:
    """A point for each picture, those of classes without a colour below the others."""
    area = 26.0 if len(points) > 500 else 60.0
    each = np.array([colours.get(label, style.HAIRLINE) for label in labels.tolist()])
    order = np.argsort([label in colours for label in labels.tolist()], kind="stable")
    sheet.page.scatter(
        x + points[order, 0],
        y + points[order, 1],
        s=area,
        c=each[order],
        alpha=0.75,
        linewidths=0.4,
        edgecolors=style.PAPER,
    )


def _write_names(
    sheet: Sheet,
    x: int,
    y: int,
    height: int,
    points: Float64[np.ndarray, "N 2"],
    labels: Int64[np.ndarray, " N"],
    colours: dict[int, str],
    classes: Sequence[str],
) -> None:
    """Each coloured class's name in the midst of its points, or as near to it as the other names let it."""
    line = style.line_height(style.TEXT_SIZE) + 4
    taken: list[tuple[float, float, float]] = []
    for label, colour in colours.items():
        name = cut(legible(classes[label]), _NAME, style.TEXT_SIZE, bold=True)
        half = width_of(name, style.TEXT_SIZE, bold=True) / 2 + 6
        middle = np.median(points[labels == label], axis=0)
        centre = float(np.clip(middle[0], half, _PANEL - half))
        free = [
            baseline
            for baseline in np.arange(line, max(height, line * len(colours)) + 1, 2.0).tolist()
            if all(abs(baseline - b) >= line or abs(centre - c) >= half + h for c, b, h in taken)
        ]
        baseline = min(free, key=lambda baseline: abs(baseline - 6 - float(middle[1])))
        taken.append((centre, baseline, half))
        sheet.write(x + centre, y + baseline, name, bold=True, colour=colour, align="center", over_lines=True)


def _spread(points: Float64[np.ndarray, "N 2"]) -> dict[tuple[int, int], int]:
    """For each cell of a grid over the panel the picture nearest to its middle, if one lies in it."""
    cells = np.floor(points / _CELL).astype(int)
    away = ((points / _CELL - cells - 0.5) ** 2).sum(1)
    nearest: dict[tuple[int, int], int] = {}
    for place in np.argsort(away, kind="stable").tolist():
        nearest.setdefault((int(cells[place, 1]), int(cells[place, 0])), place)
    return nearest


def _thumbnails(
    shown: dict[tuple[int, int], int],
    height: int,
    pictures: Sequence[Panel],
    labels: Int64[np.ndarray, " N"],
    colours: dict[int, str],
) -> Panel:
    """The chosen pictures in their cells, small, each in a frame of its class's colour."""
    panel = np.empty((height, _PANEL, 3), dtype=np.uint8)
    panel[:] = rgb(style.PAPER)
    for (row, column), place in shown.items():
        y, x = row * _CELL, column * _CELL
        side = _THUMB + 2 * _FRAME
        panel[y : y + side, x : x + side] = rgb(colours.get(int(labels[place]), style.HAIRLINE))
        small = Image.fromarray(pictures[place]).resize((_THUMB, _THUMB), Image.Resampling.LANCZOS)
        panel[y + _FRAME : y + _FRAME + _THUMB, x + _FRAME : x + _FRAME + _THUMB] = np.asarray(small)
    return panel
