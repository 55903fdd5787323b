"""How strongly the layers of a network respond: a line through the layers, and the same sorted by size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from epochal.view import style
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

_WIDTH = 1800
_PLOT_WIDTH, _PLOT_HEIGHT = 770, 480
_ABOVE, _BELOW = 60, 90
_LEFT = style.MARGIN + 70
_RIGHT = _WIDTH - style.MARGIN - _PLOT_WIDTH
# More dots than this run into one another.
_DOTS = 80
_CAPTION = (
    "Each dot is a layer of 3 x 3 kernels: the standard deviation of what it answers to held-out pictures, over "
    "pictures, maps and places, after its normalisation and before rectifier or addition. Small responses change the "
    "signal little. Vertical lines: where a new stage begins."
)


def response_chart(deviations: Mapping[str, float], of: str, title: str = "How much each layer changes") -> Figure:
    """The deviation of the responses of a network's layers.

    Args:
        deviations: by the layers' names, in the order they run; a name's first part is the layer's stage.
        of: whose layers they are, in words.
        title: the headline.
    """
    if not deviations:
        return notice(title, "The network has no layer of 3 x 3 kernels.")
    values = list(deviations.values())
    mean = sum(values) / len(values)
    subtitle = f"{of}: {len(values)} of them 3 x 3, their deviation {mean:.3g} in the mean"
    top = heading_height(subtitle) + 20
    end = top + _ABOVE + _PLOT_HEIGHT + _BELOW
    sheet = Sheet(_WIDTH, end + caption_height(_CAPTION, _WIDTH) + style.MARGIN)
    sheet.heading(title, subtitle)
    axes = _plot(sheet, _LEFT, top, "Deviation of the responses, in the layers' order", "layer", values)
    stages = [name.split(".")[0] for name in deviations]
    for place in (place for place in range(1, len(stages)) if stages[place] != stages[place - 1]):
        axes.axvline(place + 0.5, color=style.HAIRLINE, linewidth=1.4)
    _plot(sheet, _RIGHT, top, "The same, sorted by size", "rank", sorted(values, reverse=True))
    sheet.caption(end, _CAPTION)
    return sheet.figure


def _plot(sheet: Sheet, x: int, y: int, name: str, along: str, values: Sequence[float]) -> Axes:
    sheet.write(x, y + 14, name, style.TEXT_SIZE + 1.5, bold=True)
    axes = sheet.axes(x, y + _ABOVE, _PLOT_WIDTH, _PLOT_HEIGHT)
    mark = "o" if len(values) <= _DOTS else ""
    axes.plot(range(1, len(values) + 1), values, color=style.BLUE, linewidth=1.6, marker=mark, markersize=4.0)
    axes.set_ylim(0, 1.08 * max(values) or 1.0)
    axes.set_xlim(0, len(values) + 1)
    axes.xaxis.set_major_locator(MaxNLocator(9, integer=True))
    sheet.write(x + _PLOT_WIDTH, y + _ABOVE + _PLOT_HEIGHT + 60, along, colour=style.MUTED, align="right")
    return axes
