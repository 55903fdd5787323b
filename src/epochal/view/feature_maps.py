"""What one layer answers to a picture: its feature maps beside the picture, or the units of a dense layer."""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.colouring import coloured, common_limits, counts, extent, own_limits, plain, squares, strongest
from epochal.view.mosaic import Panel, across, fitted, rgb, tile
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

MOST = 64
# Whole multiples of the usual sizes come close to these: 224, 227, 32 and 28 for pictures; 55, 27, 13 and 6 for maps.
_PICTURE = 454
_SMALLEST, _LARGEST = 112, 640
_BLOCK = 952  # the width of eight small panels
_GAP = 8
_NUMBER = 22  # room for a map's number below it
_LEFT = style.MARGIN + _PICTURE + style.MARGIN
_BAR, _BAR_HEIGHT = 130, 320


def feature_maps(
    picture: Panel,
    maps: Float[np.ndarray, " C *size"],
    layer: str,
    limit: int = MOST,
    choice: Literal["strongest", "first"] = "strongest",
    scaling: Literal["shared", "each"] = "shared",
) -> Figure:
    """The picture beside the layer's feature maps, numbered from 0 as in the code, with a colour bar.

    Args:
        picture: what the network saw, in RGB.
        maps: the layer's output for it: [channels, height, width], or [units] for a dense layer.
        layer: the layer's name, for the title.
        limit: at most so many maps.
        choice: the maps with the largest mean magnitude, strongest first; or the first ones in order.
        scaling: one colour scale for all maps, or one for each map.

    Raises:
        InputFault: the output has another number of dimensions, or limit is below 1.
    """
    if limit < 1:
        raise InputFault(f"cannot show {limit} feature maps", expected="a limit of at least 1")
    size = extent(maps, layer)
    if maps.size == 0:
        return notice(f"Activity of {layer}", "The layer's output is empty.")
    if maps.ndim == 1:
        limits = common_limits(maps)
        block = squares(maps, *limits, _BLOCK, _PICTURE)
        caption = f"One square for each unit, row by row.{counts([maps])}"
        return _page(f"Activity of {layer}", size, caption, picture, block, limits, is_common=True)[0].figure

    order = strongest(maps, limit) if choice == "strongest" else list(range(min(limit, len(maps))))
    panels, limits = _panels(maps[order], scaling)
    wide = across(len(panels))
    caption = {
        "shared": "One colour scale for all maps; at most one value in 200 lies beyond its end.",
        "each": "Each map has its own colour scale, to compare patterns and not strengths.",
    }[scaling] + counts([maps])
    subtitle = size if len(order) == len(maps) else f"{size}, the {choice} {len(order)} shown"
    block = tile(_with_room(panels), wide, _GAP)
    sheet, top = _page(f"Feature maps of {layer}", subtitle, caption, picture, block, limits, scaling == "shared")
    height, width = panels.shape[1:3]
    for place, number in enumerate(order):
        x = _LEFT + place % wide * (width + _GAP) + width / 2
        y = top + place // wide * (height + _NUMBER + _GAP) + height + 17
        sheet.write(x, y, str(number), style.SMALL_SIZE, style.MUTED, align="center")
    return sheet.figure


def _panels(maps: Float[np.ndarray, "C H W"], scaling: str) -> tuple[UInt8[np.ndarray, "C h w 3"], tuple[float, float]]:
    """The maps in colours, sized to fill the block, and the ends of their common scale."""
    common = common_limits(maps)
    is_signed = bool((maps < 0).any())
    side = max(_SMALLEST, min(_LARGEST, (_BLOCK + _GAP) // across(len(maps)) - _GAP))
    panels = []
    for one in maps:
        limits = own_limits(one, is_signed) if scaling == "each" else common
        panels.append(fitted(coloured(one, *limits), side))
    return np.stack(panels), common


def _page(
    title: str,
    subtitle: str,
    caption: str,
    picture: Panel,
    block: UInt8[np.ndarray, "h w 3"],
    limits: tuple[float, float],
    is_common: bool,
) -> tuple[Sheet, int]:
    """The page with the picture at the left, the block beside it, and the colour bar; and where the block begins."""
    seen = fitted(picture, _PICTURE)
    top = heading_height(subtitle)
    tall = max(block.shape[0], _PICTURE + 2 * _NUMBER)
    width = max(_LEFT + block.shape[1] + _BAR + style.MARGIN, 1100)
    sheet = Sheet(width, top + tall + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    sheet.picture(style.MARGIN + (_PICTURE - seen.shape[1]) // 2, top, seen)
    sheet.write(style.MARGIN + _PICTURE / 2, top + seen.shape[0] + 26, "the input", colour=style.MUTED, align="center")
    sheet.picture(_LEFT, top, block)
    _draw_bar(sheet, _LEFT + block.shape[1] + 24, top, limits, is_common)
    sheet.caption(top + tall, caption)
    return sheet, top


def _draw_bar(sheet: Sheet, x: int, y: int, limits: tuple[float, float], is_common: bool) -> None:
    """The colour scale from its largest value at the top to its smallest at the bottom."""
    low, high = limits
    ramp = np.linspace(high, low, _BAR_HEIGHT)[:, None].repeat(20, axis=1)
    sheet.picture(x, y, coloured(ramp, low, high))
    ends = (plain(high), plain(low)) if is_common else ("largest", "smallest")
    sheet.write(x + 28, y + 14, ends[0], style.SMALL_SIZE, style.MUTED)
    sheet.write(x + 28, y + _BAR_HEIGHT, ends[1], style.SMALL_SIZE, style.MUTED)
    if low < 0:
        sheet.write(x + 28, y + _BAR_HEIGHT / 2 + 6, "0", style.SMALL_SIZE, style.MUTED)


def _with_room(panels: UInt8[np.ndarray, "N H W 3"]) -> UInt8[np.ndarray, "N h W 3"]:
    """The panels with a strip of page below each, for its number."""
    strip = np.empty((len(panels), _NUMBER, panels.shape[2], 3), dtype=np.uint8)
    strip[:] = rgb(style.PAPER)
    return np.concatenate([panels, strip], axis=1)
