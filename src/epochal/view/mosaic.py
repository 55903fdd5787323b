"""Many small panels side by side in one array, each drawn large enough to see its pixels."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import UInt8
from matplotlib.colors import to_rgb
from PIL import Image

from epochal.view import style

Panel = UInt8[np.ndarray, "_ _ 3"]


def rgb(colour: str) -> UInt8[np.ndarray, " 3"]:
    """A colour of the style as three bytes."""
    return np.round(np.array(to_rgb(colour)) * 255).astype(np.uint8)


def fitted(panel: Panel, side: int) -> Panel:
    """The panel with its longer side close to `side` and never above it.

    Small ones are enlarged by a whole factor, so that every pixel stays a sharp square of the same size; large ones are
    averaged down. A panel without pixels becomes a grey square.
    """
    if panel.size == 0:
        return np.full((side, side, 3), 128, dtype=np.uint8)
    height, width = panel.shape[:2]
    longest = max(height, width)
    if longest <= side:
        factor = side // longest
        return panel.repeat(factor, axis=0).repeat(factor, axis=1)
    size = (max(1, round(width * side / longest)), max(1, round(height * side / longest)))
    return np.asarray(Image.fromarray(panel).resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))


def across(count: int, ratio: float = 1.5) -> int:
    """How many of `count` panels to put in a row for a grid about `ratio` times as wide as high.

    A number that fills every row is taken where one lies near; 96 panels give 12, 64 give 8.
    """
    ideal = math.sqrt(count * ratio)
    full = [n for n in range(1, count + 1) if count % n == 0 and 0.6 <= n / ideal <= 1.6]
    if full:
        return min(full, key=lambda n: abs(math.log(n / ideal)))
    return max(1, min(count, round(ideal)))


def tile(panels: UInt8[np.ndarray, "N H W 3"], columns: int, gap: int) -> UInt8[np.ndarray, "height width 3"]:
    """The panels row by row, `gap` pixels apart, on the colour of the page."""
    count, height, width, _ = panels.shape
    rows = -(-count // columns)
    sheet = np.empty((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), dtype=np.uint8)
    sheet[:] = rgb(style.PAPER)
    for place, panel in enumerate(panels):
        top, left = place // columns * (height + gap), place % columns * (width + gap)
        sheet[top : top + height, left : left + width] = panel
    return sheet
