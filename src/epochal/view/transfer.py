"""Ways to learn the same pictures side by side: accuracy over time, and what each way costs and gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from epochal.core.report import counted
from epochal.view import style
from epochal.view.history import finite_number
from epochal.view.key import Entry, write_key
from epochal.view.sheet import Sheet, caption_height, heading_height

_WIDTH = 1800
_ABOVE, _PLOT_HEIGHT, _BELOW = 110, 560, 110
_LEFT = style.MARGIN + 80  # room for the numbers left of the axes
_PLOT_WIDTH = _WIDTH - style.MARGIN - _LEFT
_ROW, _HEAD = 52, 56

_COLOURS = {"fine-tuned": style.BLUE, "frozen": style.GREEN, "scratch": style.VERMILLION}
_SAYS = {"fine-tuned": "fine-tuned, all layers", "frozen": "frozen features", "scratch": "from scratch"}
# Where each column of the table ends.
_COLUMNS = (
    ("held-out top-1", 740),
    ("95 % interval", 980),
    ("against scratch", 1270),
    ("time", 1410),
    ("epochs", 1530),
    ("learned numbers", _WIDTH - style.MARGIN),
)

Point = tuple[float, float]


def transfer_chart(record: Mapping[str, Any]) -> Figure:
    """Held-out accuracy over the time of training for each way, and a table below.

    Args:
        record: what `epochal finetune` writes.
    """
    rows = record["rows"]
    source = record["weights"]
    subtitle = (
        f"{len(record['classes'])} classes of {record['data']}, {record['train']:,} training and "
        f"{record['held_out']:,} held-out pictures; weights of {source['source']}"
    )
    caption = _caption(record)
    top = heading_height(subtitle) + 10
    table = top + _ABOVE + _PLOT_HEIGHT + _BELOW
    end = table + _HEAD + _ROW * len(rows)
    sheet = Sheet(_WIDTH, end + 20 + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading("Transfer: what are the weights worth?", subtitle)
    _draw_curves(sheet, top, rows, chance=1 / len(record["classes"]))
    _write_table(sheet, table, rows)
    sheet.caption(end + 20, caption)
    return sheet.figure


def _caption(record: Mapping[str, Any]) -> str:
    rows = {row["way"]: row for row in record["rows"]}
    seeds = len(record["seeds"])
    parts = [f"{record['command']}: {counted(seeds, 'seed')}."]
    if seeds > 1:
        parts.append("Thin: each seed; bold: their mean. Differences are paired by seed.")
    if {"fine-tuned", "scratch"} <= set(rows):
        more = rows["scratch"]["seconds"] / max(rows["fine-tuned"]["seconds"], 1e-9)
        parts.append(f"Training from scratch had {more:.2f} times the time of fine-tuning.")
    trained = (record["weights"].get("run") or {}).get("seconds")
    if trained:
        parts.append(f"The time that the weights themselves took ({duration(trained)}) is not counted.")
    changed = [*record["changed"]["all"], *(f"scratch: {one}" for one in record["changed"]["scratch"])]
    if changed:
        parts.append(f"Changed: {', '.join(changed)}.")
    return " ".join(parts)


def _draw_curves(sheet: Sheet, y: int, rows: Sequence[Mapping[str, Any]], chance: float) -> None:
    sheet.write(_LEFT - 80, y + 22, "Held-out accuracy while training", style.TEXT_SIZE + 1.5, bold=True)
    axes = sheet.axes(_LEFT, y + _ABOVE, _PLOT_WIDTH, _PLOT_HEIGHT)
    for row in rows:
        colour = _COLOURS[row["way"]]
        curves = [_points(run) for run in row["runs"]]
        for points in curves if len(curves) > 1 else []:
            axes.plot(*_both(points), color=colour, linewidth=0.9, alpha=0.35)
        axes.plot(*_both(_mean(curves)), color=colour, linewidth=2.2, marker="o", markersize=4.0)
    write_key(sheet, _LEFT - 80, y + 66, [Entry(_SAYS[row["way"]], _COLOURS[row["way"]]) for row in rows])
    axes.axhline(100 * chance, color=style.INK, linewidth=1.1, linestyle=(0, (1, 1.6)))
    _scale(axes)
    low, high = axes.get_ylim()
    sheet.write(
        _WIDTH - style.MARGIN,
        y + _ABOVE + _PLOT_HEIGHT * (high - 100 * chance) / (high - low) - 9,
        "guessing",
        style.TEXT_SIZE - 0.5,
        align="right",
        over_lines=True,
    )
    sheet.write(_WIDTH - style.MARGIN, y + _ABOVE + _PLOT_HEIGHT + 62, "seconds", colour=style.MUTED, align="right")


def _points(run: Mapping[str, Any]) -> list[Point]:
    """Seconds and per cent of each evaluation."""
    pairs = [(finite_number(row.get("seconds")), finite_number(row.get("top1"))) for row in run["evaluations"]]
    return [(seconds, 100 * share) for seconds, share in pairs if seconds is not None and share is not None]


def _mean(curves: Sequence[Sequence[Point]]) -> list[Point]:
    """The mean of the seeds at each evaluation that all of them made."""
    together = zip_longest(*curves)
    return [(fmean(x for x, _ in points), fmean(y for _, y in points)) for points in together if None not in points]


def _both(points: Sequence[Point]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _scale(axes: Axes) -> None:
    axes.set_xlim(0, None)
    axes.set_ylim(0, min(104.0, axes.get_ylim()[1] * 1.06))
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))


def _write_table(sheet: Sheet, y: int, rows: Sequence[Mapping[str, Any]]) -> None:
    for name, end in _COLUMNS:
        sheet.write(end, y + 24, name, colour=style.MUTED, align="right")
    sheet.fill(style.MARGIN, y + 42, _WIDTH - 2 * style.MARGIN, 2, style.HAIRLINE)
    for place, row in enumerate(rows):
        line = y + _HEAD + place * _ROW + 30
        sheet.fill(style.MARGIN, line - 17, 26, 18, _COLOURS[row["way"]])
        sheet.write(style.MARGIN + 40, line, _named(row), width=_COLUMNS[0][1] - 330)
        for number, ((_, end), text) in enumerate(zip(_COLUMNS, _numbers(row), strict=True)):
            sheet.write(end, line, text, align="right", bold=number == 0)


def _named(row: Mapping[str, Any]) -> str:
    kept = f": {', '.join(row['frozen'])}" if row["frozen"] and row["frozen"] != ["body"] else ""
    return _SAYS[row["way"]] + kept


def _numbers(row: Mapping[str, Any]) -> tuple[str, ...]:
    interval = "" if row["low"] is None else f"{100 * max(0, row['low']):.1f} to {100 * min(1, row['high']):.1f} %"
    return (
        f"{100 * row['mean']:.1f} %",
        interval,
        _above(row.get("against_scratch")),
        duration(row["seconds"]),
        f"{row['epochs']:g}",
        f"{row['trained_parameters']:,}",
    )


def _above(difference: Mapping[str, Any] | None) -> str:
    """How many points of accuracy a way is above training from scratch."""
    if difference is None:
        return ""
    shown = f"{100 * difference['difference']:+.1f}"
    if difference["low"] is not None:
        shown += f" ({100 * difference['low']:+.1f} to {100 * difference['high']:+.1f})"
    return shown.replace("-", "−")


def duration(seconds: float) -> str:
    """A time span in the unit that people would take."""
    if seconds < 100:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
