"""How active hidden units are: a histogram of their mean activities, and one of all activities (dropout, Figure 8).

A good sparse code has few units highly active for a picture, and most of them silent: a peak at zero and a thin tail.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Float64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from epochal.view import style
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

_WIDTH = 1600
_PLOT_WIDTH, _PLOT_HEIGHT = 660, 240
_LEFT = style.MARGIN + 70
_RIGHT = _WIDTH - style.MARGIN - _PLOT_WIDTH
_ABOVE, _BELOW = 84, 56
_BINS = 60
# The longest activities of a few pictures would squeeze all others into one bar.
_SHOWN = 0.999


def activity_histograms(layers: Mapping[str, Float[np.ndarray, "pictures _"]], title: str = "Hidden units") -> Figure:
    """A row for each layer: its units' mean activities at the left, all its activities at the right.

    Args:
        layers: what the units of each layer answer to pictures, by the layer's name.
        title: the headline.
    """
    if not layers or any(values.size == 0 for values in layers.values()):
        return notice(title, "There are no hidden units, or no pictures to show them.")
    pictures = len(next(iter(layers.values())))
    subtitle = f"answers to {pictures:,} held-out pictures, in use; a line marks the mean"
    caption = (
        "Left: each unit counts once, by its mean over the pictures. Right: each unit counts once for each picture."
    )
    top = heading_height(subtitle) + 10
    row = _ABOVE + _PLOT_HEIGHT + _BELOW
    end = top + row * len(layers)
    sheet = Sheet(_WIDTH, end + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading(title, subtitle)
    for place, (name, values) in enumerate(layers.items()):
        y = top + row * place
        known = np.where(np.isfinite(values), values, 0.0).astype(np.float64)
        silent = float((known <= 0).mean())
        units = known.mean(0)
        _histogram(sheet, _LEFT, y, f"{name}: means of {len(units):,} units", f"mean {units.mean():.3g}", units)
        told = f"{silent:.1%} silent" if known.min() >= 0 else f"mean {known.mean():.3g}"
        _histogram(sheet, _RIGHT, y, f"{name}: all activities", told, known.ravel())
    sheet.caption(end, caption)
    return sheet.figure


def _histogram(sheet: Sheet, x: int, y: int, name: str, told: str, values: Float64[np.ndarray, " n"]) -> None:
    sheet.write(x, y + 14, name, style.TEXT_SIZE + 1.0, bold=True)
    sheet.write(x, y + 50, told, colour=style.MUTED)
    axes = sheet.axes(x, y + _ABOVE, _PLOT_WIDTH, _PLOT_HEIGHT)
    low = min(0.0, float(values.min()))
    high = float(np.quantile(values, _SHOWN))
    if high <= low:
        high = low + 1.0
    counts, edges = np.histogram(np.clip(values, low, high), bins=_BINS, range=(low, high))
    axes.bar(edges[:-1], 100.0 * counts / len(values), width=np.diff(edges), align="edge", color=style.BLUE)
    axes.axvline(float(values.mean()), color=style.VERMILLION, linewidth=1.6)
    _scale(axes, low, high)


def _scale(axes: Axes, low: float, high: float) -> None:
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
