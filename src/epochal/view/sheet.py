"""A page to lay out pictures and words on, measured in pixels from the upper left corner.

A figure made here belongs to nobody else: it is not registered with pyplot and reads no global drawing state that could
change between threads. All words pass through `write`, which keeps matplotlib from reading `$` as TeX.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from epochal.view import style
from epochal.view.lettering import cut, families, font, legible, width_of, wrap
from epochal.view.mosaic import rgb

NARROWEST = 900
_CAPTION_GAP = 16
_LONGEST = 400  # characters in a line; the widest page holds fewer


class Sheet:
    """A figure of `width` x `height` pixels with a title; pixels stay pixels when saved at the style's resolution."""

    def __init__(self, width: int, height: int) -> None:
        # Multiples of 5 pixels are exact binary fractions of an inch at 160 dots: no rounding can lose a row.
        self.width, self.height = 5 * -(-width // 5), 5 * -(-height // 5)
        self.figure = Figure(
            figsize=(self.width / style.DPI, self.height / style.DPI),
            dpi=style.DPI,
            facecolor=style.PAPER,
        )
        self.figure.set_layout_engine("none")  # whatever the user's own settings say
        FigureCanvasAgg(self.figure)
        self.page = self.figure.add_axes((0.0, 0.0, 1.0, 1.0))
        self.page.set_xlim(0, self.width)
        self.page.set_ylim(self.height, 0)
        self.page.set_axis_off()
        self.page.set_zorder(10)  # words on the page lie above the coordinate systems placed on it
        self.page.autoscale(False)

    def write(
        self,
        x: style.Pixels,
        y: style.Pixels,
        text: str,
        size: float = style.TEXT_SIZE,
        colour: str = style.INK,
        bold: bool = False,
        align: Literal["left", "center", "right"] = "left",
        width: style.Pixels | None = None,
        over_lines: bool = False,
        turned: bool = False,
    ) -> None:
        """Write one line whose baseline is at `y`, cut to `width` pixels where given, on a patch of page if asked.

        A turned line reads upwards and begins at `y`, with `x` in its middle.
        """
        shown = legible(text, _LONGEST)
        if width is not None:
            shown = cut(shown, width, size, bold)
        self.page.text(
            x,
            y,
            shown,
            color=colour,
            fontproperties=font(size, bold),
            horizontalalignment="center" if turned else align,
            verticalalignment="bottom" if turned else "baseline",
            rotation=90 if turned else 0,
            parse_math=False,
            usetex=False,
            bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1.0, "alpha": 0.85} if over_lines else None,
        )

    def heading(self, title: str, subtitle: str = "") -> int:
        """Write the title, smaller if it is long, and under it one muted line; returns where the content may begin."""
        width = self.width - 2 * style.MARGIN
        size = style.TITLE_SIZE
        while size > style.TEXT_SIZE and width_of(legible(title, _LONGEST), size, bold=True) > width:
            size -= 0.5
        self.write(style.MARGIN, style.MARGIN + 26, title, size, bold=True, width=width)
        if subtitle:
            self.write(style.MARGIN, style.MARGIN + 62, subtitle, colour=style.MUTED, width=width)
        return heading_height(subtitle)

    def caption(self, y: style.Pixels, text: str) -> None:
        """Write muted lines below the content, wrapped to the page; `caption_height` told how much room they need."""
        for row, line in enumerate(wrap(legible(text, 2000), self.width - 2 * style.MARGIN, style.TEXT_SIZE)):
            self.write(
                style.MARGIN,
                y + _CAPTION_GAP + (row + 1) * style.line_height(style.TEXT_SIZE),
                line,
                colour=style.MUTED,
            )

    def picture(self, x: int, y: int, pixels: UInt8[np.ndarray, "H W 3"]) -> None:
        """Put an array on the page, one array element for each pixel."""
        height, width = pixels.shape[:2]
        self.page.imshow(pixels, extent=(x, x + width, y + height, y), interpolation="nearest", aspect="auto")

    def frame(self, x: int, y: int, width: int, height: int, colour: str, thickness: int) -> None:
        """Draw a line of `thickness` pixels around the given area, and clear the area: its picture comes after."""
        pixels = np.empty((height + 2 * thickness, width + 2 * thickness, 3), dtype=np.uint8)
        pixels[:] = rgb(colour)
        pixels[thickness:-thickness, thickness:-thickness] = rgb(style.PAPER)
        self.picture(x - thickness, y - thickness, pixels)

    def fill(self, x: int, y: int, width: int, height: int, colour: str) -> None:
        """Colour an area, such as a bar."""
        pixels = np.empty((height, width, 3), dtype=np.uint8)
        pixels[:] = rgb(colour)
        self.picture(x, y, pixels)

    def axes(self, x: style.Pixels, y: style.Pixels, width: style.Pixels, height: style.Pixels) -> Axes:
        """A coordinate system on the page, styled: hairlines, no box."""
        bounds = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        axes = self.figure.add_axes(bounds, facecolor=style.PAPER)
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.spines["bottom"].set_color(style.MUTED)
        axes.grid(axis="y", color=style.HAIRLINE, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.tick_params(
            which="both",
            axis="both",
            length=0,
            colors=style.MUTED,
            labelsize=style.TEXT_SIZE - 1,
            labelfontfamily=families()[0],
        )
        return axes


def heading_height(subtitle: str = "") -> int:
    """The pixels that `Sheet.heading` takes from the top of the page, with a gap below."""
    return style.MARGIN + (90 if subtitle else 56)


def caption_height(text: str, page_width: int) -> int:
    """The pixels that `Sheet.caption` takes, with a gap above."""
    lines = wrap(legible(text, 2000), page_width - 2 * style.MARGIN, style.TEXT_SIZE)
    return len(lines) * style.line_height(style.TEXT_SIZE) + _CAPTION_GAP if lines else 0


def notice(title: str, text: str) -> Figure:
    """A page that says why there is nothing to show."""
    subtitle = "nothing to show"
    sheet = Sheet(NARROWEST, heading_height(subtitle) + 2 * style.line_height(style.TEXT_SIZE) + style.MARGIN)
    top = sheet.heading(title, subtitle)
    sheet.caption(top, text)
    return sheet.figure
