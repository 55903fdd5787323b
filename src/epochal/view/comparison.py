"""Two networks side by side: what each layer owns and costs as bars; of two trained ones, how the training went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from epochal.view import style
from epochal.view.history import Curve, clock_of, read_curve, time_span
from epochal.view.lettering import cut, legible, width_of
from epochal.view.sheet import Sheet, caption_height, heading_height

_WIDTH = 1800
_COLOURS = (style.BLUE, style.VERMILLION)
_NAME = 240
_AREA = (_WIDTH - 2 * style.MARGIN - _NAME) // 2
_VALUE = 150  # room for a bar's number
_BAR, _PAIR, _ROW = 14, 32, 46
_HEAD = 60
_PLOT_HEIGHT, _ABOVE, _BELOW = 420, 60, 70
_PLOT_WIDTH = 770

Values = tuple[int | None, int | None]


@dataclass(frozen=True)
class Bars:
    """A layer of the two networks.

    Attributes:
        names: what it is called in each; "" where there is none.
        parameters: in each; None where there is no such layer.
        multiply_adds: in each; None where there is no such layer, or they cannot be counted.
    """

    names: tuple[str, str]
    parameters: Values
    multiply_adds: Values


def comparison_page(
    names: tuple[str, str],
    rows: Sequence[Bars],
    metrics: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]] | None = None,
) -> Figure:
    """The layers with their parameters and multiply-adds, totals below, and the curves of two trainings.

    Args:
        names: of the two that are compared.
        rows: the layers that own or cost something.
        metrics: the rows of both logs, where both are runs.
    """
    subtitle = "what each layer owns, and what it computes for one picture"
    has_gaps = any(not name for row in rows for name in row.names)
    caption = "Where a bar is missing, the network has no such layer." if has_gaps else ""
    plots = _ABOVE + _PLOT_HEIGHT + _BELOW if metrics is not None else 0
    top = heading_height(subtitle) + 40
    below = top + _HEAD + (len(rows) + 1) * _ROW + 20
    sheet = Sheet(_WIDTH, below + plots + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading("Side by side", subtitle)
    _write_key(sheet, top - 14, names)
    _draw_bars(sheet, top, rows)
    if metrics is not None:
        _draw_training(sheet, below + _ABOVE, metrics)
    sheet.caption(below + plots, caption)
    return sheet.figure


def _write_key(sheet: Sheet, y: int, names: tuple[str, str]) -> None:
    x: style.Pixels = style.MARGIN
    for name, colour in zip(names, _COLOURS, strict=True):
        shown = cut(legible(name), (_WIDTH - 2 * style.MARGIN) / 2 - 60, style.TEXT_SIZE, bold=True)
        sheet.fill(round(x), y - 15, 26, 16, colour)
        sheet.write(x + 36, y, shown, bold=True)
        x += 36 + width_of(shown, style.TEXT_SIZE, bold=True) + 50


def _draw_bars(sheet: Sheet, y: int, rows: Sequence[Bars]) -> None:
    """A row for each layer, and one for the sums."""
    columns = (
        ("parameters", [row.parameters for row in rows]),
        ("multiply-adds", [row.multiply_adds for row in rows]),
    )
    start = style.MARGIN + _NAME
    for row, bars in enumerate(rows):
        first, second = bars.names
        name = first if first == second or not second else f"{first} · {second}" if first else second
        sheet.write(style.MARGIN, y + _HEAD + row * _ROW + 24, name, width=_NAME - 20)
    end = y + _HEAD + len(rows) * _ROW
    sheet.fill(style.MARGIN, end + 2, _WIDTH - 2 * style.MARGIN, 2, style.HAIRLINE)
    sheet.write(style.MARGIN, end + 34, "together", bold=True)
    for column, (what, pairs) in enumerate(columns):
        x = start + column * _AREA
        sheet.write(x, y + 36, what, style.TEXT_SIZE + 1.5, bold=True)
        largest = max((value for pair in pairs for value in pair if value is not None), default=0) or 1
        for row, pair in enumerate(pairs):
            for side, value in enumerate(pair):
                place = y + _HEAD + row * _ROW + side * (_BAR + 2)
                if value is not None:
                    _bar(sheet, x, place, value, largest, _COLOURS[side])
                elif rows[row].names[side]:
                    sheet.write(x, place + 13, "not counted", style.SMALL_SIZE, _COLOURS[side])
        for side in (0, 1):
            total = sum(pair[side] or 0 for pair in pairs)
            sheet.write(x + side * 150, end + 34, short(total), bold=True, colour=_COLOURS[side])


def _bar(sheet: Sheet, x: int, y: int, value: int, largest: int, colour: str) -> None:
    width = max(2, round((_AREA - _VALUE) * value / largest)) if value else 0
    if width:
        sheet.fill(x, y, width, _BAR, colour)
    sheet.write(x + width + 10, y + 13, short(value), style.SMALL_SIZE, style.MUTED)


def short(value: int) -> str:
    """A count in three or four digits: 62.4 M, 885 k, 37."""
    for unit, letter in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if value >= unit:
            shown = value / unit
            return f"{shown:.2f} {letter}" if shown < 10 else f"{shown:.1f} {letter}"
    return str(value)


def _draw_training(
    sheet: Sheet, y: int, metrics: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]]
) -> None:
    """Held-out loss and accuracy of both runs over the same time."""
    logs = [[row for row in rows if row.get("kind") == "evaluation"] for rows in metrics]
    clock = "epoch" if all(clock_of(rows) == "epoch" for rows in logs) else "step"
    left, right = style.MARGIN + 70, _WIDTH - style.MARGIN - _PLOT_WIDTH
    for x, what, name, percent in ((left, "loss", "Held-out loss", False), (right, "top1", "Held-out accuracy", True)):
        curves = [read_curve("", rows, clock, what, colour) for rows, colour in zip(logs, _COLOURS, strict=True)]
        shown = [curve.percent(False) for curve in curves] if percent else curves
        sheet.write(x, y - 26, name, style.TEXT_SIZE + 1.5, bold=True)
        axes = sheet.axes(x, y, _PLOT_WIDTH, _PLOT_HEIGHT)
        _plot(axes, shown, percent)
        if not any(len(curve.x) for curve in shown):
            sheet.write(x + _PLOT_WIDTH / 2, y + _PLOT_HEIGHT / 2, "not recorded", colour=style.MUTED, align="center")
    sheet.write(_WIDTH - style.MARGIN, y + _PLOT_HEIGHT + 56, clock, colour=style.MUTED, align="right")


def _plot(axes: Axes, curves: Sequence[Curve], percent: bool) -> None:
    for curve in curves:
        axes.plot(curve.x, curve.y, color=curve.colour, linewidth=1.8, marker="o", markersize=3.4)
    low, high = time_span([curve.x for curve in curves])
    axes.set_xlim(low, high + 0.015 * (high - low))
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    number = "{:g} %" if percent else "{:.3g}"
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number.format(value)))
