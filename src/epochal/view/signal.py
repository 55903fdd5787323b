"""What passes through a network, layer by layer, and how it moved over the training.

Above, the newest recording: the 15th, 50th and 85th percentile of each layer's responses and of the gradients that come
back, and their standard deviations beside the first recording's. Below, where there are several recordings, the
percentiles of some layers over time (Ioffe and Szegedy 2015, Figure 1), or of one layer and some of its units.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from epochal.core.fault import InputFault, nearest, printable
from epochal.view import style
from epochal.view.history import clock_of, finite_number, time_span
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

# More layers than this could not be told apart over time; evenly chosen ones are shown.
SHOWN = 8

_WIDTH = 1800
_LEFT = style.MARGIN + 90  # room for the numbers left of the axes
_PLOT_WIDTH = 740
_RIGHT = _WIDTH - style.MARGIN - _PLOT_WIDTH
_SIDES = ((_LEFT, "forward", style.BLUE), (_RIGHT, "gradient", style.VERMILLION))
_HIGH, _ABOVE, _BELOW = 330, 70, 90
_LOW, _LOW_ABOVE = 170, 60
# A band is drawn in decades where it is at some time so many times as wide as at others; so far they reach down.
_NARROW, _DECADES = 30.0, 1e4

Times = Float64[np.ndarray, " n"]
Values = Float64[np.ndarray, "n 4"]


def signal_page(
    rows: Sequence[Mapping[str, Any]],
    layer: str | None = None,
    title: str = "What passes through the layers",
    note: str = "",
) -> Figure:
    """The picture of a run's recordings.

    Args:
        rows: what `Run.metrics` gives; those of kind "signal" count.
        layer: the one layer to show over time, and its units.
        title: the headline.
        note: what the reader must know.

    Raises:
        InputFault: no recording has that layer.
    """
    recorded = [row for row in rows if row.get("kind") == "signal" and isinstance(row.get("layers"), dict)]
    if not recorded:
        return notice(title, "Nothing was recorded.")
    names = list(recorded[-1]["layers"])
    if layer is not None and layer not in names:
        raise InputFault(f"the signal of a layer {printable(layer)!r} was not taken", expected=nearest(layer, names))
    clock = clock_of(recorded)
    times = np.array([finite_number(row.get(clock)) or 0.0 for row in recorded])
    panels = _panels(recorded, names, layer) if len(recorded) > 1 else []
    caption = _caption(names, layer, len(recorded), note)
    subtitle = f"{len(names)} layers; " + (
        f"{len(recorded)} recordings, the newest at {clock} {times[-1]:,.6g}" if len(recorded) > 1 else "one recording"
    )
    top = heading_height(subtitle) + 10
    middle = top + 2 * (_ABOVE + _HIGH + _BELOW)
    end = middle + len(panels) * (_LOW_ABOVE + _LOW) + (60 if panels else 0)
    sheet = Sheet(_WIDTH, end + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading(title, subtitle)
    for x, side, colour in _SIDES:
        _plot_layers(sheet, x, top, side, colour, recorded[-1], names)
        _plot_deviations(sheet, x, top + _ABOVE + _HIGH + _BELOW, side, colour, recorded, names)
    span = time_span([times])
    for number, pair in enumerate(panels):
        y = middle + number * (_LOW_ABOVE + _LOW)
        for x, panel in zip((_LEFT, _RIGHT), pair, strict=False):
            axes = _plot_over_time(sheet, x, y, panel, times, span)
            axes.tick_params(labelbottom=number == len(panels) - 1)
    if panels:
        sheet.write(_WIDTH - style.MARGIN, end, clock, colour=style.MUTED, align="right")
    sheet.caption(end, caption)
    return sheet.figure


def _caption(names: Sequence[str], layer: str | None, recordings: int, note: str) -> str:
    parts = [
        "A response is what a layer's weights make of their input, after the normalisation that directly follows; the "
        "gradient is that of the mean loss with respect to it. Bands reach from the 15th to the 85th percentile, lines "
        "are medians. Scales numbered in powers of ten are logarithmic away from zero."
    ]
    if recordings > 1 and layer is None and len(names) > SHOWN:
        parts.append(f"Over time: {SHOWN} of the {len(names)} layers, evenly chosen; --layer shows another.")
    return " ".join([*parts, note]).strip()


Panel = tuple[str, Values, str]


def _panels(recorded: Sequence[Mapping[str, Any]], names: list[str], layer: str | None) -> list[list[Panel]]:
    """What is drawn over time, two beside each other: a name, the numbers, a colour."""
    count = min(SHOWN, len(names))
    evenly = [names[round(at * (len(names) - 1) / max(count - 1, 1))] for at in range(count)]
    found = [
        [(name, _over_time(recorded, name, side), colour) for _, side, colour in _SIDES]
        for name in (evenly if layer is None else [layer])
    ]
    if layer is not None:
        units = [row["layers"].get(layer, {}).get("units") or [] for row in recorded]
        single: list[Panel] = [
            (f"{layer}, one unit", np.array([_read(unit[number]) for unit in units]), style.BLUE)
            for number in range(min(map(len, units)))
        ]
        found += [single[at : at + 2] for at in range(0, len(single), 2)]
    return found


def _over_time(recorded: Sequence[Mapping[str, Any]], name: str, side: str) -> Values:
    return np.array([_of(row, name, side) for row in recorded])


def _of(row: Mapping[str, Any], name: str, side: str) -> list[float]:
    """Percentiles and deviation of a layer in a row; what is missing or not finite cannot be drawn."""
    layer = row["layers"].get(name)
    return _read(layer.get(side) if isinstance(layer, dict) else None)


def _read(numbers: Any) -> list[float]:
    known = list(numbers) if isinstance(numbers, list) else []
    read = [finite_number(number) for number in known[:4]]
    return [np.nan if number is None else number for number in [*read, *[None] * (4 - len(read))]]


def _plot_layers(
    sheet: Sheet, x: int, y: int, side: str, colour: str, row: Mapping[str, Any], names: Sequence[str]
) -> None:
    """The newest percentiles, layer beside layer."""
    axes = _named_axes(sheet, x, y, "Responses, by layer" if side == "forward" else "Gradients, by layer", names)
    values = np.array([_of(row, name, side) for name in names])
    at = np.arange(len(names))
    axes.vlines(at, values[:, 0], values[:, 2], color=colour, alpha=0.35, linewidth=_thickness(len(names)))
    axes.plot(at, values[:, 1], color=colour, marker="o", markersize=3.4, linewidth=0 if len(names) <= 40 else 1.2)
    _number_values(axes)


def _plot_deviations(
    sheet: Sheet, x: int, y: int, side: str, colour: str, recorded: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> None:
    """Standard deviations, layer beside layer: of the newest recording, and of the first."""
    what = "responses" if side == "forward" else "gradients"
    axes = _named_axes(sheet, x, y, f"Standard deviation of the {what}", names)
    at = np.arange(len(names))
    for row, line, shade, word in ((recorded[0], "--", style.MUTED, "first"), (recorded[-1], "-", colour, "newest")):
        if word == "first" and len(recorded) == 1:
            continue
        values = np.array([_of(row, name, side)[3] for name in names])
        axes.plot(at, np.where(values > 0, values, np.nan), line, color=shade, marker="o", markersize=3, label=word)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    if len(recorded) > 1:
        axes.legend(frameon=False, fontsize=style.TEXT_SIZE - 1.5, labelcolor=style.MUTED)


def _named_axes(sheet: Sheet, x: int, y: int, name: str, layers: Sequence[str]) -> Axes:
    """A coordinate system with a place for each layer, as many of them named as there is room for."""
    sheet.write(x, y + 40, name, style.TEXT_SIZE + 1, bold=True)
    axes = sheet.axes(x, y + _ABOVE, _PLOT_WIDTH, _HIGH)
    axes.set_xlim(-0.7, len(layers) - 0.3)
    every = -(-len(layers) // 12)
    axes.set_xticks(range(0, len(layers), every))
    axes.set_xticklabels([_short(layers[at]) for at in range(0, len(layers), every)], rotation=25, ha="right")
    return axes


def _short(name: str) -> str:
    return name if len(name) <= 14 else f"…{name[-13:]}"


def _thickness(layers: int) -> float:
    return max(1.5, min(14.0, 220.0 / max(layers, 1)))


def _plot_over_time(sheet: Sheet, x: int, y: int, panel: Panel, times: Times, span: tuple[float, float]) -> Axes:
    name, values, colour = panel
    sheet.write(x, y + 42, name, style.TEXT_SIZE, bold=True, width=_PLOT_WIDTH)
    axes = sheet.axes(x, y + _LOW_ABOVE, _PLOT_WIDTH, _LOW)
    axes.fill_between(times, values[:, 0], values[:, 2], color=colour, alpha=0.22, linewidth=0)
    axes.plot(times, values[:, 1], color=colour, linewidth=1.6)
    room = 0.015 * (span[1] - span[0])
    axes.set_xlim(span[0] - room, span[1] + room)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    _scale(axes, values)
    return axes


def _scale(axes: Axes, values: Values) -> None:
    """Decades away from zero where the band would else be too narrow to be seen most of the time."""
    ends = np.abs(values[:, (0, 2)])
    ends = ends[ends > 0]  # neither zeros nor what is missing
    most, little = (float(ends.max()), float(np.quantile(ends, 0.1))) if len(ends) else (0.0, 0.0)
    if most <= _NARROW * little:
        _number_values(axes, 4)
        return
    straight = max(little, most / _DECADES)
    axes.set_yscale("symlog", linthresh=straight)
    _number_values(axes)
    decades = [10.0**power for power in {math.ceil(math.log10(straight)), math.floor(math.log10(most))}]
    axes.yaxis.set_major_locator(FixedLocator(sorted([0.0, *decades, *(-decade for decade in decades)])))
    axes.yaxis.set_minor_locator(NullLocator())


def _number_values(axes: Axes, count: int = 6) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(count))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}".replace("-", "−")))
