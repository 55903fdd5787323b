"""The key of a plot: a sample of each line with its name, in as many rows as they need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from epochal.view import style
from epochal.view.lettering import width_of
from epochal.view.sheet import Sheet

ROW_HEIGHT = 32
_SAMPLE, _GAP, _APART = 34, 10, 32
_RISE = 7  # from the baseline to the middle of small letters


@dataclass(frozen=True)
class Entry:
    """A line's name, its colour, and whether it is dashed."""

    name: str
    colour: str
    is_dashed: bool = False


def write_key(
    sheet: Sheet,
    x: style.Pixels,
    y: style.Pixels,
    entries: Sequence[Entry],
    width: style.Pixels = math.inf,
    size: float = style.TEXT_SIZE,
) -> None:
    """Write a key whose first row has its baseline at `y`, wrapped to `width` pixels."""
    for row, placed in enumerate(_rows(entries, width, size)):
        line = y + row * ROW_HEIGHT
        for entry, place in placed:
            left = x + place
            dashes = (0, (2.4, 1.0)) if entry.is_dashed else "-"
            ends = [left, left + _SAMPLE]
            sheet.page.plot(ends, [line - _RISE] * 2, color=entry.colour, linewidth=2.4, linestyle=dashes)
            sheet.write(left + _SAMPLE + _GAP, line, entry.name, size)


def count_rows(entries: Sequence[Entry], width: style.Pixels, size: float = style.TEXT_SIZE) -> int:
    """How many rows a key takes."""
    return len(_rows(entries, width, size))


def _rows(entries: Sequence[Entry], width: style.Pixels, size: float) -> list[list[tuple[Entry, float]]]:
    """The entries of each row with their places from the left; one that is too wide has a row of its own."""
    rows: list[list[tuple[Entry, float]]] = [[]]
    place = 0.0
    for entry in entries:
        room = _SAMPLE + _GAP + width_of(entry.name, size)
        if rows[-1] and place + room > width:
            rows.append([])
            place = 0.0
        rows[-1].append((entry, place))
        place += room + _APART
    return rows
