"""How a training went: loss, accuracy and learning rate from the rows of a run's metrics.

Rows of kind "step" tell about training batches, rows of kind "evaluation" about held-out data. Whatever is missing or
not a number is left out; a training curve of many points is drawn pale, with its running mean over it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, Locator, LogLocator, MaxNLocator, NullLocator

from epochal.view import style
from epochal.view.history import ROUGH, Curve, clock_of, read_curve, remarks, running_mean, summary, time_span
from epochal.view.key import Entry, write_key
from epochal.view.lettering import width_of
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

_WIDTH = 1800
_PLOT_WIDTH, _PLOT_HEIGHT = 770, 520
_ABOVE = 80  # a plot's name and legend
_STRIP_ABOVE, _STRIP_HEIGHT, _STRIP_BELOW = 110, 130, 70
_LEFT = style.MARGIN + 70  # room for the numbers left of the axes
_RIGHT = _WIDTH - style.MARGIN - _PLOT_WIDTH
_KEY_SIZE = style.TEXT_SIZE - 0.5


def training_curves(
    rows: Sequence[Mapping[str, Any]],
    title: str = "Training",
    reference: tuple[float, str] | None = None,
    show_error: bool = False,
    log_loss: bool = False,
) -> Figure:
    """Loss and accuracy of training and held-out data side by side, the learning rate below.

    Args:
        rows: what `Run.metrics` gives; time is the epoch where every row has one, else the step.
        title: the headline.
        reference: a published accuracy from 0 to 1 and its label, drawn as a horizontal line.
        show_error: plot 1 - accuracy, as papers of the time did.
        log_loss: a logarithmic scale for the loss.
    """
    steps = [row for row in rows if row.get("kind") == "step"]
    evaluations = [row for row in rows if row.get("kind") == "evaluation"]
    if not steps and not evaluations:
        return notice(title, "No metrics yet: the run has logged no step and no evaluation.")
    clock = clock_of([*steps, *evaluations])
    losses = [
        read_curve("training", steps, clock, "loss", style.BLUE, is_training=True),
        read_curve("held out", evaluations, clock, "loss", style.VERMILLION),
    ]
    scores = [
        read_curve("training", steps, clock, "accuracy", style.BLUE, is_training=True),
        read_curve("held out, top-1", evaluations, clock, "top1", style.VERMILLION),
        read_curve("held out, top-5", evaluations, clock, "top5", style.PURPLE, is_dashed=True),
    ]
    rates = read_curve("learning rate", steps, clock, "lr", style.INK).where_positive()
    span = time_span([curve.x for curve in (*losses, *scores, rates)])
    subtitle, caption = summary(evaluations, clock), remarks(steps, losses + scores)
    if log_loss:
        losses = [curve.where_positive() for curve in losses]
    shares = [curve.percent(show_error) for curve in scores]
    level = None if reference is None else 100 * (1 - reference[0] if show_error else reference[0])

    top = heading_height(subtitle) + 20
    strip = top + _ABOVE + _PLOT_HEIGHT + _STRIP_ABOVE
    end = strip + _STRIP_HEIGHT + _STRIP_BELOW
    sheet = Sheet(_WIDTH, end + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading(title, subtitle)
    axes = _plot(sheet, _LEFT, top, "Loss", losses, "{:.3g}")
    _scale_loss(axes, _values(losses), log_loss)
    _scale_time(axes, span)
    axes = _plot(sheet, _RIGHT, top, "Error" if show_error else "Accuracy", shares, "{:.1f} %")
    _scale_share(axes, _values(shares), show_error, level)
    _scale_time(axes, span)
    if reference is not None and level is not None:
        _draw_reference(sheet, axes, top + _ABOVE, level, reference[1])
    axes = _plot_rate(sheet, strip, rates)
    _scale_time(axes, span)
    sheet.write(_WIDTH - style.MARGIN, strip + _STRIP_HEIGHT + 56, clock, colour=style.MUTED, align="right")
    sheet.caption(end, caption)
    return sheet.figure


def _values(curves: Sequence[Curve]) -> Float64[np.ndarray, " n"]:
    return np.concatenate([curve.y for curve in curves])


def _plot(sheet: Sheet, x: int, y: int, name: str, curves: Sequence[Curve], number: str) -> Axes:
    """One coordinate system: its name, its key with the latest values, its curves."""
    sheet.write(x, y + 14, name, style.TEXT_SIZE + 1.5, bold=True)
    axes = sheet.axes(x, y + _ABOVE, _PLOT_WIDTH, _PLOT_HEIGHT)
    entries = [
        Entry(f"{curve.name}  {number.format(_draw(axes, curve))}", curve.colour, curve.is_dashed)
        for curve in curves
        if len(curve.x)
    ]
    write_key(sheet, x, y + 54, entries, size=_KEY_SIZE)
    if not entries:
        _say_missing(sheet, x + _PLOT_WIDTH / 2, y + _ABOVE + _PLOT_HEIGHT / 2)
    return axes


def _draw(axes: Axes, curve: Curve) -> float:
    """Draw the curve; returns where its bold line ends."""
    bold = curve.y
    if curve.is_training and len(curve.y) > ROUGH:
        axes.plot(curve.x, curve.y, color=curve.colour, alpha=0.22, linewidth=0.8)
        bold = running_mean(curve.y, len(curve.y) // ROUGH * 2 + 1)
    has_marks = len(curve.x) == 1 or (not curve.is_training and len(curve.x) <= ROUGH)
    axes.plot(
        curve.x,
        bold,
        color=curve.colour,
        linewidth=1.8,
        linestyle=(0, (4, 1.6)) if curve.is_dashed else "-",
        marker="o" if has_marks else "",
        markersize=3.4,
        solid_capstyle="round",
    )
    return float(bold[-1])


def _say_missing(sheet: Sheet, x: style.Pixels, y: style.Pixels) -> None:
    sheet.write(x, y, "not recorded", colour=style.MUTED, align="center", over_lines=True)


def _scale_time(axes: Axes, span: tuple[float, float]) -> None:
    room = 0.015 * (span[1] - span[0])
    axes.set_xlim(span[0] - room, span[1] + room)
    axes.xaxis.set_major_locator(MaxNLocator(7, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def _scale_loss(axes: Axes, values: Float64[np.ndarray, " n"], is_log: bool) -> None:
    """From 0 where the curves come near it, else around them; ticks as plain numbers."""
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if is_log and len(values):
        axes.set_yscale("log")
        room = (high / low) ** 0.05 if high > low else 1.2
        axes.set_ylim(low / room, high * room)
        axes.yaxis.set_major_locator(_log_ticks(low, high))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        room = 0.05 * (high - low) or 0.1 * abs(high) or 1.0
        axes.set_ylim(0.0 if 0 <= low < 0.35 * high else low - room, high + room)
        axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.4g}".replace("-", "−")))


def _scale_share(axes: Axes, values: Float64[np.ndarray, " n"], is_error: bool, level: float | None) -> None:
    """Per cent, holding all curves and the reference; an axis from 0 unless everything is far above it."""
    held = values if level is None else np.append(values, level)
    low, high = (float(held.min()), float(held.max())) if len(values) else (0.0, 100.0)
    low = 0.0 if is_error or low < 40 else low
    room = max(0.06 * (high - low), 2.5)
    axes.set_ylim(max(0.0, low - room), high + (room if high > 100 else min(room, 102 - high)))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))


def _log_ticks(low: float, high: float) -> Locator:
    """Powers of ten alone would leave a curve within one decade without a number beside it."""
    decades = math.log10(high / low)
    if decades < 1:
        return MaxNLocator(5, steps=[1, 2, 5, 10])
    return LogLocator(subs=(1.0, 2.0, 5.0) if decades < 3 else (1.0,), numticks=9)


def _draw_reference(sheet: Sheet, axes: Axes, top: int, level: float, label: str) -> None:
    """The published number as a dotted line, its label above or below it, where it covers least of the curves."""
    low, high = axes.get_ylim()
    if not low <= level <= high:
        return
    drawn = _drawn(sheet, axes)
    axes.axhline(level, color=style.INK, linewidth=1.1, linestyle=(0, (1, 1.6)))
    y = top + _PLOT_HEIGHT * (high - level) / (high - low)
    width = min(width_of(label, _KEY_SIZE), _PLOT_WIDTH - 16.0)
    below = [y + 24] if y + 30 < top + _PLOT_HEIGHT else []
    places = [(x, baseline) for baseline in (y - 9, *below) for x in (_RIGHT + 8, _RIGHT + _PLOT_WIDTH - 8 - width)]
    x, baseline = min(places, key=lambda place: _covered(drawn, place[0], place[1], width))
    sheet.write(x, baseline, label, _KEY_SIZE, width=_PLOT_WIDTH - 16, over_lines=True)


def _drawn(sheet: Sheet, axes: Axes) -> Float64[np.ndarray, "n 2"]:
    """Places on the page along everything that is drawn in a coordinate system."""
    lines = [axes.transData.transform(np.column_stack(line.get_data())) for line in axes.lines]
    steps = np.linspace(0, 1, 9)[:, None, None]
    along = [(line[:-1] + steps * (line[1:] - line[:-1])).reshape(-1, 2) for line in lines]
    places: Float64[np.ndarray, "n 2"] = np.concatenate([np.empty((0, 2)), *along])
    return places * [1, -1] + [0, sheet.height]


def _covered(drawn: Float64[np.ndarray, "n 2"], x: style.Pixels, baseline: style.Pixels, width: style.Pixels) -> int:
    """How many of the places a label there would cover."""
    beside = (drawn[:, 0] > x) & (drawn[:, 0] < x + width)
    return int((beside & (drawn[:, 1] > baseline - 20) & (drawn[:, 1] < baseline + 6)).sum())


def _plot_rate(sheet: Sheet, y: int, rates: Curve) -> Axes:
    """The learning rate as steps: it holds until it is changed."""
    width = _WIDTH - style.MARGIN - _LEFT
    axes = sheet.axes(_LEFT, y, width, _STRIP_HEIGHT)
    sheet.write(_LEFT, y - 18, "Learning rate", style.TEXT_SIZE + 1.5, bold=True)
    if not len(rates.x):
        _say_missing(sheet, _LEFT + width / 2, y + _STRIP_HEIGHT / 2)
        axes.yaxis.set_major_locator(NullLocator())
        return axes
    mark = "o" if len(rates.x) == 1 else ""
    axes.plot(rates.x, rates.y, color=rates.colour, linewidth=1.6, drawstyle="steps-post", marker=mark, markersize=3.4)
    low, high = float(rates.y.min()), float(rates.y.max())
    axes.set_yscale("log")
    axes.set_ylim(low / 2, high * 2)
    ticks = LogLocator(numticks=4) if high / low >= 10 else FixedLocator([low] if low == high else [low, high])
    axes.yaxis.set_major_locator(ticks)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    return axes
