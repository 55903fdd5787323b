"""Pictures of word vectors: words in a plane, pairs of words as arrows, how alike words are, how the loss fell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Shaped
from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.history import clock_of, read_curve, time_span
from epochal.view.key import Entry, write_key
from epochal.view.labelling import Box, Labelling, Place, away, baseline, leader
from epochal.view.lettering import cut, font, legible
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

_WIDTH, _HEIGHT = 1500, 1000
_SIDE = 60  # pixels of the plane that stay free at each side for words
_WORD = 220  # pixels for a word
_CELL = 46
_NAMES = 200
_ALONG = 60  # places of an arrow that names keep free


def word_map(
    places: Float[np.ndarray, "N 2"],
    words: Sequence[str],
    title: str,
    subtitle: str = "",
    caption: str = "",
    groups: Sequence[int] = (),
) -> Figure:
    """Words beside their places in a plane, those of a group in one colour; a point without a name had no room for it.

    Raises:
        InputFault: there is not one place, or not one group, for each word.
    """
    _check(places, words)
    if groups:
        _check(np.asarray(groups), words)
    if not words:
        return notice(title, "There are no words.")
    sheet, points, end = _plane(places, title, subtitle, caption)
    labelling = Labelling(points, _within(end))
    of = np.array(groups) if groups else np.zeros(len(words), dtype=int)
    middles = {group: _place(points[of == group].mean(0)) for group in set(of.tolist())}
    for point, word, group in zip(map(_place, points), words, of.tolist(), strict=True):
        colour = style.CLASSES[group % len(style.CLASSES)] if groups else style.MUTED
        name = cut(legible(word), _WORD, style.TEXT_SIZE)
        box = labelling.place(point, name, towards=away(middles[group], point))
        if box is not None:
            sheet.write(*baseline(box), name, align="center")
            tip = leader(point, box)
            if tip is not None:
                sheet.page.plot([point[0], tip[0]], [point[1], tip[1]], color=colour, linewidth=0.7, alpha=0.5)
        sheet.page.plot(point[0], point[1], "o", color=colour, markersize=3.5)
    sheet.caption(end, caption)
    return sheet.figure


def word_pairs(
    places: Float[np.ndarray, "N 2"], words: Sequence[str], title: str, subtitle: str = "", caption: str = ""
) -> Figure:
    """Pairs of words as arrows: the first, third, ... word points to the one after it.

    Raises:
        InputFault: there is not one place for each word, or a word is left over.
    """
    _check(places, words)
    if not words:
        return notice(title, "There are no pairs of words.")
    if len(words) % 2:
        raise InputFault(f"{len(words)} words are no pairs", expected="an even number: both words of each pair")
    sheet, points, end = _plane(places, title, subtitle, caption)
    starts, tips = points[::2, None], points[1::2, None]
    along = starts + np.linspace(0, 1, _ALONG)[:, None] * (tips - starts)  # pairs x places of an arrow x 2
    labelling = Labelling(along.reshape(-1, 2), _within(end))
    for number in range(0, len(words), 2):
        start, tip = _place(points[number]), _place(points[number + 1])
        colour = style.CLASSES[number // 2 % len(style.CLASSES)]
        arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.6, "shrinkA": 3, "shrinkB": 3}
        sheet.page.annotate("", tip, start, arrowprops=arrow)
        for here, there, word in ((start, tip, words[number]), (tip, start, words[number + 1])):
            sheet.page.plot(here[0], here[1], "o", color=colour, markersize=4)
            name = cut(legible(word), _WORD, style.TEXT_SIZE)
            box = labelling.place_anyway(here, name, towards=away(there, here))
            sheet.write(*baseline(box), name, align="center", over_lines=True)
    sheet.caption(end, caption)
    return sheet.figure


def similarity_matrix(
    cosines: Float[np.ndarray, "N N"], words: Sequence[str], title: str, subtitle: str = "", caption: str = ""
) -> Figure:
    """How alike words are, each with each, as coloured cells with their cosines.

    Raises:
        InputFault: there is not one row for each word.
    """
    _check(cosines, words)
    if not words:
        return notice(title, "There are no words.")
    side = _CELL * len(words)
    width = max(900, _NAMES + side + 2 * style.MARGIN)
    top = heading_height(subtitle) + _NAMES
    sheet = Sheet(width, top + side + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    left = style.MARGIN + _NAMES
    axes = sheet.axes(left, top, side, side)
    axes.imshow(cosines, cmap=style.DIVERGING, vmin=-1, vmax=1, aspect="auto")
    axes.set_axis_off()
    for row, word in enumerate(words):
        middle = (row + 0.5) * _CELL
        sheet.write(left - 12, top + middle + 6, word, align="right", width=_NAMES - 12)
        sheet.write(left + middle, top - 12, cut(legible(word), _NAMES - 20, style.TEXT_SIZE), turned=True)
        for column in range(len(words)):
            value = float(cosines[row, column])
            axes.text(
                column,
                row,
                f"{value:.2f}".replace("0.", ".").replace("-", "−"),
                color=style.PAPER if abs(value) > 0.6 else style.INK,
                fontproperties=font(style.SMALL_SIZE),
                ha="center",
                va="center",
            )
    sheet.caption(top + side, caption)
    return sheet.figure


def loss_curves(rows: Sequence[Mapping[str, Any]], title: str = "Training", caption: str = "") -> Figure:
    """The loss of the steps and of the held-out text over the epochs, the learning rate below."""
    steps = [row for row in rows if row.get("kind") == "step"]
    evaluations = [row for row in rows if row.get("kind") == "evaluation"]
    clock = clock_of([*steps, *evaluations])
    curves = [
        read_curve("steps", steps, clock, "loss", style.BLUE, is_training=True),
        read_curve("held out", evaluations, clock, "loss", style.VERMILLION),
        read_curve("mean of an epoch", evaluations, clock, "train_loss", style.GREEN, is_dashed=True),
    ]
    rate = read_curve("learning rate", steps, clock, "lr", style.INK)
    if not any(len(curve.x) for curve in curves):
        return notice(title, "The run has logged no loss yet.")
    subtitle = "; ".join(f"{curve.name} {curve.y[-1]:.4f}" for curve in curves if len(curve.x))
    top = heading_height(subtitle) + 50
    sheet = Sheet(_WIDTH, top + 600 + 240 + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading(title, subtitle)
    low, high = time_span([curve.x for curve in (*curves, rate)])
    left, width = style.MARGIN + 60, _WIDTH - 2 * style.MARGIN - 60
    for y, height, name, shown in (
        (top, 560, "loss, nats for a word", curves),
        (top + 680, 120, "learning rate", [rate]),
    ):
        axes = sheet.axes(left, y, width, height)
        axes.set_xlim(low - 0.01 * (high - low), high + 0.01 * (high - low))
        sheet.write(left, y - 14, name, bold=True)
        for curve in shown:
            mark = "o" if not curve.is_training and len(curve.x) < 40 and curve is not rate else ""
            dashes = "--" if curve.is_dashed else "-"
            axes.plot(curve.x, curve.y, dashes, color=curve.colour, marker=mark, markersize=3.4, linewidth=1.6)
    entries = [Entry(curve.name, curve.colour, curve.is_dashed) for curve in curves if len(curve.x)]
    write_key(sheet, left + 260, top - 14, entries)
    sheet.write(_WIDTH - style.MARGIN, top + 680 + 160, clock, colour=style.MUTED, align="right")
    sheet.caption(top + 840, caption)
    return sheet.figure


def _check(rows: Shaped[np.ndarray, "N ..."], words: Sequence[str]) -> None:
    if len(rows) != len(words):
        raise InputFault(f"{len(words)} words came with {len(rows)} places", expected="one for each")


def _within(end: int) -> Box:
    """The part of a page that names may take, for a plane that ends there."""
    return style.MARGIN, end - _HEIGHT, _WIDTH - style.MARGIN, end


def _place(point: Float[np.ndarray, " 2"]) -> Place:
    return float(point[0]), float(point[1])


def _plane(
    places: Float[np.ndarray, "N 2"], title: str, subtitle: str, caption: str
) -> tuple[Sheet, Float[np.ndarray, "N 2"], int]:
    """A page with room for the places, one unit as long in both directions: where each is, and where the plane ends."""
    top = heading_height(subtitle)
    sheet = Sheet(_WIDTH, top + _HEIGHT + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading(title, subtitle)
    middle = (places.max(0) + places.min(0)) / 2
    size = np.maximum(places.max(0) - places.min(0), 1e-6)
    room = np.array([_WIDTH - 2 * style.MARGIN - 4 * _SIDE, _HEIGHT - 2 * _SIDE])
    pixels = float((room / size).min())  # for a unit
    centre = np.array([_WIDTH / 2, top + _HEIGHT / 2])
    return sheet, centre + (places - middle) * pixels * [1, -1], top + _HEIGHT
