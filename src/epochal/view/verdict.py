"""A claim put to the test: how each arm learned, every seed's number, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from epochal.core.report import counted
from epochal.view import style
from epochal.view.key import ROW_HEIGHT, Entry, count_rows, write_key
from epochal.view.lettering import wrap
from epochal.view.sheet import Sheet, caption_height, heading_height

_WIDTH = 1800
_ABOVE, _PLOT_HEIGHT, _BELOW = 90, 560, 90
_LEFT, _BETWEEN = style.MARGIN + 80, 180
# Curves take most of the width, unless there are more arms than this, whose names need room.
_WIDE, _NARROW, _FEW = 900, 600, 5
_TITLES = {"train_top1": "Training error, as pictures were shown", "loss": "Held-out loss"}
# The name, the runs and the colour of a curve.
_Shown = tuple[str, Sequence[Mapping[str, Any]], str]
_ANSWERS = {"holds": style.RIGHT, "fails": style.WRONG, "undecided": style.MUTED}


@dataclass(frozen=True)
class _Page:
    """How a page is shared out, in pixels.

    Attributes:
        sheet: the page.
        top: where both halves begin, with their titles.
        plots: where their coordinate systems begin.
        curves: how wide the left one is.
    """

    sheet: Sheet
    top: int
    plots: int
    curves: int

    @property
    def right(self) -> int:
        """Where the right one begins."""
        return _LEFT + self.curves + _BETWEEN

    @property
    def dots(self) -> int:
        """How wide it is."""
        return _WIDTH - style.MARGIN - self.right


def verdict_picture(record: Mapping[str, Any]) -> Figure:
    """The picture of a claim's record: learning curves on the left, the numbers that were judged on the right."""
    claim, metric = record["claim"], record["claim"]["metric"]
    subtitle = f"{claim['source']}; reported: {claim['reported']}"
    caption = _caption(record)
    top = heading_height(subtitle) + 20
    curves = _WIDE if len(record["arms"]) <= _FEW else _NARROW
    shown = _once(record["arms"])
    entries = [Entry(name, colour) for name, _, colour in shown]
    plots = top + _ABOVE + ROW_HEIGHT * (count_rows(entries, curves) - 1)
    end = plots + _PLOT_HEIGHT + _BELOW
    sheet = Sheet(_WIDTH, end + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading(claim["says"][0].upper() + claim["says"][1:], subtitle)
    page = _Page(sheet, top, plots, curves)
    _curves(page, shown, metric)
    write_key(sheet, _LEFT, top + 54, entries, curves)
    _numbers(page, record["verdict"], metric)
    sheet.caption(end, caption)
    return sheet.figure


def _caption(record: Mapping[str, Any]) -> str:
    seeds, claim = len(record["seeds"]), record["claim"]
    parts = [f"{record['command']}: {counted(seeds, 'seed')}, {record['data']}; {claim['budget']}."]
    for arm in record["arms"]:
        if arm["tuned"]:
            tuned = ", ".join(f"{name} {value:g}" for name, value in arm["tuned"].items())
            edge = " (at the edge of those tried)" if arm["at_edge"] else ""
            parts.append(f"{arm['arm']}: {tuned}{edge}, tuned on a seed of its own.")
    if record["changed"]:
        parts.append(f"Changed from the declared experiment: {', '.join(record['changed'])}.")
    return " ".join([*parts, *map(finding_in_words, record["verdict"]["findings"])])


def finding_in_words(finding: Mapping[str, Any]) -> str:
    """An expectation, the estimate with its interval, the answer."""
    ends = [finding["low"], finding["high"]]
    measured = f"{finding['what']} {finding['estimate']:.2f}"
    if None not in ends:
        measured += f" (95 % interval {ends[0]:.2f} to {ends[1]:.2f})"
    why = f", {finding['why']}" if finding["why"] else ""
    return f"Expected {finding['says']}; measured {measured}{why}: {finding['answer']}."


def _curves(page: _Page, shown: Sequence[_Shown], metric: Mapping[str, Any]) -> None:
    """Error or loss over epochs: a pale line for each seed, a bold one for their mean as far as all of them go."""
    sheet, is_level = page.sheet, metric["kind"] == "epochs to"
    name = metric["name"] if is_level else "train_top1" if metric.get("split") == "train" else "top1"
    if not is_level and not any(_seed_curve(run, name)[0] for _, runs, _ in shown for run in runs):
        name = "loss"  # word vectors have no accuracy of their own
    title = _TITLES.get(name, "Held-out error")
    sheet.write(_LEFT, page.top + 14, title, style.TEXT_SIZE + 1.5, bold=True)
    axes = sheet.axes(_LEFT, page.plots, page.curves, _PLOT_HEIGHT)
    for _, runs, colour in shown:
        seeds = [_seed_curve(run, name) for run in runs]
        for epochs, errors in seeds:
            axes.plot(epochs, errors, color=colour, alpha=0.3, linewidth=1.0)
        shortest = min(len(epochs) for epochs, _ in seeds)
        mean = np.mean([errors[:shortest] for _, errors in seeds], axis=0)
        axes.plot(seeds[0][0][:shortest], mean, color=colour, linewidth=2.0, marker="o", markersize=3.0)
    if is_level:
        axes.axhline(100 * (1 - metric["level"]), color=style.INK, linewidth=1.1, linestyle=(0, (1, 1.6)))
    axes.set_xlim(left=0)
    if name != "loss":
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    sheet.write(_LEFT + page.curves, page.plots + _PLOT_HEIGHT + 60, "epoch", colour=style.MUTED, align="right")


def _once(arms: Sequence[Mapping[str, Any]]) -> list[_Shown]:
    """Name, runs and colour of each arm's curves; arms that measure something else of the same runs have one curve."""
    found: list[_Shown] = []
    for arm, colour in zip(arms, style.CLASSES, strict=False):
        evaluations = [run["evaluations"] for run in arm["runs"]]
        same = [n for n, (_, runs, _) in enumerate(found) if [run["evaluations"] for run in runs] == evaluations]
        if same:
            found[same[0]] = ("the same runs", found[same[0]][1], style.INK)
        else:
            found.append((arm["arm"], arm["runs"], colour))
    return found


def _seed_curve(run: Mapping[str, Any], name: str) -> tuple[list[float], list[float]]:
    rows = [row for row in run["evaluations"] if row.get(name) is not None]
    return [row["epoch"] for row in rows], [row[name] if name == "loss" else 100 * (1 - row[name]) for row in rows]


def _numbers(page: _Page, verdict: Mapping[str, Any], metric: Mapping[str, Any]) -> None:
    """Each seed's number as a dot, seeds joined across the arms: what is judged are the slopes of these lines."""
    sheet = page.sheet
    which = "Training" if metric.get("split") == "train" else "Held-out"
    name = metric.get("name", "")
    titles = {
        "epochs to": "Epochs needed",
        "measured": name[:1].upper() + name[1:],
        "training time": "Training time, s",
    }
    title = titles.get(metric["kind"], f"{which} error at the end")
    sheet.write(page.right, page.top + 14, title, style.TEXT_SIZE + 1.5, bold=True)
    axes = sheet.axes(page.right, page.plots, page.dots, _PLOT_HEIGHT)
    measured = verdict["measured"]
    values = np.array([arm["values"] for arm in measured], dtype=np.float64)  # arms x seeds
    axes.plot(np.arange(len(measured)), values, color=style.MUTED, linewidth=0.9, alpha=0.6)
    for place, (row, colour) in enumerate(zip(values, style.CLASSES, strict=False)):
        axes.scatter(np.full(len(row), place), row, s=26, color=colour, zorder=3)
        axes.hlines(row.mean(), place - 0.16, place + 0.16, color=colour, linewidth=2.4, zorder=2)
    _scale(axes, values, is_share=metric["kind"] == "error rate")
    for place, arm in enumerate(measured):
        x = page.right + (place + 0.6) / (len(measured) + 0.2) * page.dots
        y = page.plots + _PLOT_HEIGHT + 34
        at_least = "at least " if any(arm["bounded"]) else ""
        room = page.dots / len(measured)
        lines = wrap(arm["arm"], room, style.TEXT_SIZE)[:2]
        for number, line in enumerate(lines):
            sheet.write(x, y + 24 * number, line, align="center", width=room)
        value = f"{at_least}{values[place].mean():.2f}"
        sheet.write(x, y + 24 * len(lines) + 6, value, colour=style.MUTED, align="center")
    answer = verdict["answer"]
    sheet.write(
        page.right, page.top + 54, f"verdict: {answer}", style.TEXT_SIZE + 1.5, colour=_ANSWERS[answer], bold=True
    )


def _scale(axes: Axes, values: Float64[np.ndarray, "arms seeds"], *, is_share: bool) -> None:
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.set_xticks([])
    room = 0.15 * float(np.ptp(values)) or 1.0
    axes.set_ylim(max(0.0, float(values.min()) - room), float(values.max()) + room)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %" if is_share else f"{value:g}"))
