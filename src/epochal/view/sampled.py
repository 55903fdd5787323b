"""The error of averages over sampled nets, against that of the net whose weights are scaled (dropout, Figure 11)."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from epochal.view import style
from epochal.view.sheet import Sheet, caption_height, heading_height

_WIDTH, _HEIGHT = 1400, 560
_LEFT = style.MARGIN + 90
_ABOVE, _BELOW = 20, 80
_ROUNDING = 1e-6  # points; one picture is far more


def sampled_error(errors: Sequence[float], scaled: float) -> Figure:
    """A curve over the number of nets, and a line for the scaled weights.

    Args:
        errors: in per cent, of the average over 1, 2, ... nets.
        scaled: in per cent, of the net in use.
    """
    subtitle = f"held-out error; scaled weights {scaled:.2f} %, {len(errors)} nets {errors[-1]:.2f} %"
    reached = next((nets for nets, error in enumerate(errors, 1) if error <= scaled + _ROUNDING), None)
    caption = (
        "Each net drops units as in training, and their probabilities are averaged. The dotted line is the net in use: "
        "all units, multiplied by their retention. "
    )
    first = "One net is as good." if reached == 1 else f"{reached} nets are the first as good."
    caption += first if reached else f"{len(errors)} nets are not as good."
    top = heading_height(subtitle) + _ABOVE
    end = top + _HEIGHT + _BELOW
    sheet = Sheet(_WIDTH, end + caption_height(caption, _WIDTH) + style.MARGIN)
    sheet.heading("How many thinned nets are worth one with scaled weights?", subtitle)
    axes = sheet.axes(_LEFT, top, _WIDTH - style.MARGIN - _LEFT, _HEIGHT)
    axes.plot(range(1, len(errors) + 1), errors, color=style.BLUE, linewidth=2.0, marker="o", markersize=3.0)
    axes.axhline(scaled, color=style.INK, linewidth=1.3, linestyle=(0, (1, 1.6)))
    low, high = min(*errors, scaled), max(*errors, scaled)
    room = 0.08 * (high - low) or 1.0
    axes.set_ylim(max(0.0, low - room), high + room)
    axes.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g} %"))
    sheet.write(_WIDTH - style.MARGIN, top + _HEIGHT + 62, "sampled nets", colour=style.MUTED, align="right")
    sheet.caption(end, caption)
    return sheet.figure
