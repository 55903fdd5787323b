"""An ablation as a chart: what each change does to the error, with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from epochal.view import style
from epochal.view.sheet import Sheet, caption_height, heading_height

_WIDTH = 1800
_ROW, _HEAD = 50, 64
_NAMES = 420  # room for the names left of the bars
_NUMBERS = 330  # and for the numbers right of them
_GROUPS = {
    "removal": ("What the paper brought, taken away", style.VERMILLION),
    "addition": ("What came later, added", style.BLUE),
    "baseline": ("For comparison", style.MUTED),
}
# A change larger than this many times the median one would leave no room for the others.
_LARGEST = 8.0


def ablation_chart(record: Mapping[str, Any]) -> Figure:
    """A bar for each arm: its error minus the base's, mean over the seeds, with its 95 % interval."""
    base = next(row for row in record["rows"] if row["group"] == "base")
    groups = {group: [row for row in record["rows"] if row["group"] == group] for group in _GROUPS}
    groups = {group: rows for group, rows in groups.items() if rows}
    subtitle = f"{base['arm']}: {base['mean']:.2f} % {record['metric'].partition(',')[0]}; each change by itself"
    caption = (
        f"{record['command']}: {len(record['seeds'])} seeds, {record['data']}; {record['budget']}. Differences are "
        "paired by seed; lines are 95 % intervals."
    )
    if record["changed"]:
        caption += f" Changed from the declared experiment: {', '.join(record['changed'])}."
    top = heading_height(subtitle) + 10
    height = sum(_HEAD + _ROW * len(rows) for rows in groups.values())
    end = top + height + 60
    sheet = Sheet(_WIDTH, end + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading("What matters? Points of error, against the base", subtitle)
    span = _span([row for rows in groups.values() for row in rows])
    y = top
    for group, rows in groups.items():
        name, colour = _GROUPS[group]
        sheet.write(style.MARGIN, y + _HEAD - 18, name, style.TEXT_SIZE + 1.0, bold=True)
        _bars(sheet, y + _HEAD, rows, colour, span, is_last=group == list(groups)[-1])
        y += _HEAD + _ROW * len(rows)
    sheet.caption(end, caption)
    return sheet.figure


def _span(rows: list[Mapping[str, Any]]) -> tuple[float, float]:
    """What the axis shows: everything, but for changes so large that the others would vanish."""
    sizes = sorted(abs(row["difference"]) for row in rows)
    most = max(1.0, _LARGEST * sizes[len(sizes) // 2])
    ends = [end for row in rows for end in (row["difference"], row["low"], row["high"]) if end is not None]
    low, high = max(-most, min(ends)), min(most, max(ends))
    room = 0.06 * (max(high, 0.0) - min(low, 0.0) or 1.0)
    return min(low, 0.0) - room, max(high, 0.0) + room


def _bars(
    sheet: Sheet, y: int, rows: list[Mapping[str, Any]], colour: str, span: tuple[float, float], is_last: bool
) -> None:
    left, width = style.MARGIN + _NAMES, _WIDTH - 2 * style.MARGIN - _NAMES - _NUMBERS
    axes = sheet.axes(left, y, width, _ROW * len(rows))
    for place, row in enumerate(rows):
        axes.barh(place, row["difference"], height=0.56, color=colour, alpha=0.8)
        if row["low"] is not None:
            axes.plot([row["low"], row["high"]], [place, place], color=style.INK, linewidth=1.6)
        baseline = y + _ROW * place + _ROW * 0.62
        sheet.write(style.MARGIN + _NAMES - 20, baseline, row["arm"], align="right", width=_NAMES - 20)
        sheet.write(left + width + 20, baseline, _in_numbers(row), colour=style.MUTED)
    _style(axes, len(rows), span, is_last)


def _in_numbers(row: Mapping[str, Any]) -> str:
    shown = f"{row['difference']:+.2f}"
    return shown if row["low"] is None else f"{shown}  ({row['low']:+.2f} to {row['high']:+.2f})"


def _style(axes: Axes, rows: int, span: tuple[float, float], is_last: bool) -> None:
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xlim(*span)
    axes.set_yticks([])
    axes.grid(axis="y", visible=False)
    axes.grid(axis="x", color=style.HAIRLINE, linewidth=0.8)
    axes.axvline(0.0, color=style.INK, linewidth=1.0)
    axes.spines["bottom"].set_visible(False)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:+g}" if value else "0"))
    axes.tick_params(axis="x", labelbottom=is_last)
