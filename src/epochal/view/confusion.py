"""Which classes are taken for which: a table where it can be read, the worst pairs where there are too many classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int64, UInt8
from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.lettering import cut, legible, width_of
from epochal.view.mosaic import rgb
from epochal.view.sheet import NARROWEST, Sheet, caption_height, heading_height, notice

# More classes than this make a table that nobody can read.
MOST = 24
_LONGEST = 260  # pixels for a class name
_GAP = 2
_BAR, _BAR_HEIGHT = 620, 22


def confusion_table(
    counts: Int64[np.ndarray, "K K"],
    recalls: Float64[np.ndarray, " K"],
    classes: Sequence[str],
    title: str = "Which classes are taken for which",
) -> Figure:
    """A table of counts: a row for each true class, a column for each answer, and how much of the class is found.

    Args:
        counts: rows are the truth, columns the answers.
        recalls: the share of each class that is recognised; NaN for a class without pictures.
        classes: their names.
        title: the headline.

    Raises:
        InputFault: there are more classes than a page can show, or not one name for each.
    """
    if len(counts) > MOST or len(counts) != len(classes):
        raise InputFault(
            f"a table of {len(counts)} classes with {len(classes)} names",
            expected=f"at most {MOST} classes, with a name for each",
            remedy="draw the worst pairs instead",
        )
    total, right = int(counts.sum()), int(np.trace(counts))
    if not total:
        return notice(title, "There are no pictures.")
    cell = max(44, min(116, 1160 // len(counts)))
    names = [cut(legible(name), _LONGEST, style.TEXT_SIZE) for name in classes]
    label = max(width_of(name, style.TEXT_SIZE) for name in names)
    is_turned = label > cell
    subtitle = f"{right:,} of {total:,} held-out pictures are recognised, {100 * right / total:.1f} %"
    caption = (
        "A row for each class, a column for each answer; the numbers count pictures. Colour is the share of the row: "
        "green for right answers, orange for wrong ones. At the right: the share of the class that is recognised."
    )
    left = style.MARGIN + round(label) + 20
    step = cell + _GAP
    top = heading_height(subtitle) + (round(label) + 24 if is_turned else 44)
    width = max(NARROWEST, left + len(counts) * step + 130 + style.MARGIN)
    below = top + len(counts) * step
    sheet = Sheet(width, below + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    sheet.picture(left, top, _cells(counts, cell))
    for place, name in enumerate(names):
        middle = top + place * step + cell / 2 + 6
        sheet.write(left - 14, middle, name, align="right")
        sheet.write(left + place * step + cell / 2, top - 12, name, align="center", turned=is_turned)
        found = recalls[place]
        share = "none here" if np.isnan(found) else f"{100 * found:.1f} %"
        sheet.write(left + len(counts) * step + 14, middle, share, bold=True, colour=style.INK)
    _write_counts(sheet, left, top, counts, cell)
    sheet.caption(below, caption)
    return sheet.figure


def _shares(counts: Int64[np.ndarray, "K K"]) -> Float64[np.ndarray, "K K"]:
    return np.asarray(counts / np.maximum(counts.sum(1, keepdims=True), 1))


def _cells(counts: Int64[np.ndarray, "K K"], cell: int) -> UInt8[np.ndarray, "h w 3"]:
    """A square for each pair of classes, coloured by its share of the row."""
    shares = _shares(counts)
    paper = rgb(style.PAPER).astype(np.float64)
    empty = np.array([243.0, 244.0, 246.0])
    right, wrong = rgb(style.RIGHT).astype(np.float64), rgb(style.WRONG).astype(np.float64)
    # A tenth of a class mistaken for another is much: wrong answers reach their full colour at 20 %.
    depth = np.sqrt((shares / 0.2).clip(0, 1))[..., None]
    colours = empty * (1 - depth) + wrong * depth
    diagonal = np.arange(len(counts))
    depth = shares[diagonal, diagonal][:, None]
    colours[diagonal, diagonal] = empty * (1 - depth) + right * depth
    block = np.empty((len(counts) * (cell + _GAP), len(counts) * (cell + _GAP), 3))
    block[:] = paper
    for row in range(len(counts)):
        for column in range(len(counts)):
            y, x = row * (cell + _GAP), column * (cell + _GAP)
            block[y : y + cell, x : x + cell] = colours[row, column]
    return np.round(block).astype(np.uint8)


def _write_counts(sheet: Sheet, left: int, top: int, counts: Int64[np.ndarray, "K K"], cell: int) -> None:
    shares = _shares(counts)
    size = style.TEXT_SIZE if cell >= 70 else style.SMALL_SIZE
    for row, column in np.argwhere(counts > 0).tolist():
        is_dark = shares[row, column] > (0.55 if row == column else 0.08)
        sheet.write(
            left + column * (cell + _GAP) + cell / 2,
            top + row * (cell + _GAP) + cell / 2 + 6,
            f"{int(counts[row, column])}",
            size,
            style.PAPER if is_dark else style.INK,
            align="center",
        )


def confusion_pairs(
    pairs: Sequence[tuple[str, str, int, float]],
    right: int,
    total: int,
    classes: int,
    title: str = "Which classes are taken for which",
) -> Figure:
    """The pairs of classes that are confused most often, as bars.

    Args:
        pairs: the true class, what it was taken for, how often, and the share of the true class; worst first.
        right: how many pictures were recognised.
        total: of how many.
        classes: how many classes there are.
        title: the headline.
    """
    if not pairs:
        return notice(title, f"All of {total:,} pictures were recognised." if total else "There are no pictures.")
    subtitle = f"{right:,} of {total:,} held-out pictures of {classes:,} classes are recognised"
    caption = f"The {len(pairs)} most frequent confusions: how often, and in what share of the pictures of the class."
    line = style.line_height(style.TEXT_SIZE) + 16
    names = [
        (cut(legible(t), _LONGEST, style.TEXT_SIZE), cut(legible(s), _LONGEST, style.TEXT_SIZE)) for t, s, *_ in pairs
    ]
    first = max(width_of(truth, style.TEXT_SIZE) for truth, _ in names)
    second = max(width_of(said, style.TEXT_SIZE) for _, said in names)
    arrow = style.MARGIN + round(first) + 36
    left = arrow + 36 + round(second) + 30
    width = max(NARROWEST, left + _BAR + 150 + style.MARGIN)
    top = heading_height(subtitle)
    below = top + len(pairs) * line
    sheet = Sheet(width, below + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    largest = max(count for _, _, count, _ in pairs)
    for row, ((truth, said), (_, _, count, share)) in enumerate(zip(names, pairs, strict=True)):
        baseline = top + row * line + 24
        sheet.write(arrow - 20, baseline, truth, align="right")
        sheet.write(arrow, baseline, "→", colour=style.MUTED, align="center")
        sheet.write(arrow + 20, baseline, said, colour=style.WRONG)
        length = max(2, round(_BAR * count / largest))
        sheet.fill(left, top + row * line + 5, length, _BAR_HEIGHT, style.WRONG)
        sheet.write(left + length + 12, baseline, f"{count:,}  ({100 * share:.0f} %)", colour=style.MUTED)
    sheet.caption(below, caption)
    return sheet.figure
