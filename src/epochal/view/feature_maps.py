"""What a layer answers to one picture: its feature maps, beside the picture; and all layers on one page.

Values that are all positive (after a ReLU) run from dark to bright; values of both signs run from blue over white,
which is 0, to red.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.figure import Figure

from epochal.core.fault import InputFault, printable
from epochal.view import style
from epochal.view.mosaic import Panel, across, fitted, rgb, tile
from epochal.view.sheet import NARROWEST, Sheet, caption_height, heading_height, notice

MOST = 64
_PICTURE = 384
_BLOCK = 824  # the width of a full grid of maps
_GAP = 8
_SMALLEST, _LARGEST = 96, 640
_NUMBER = 22  # room for a map's number below it
_BAR = 130


def feature_maps(
    picture: Panel,
    maps: Float[np.ndarray, " C *size"],
    layer: str,
    limit: int = MOST,
    choice: Literal["strongest", "first"] = "strongest",
    scaling: Literal["shared", "each"] = "shared",
) -> Figure:
    """The picture beside the feature maps of one layer, numbered from 0 as in the code, with a colour bar.

    Args:
        picture: what the network saw, in RGB.
        maps: the layer's output for it: [channels, height, width], or [units] for a dense layer, shown as one square.
        layer: the layer's name, for the title.
        limit: at most so many maps.
        choice: the maps with the largest mean magnitude, strongest first; or the first ones in order.
        scaling: one colour scale for all maps, or each map from its own smallest to its own largest value.

    Raises:
        InputFault: the output has another number of dimensions, or limit is below 1.
    """
    if limit < 1:
        raise InputFault(f"cannot show {limit} feature maps", expected="a limit of at least 1")
    _check_dimensions(maps, layer)
    if maps.size == 0:
        return notice(f"Activity of {layer}", "The layer's output is empty.")
    if maps.ndim == 1:
        order: list[int] = []
        (low, high), wide = _common_limits(maps), 1
        panels = _units(maps, low, high, _BLOCK, _PICTURE)[None]
        block = panels[0]
    else:
        coloured, order, (low, high) = _panels(maps, limit, choice, scaling)
        wide = across(len(coloured))
        panels = np.stack([fitted(panel, _side(wide)) for panel in coloured])
        block = tile(_with_room(panels), wide, _GAP)
    seen = fitted(picture, _PICTURE)

    subtitle = _size(maps) + ("" if len(order) == len(maps) or maps.ndim == 1 else f", the {choice} {len(order)} shown")
    caption = _reading([maps], "dense" if maps.ndim == 1 else scaling)
    left = style.MARGIN + _PICTURE + style.MARGIN
    width = max(NARROWEST, left + block.shape[1] + _BAR + style.MARGIN)
    top = heading_height(subtitle)
    tall = max(block.shape[0], _PICTURE + 2 * _NUMBER)
    sheet = Sheet(width, top + tall + caption_height(caption, width) + style.MARGIN)
    sheet.heading(f"{'Activity' if maps.ndim == 1 else 'Feature maps'} of {layer}", subtitle)
    sheet.picture(style.MARGIN + (_PICTURE - seen.shape[1]) // 2, top, seen)
    sheet.write(style.MARGIN + _PICTURE / 2, top + seen.shape[0] + 26, "the input", colour=style.MUTED, align="center")
    sheet.picture(left, top, block)
    for place, number in enumerate(order):
        x = left + place % wide * (panels.shape[2] + _GAP) + panels.shape[2] / 2
        y = top + place // wide * (panels.shape[1] + _NUMBER + _GAP) + panels.shape[1] + 17
        sheet.write(x, y, str(number), style.SMALL_SIZE, style.MUTED, align="center")
    _colour_bar(
        sheet,
        left + block.shape[1] + 24,
        top,
        min(tall, 320),
        low,
        high,
        is_common=maps.ndim == 1 or scaling == "shared",
    )
    sheet.caption(top + tall, caption)
    return sheet.figure


def layer_overview(
    picture: Panel,
    layers: Mapping[str, Float[np.ndarray, " ..."]],
    each: int = 8,
    title: str = "From pixels to features",
) -> Figure:
    """A row for each layer with its strongest maps, from the picture at the top to the last layer.

    Args:
        picture: what the network saw, in RGB.
        layers: layer name -> output for this picture, [channels, height, width] or [units], in the order they ran.
        each: at most so many maps for a layer.
        title: the headline.

    Raises:
        InputFault: an output has another number of dimensions, or `each` is below 1.
    """
    if each < 1:
        raise InputFault(f"cannot show {each} maps of a layer", expected="at least 1")
    if not layers:
        return notice(title, "No layer was given.")
    side, label, row_gap = 96, 250, 22
    subtitle = f"the strongest {each} feature maps of each layer; every row has its own colour scale"
    caption = _reading(list(layers.values()), "row")
    width = max(NARROWEST, 2 * style.MARGIN + label + each * (side + _GAP) + 150)
    top = heading_height(subtitle)
    rows = (1 + len(layers)) * (side + row_gap)
    sheet = Sheet(width, top + rows + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    _row_label(sheet, top, side, "input", f"{picture.shape[0]} x {picture.shape[1]} pixels", label)
    sheet.picture(style.MARGIN + label, top, fitted(picture, side))
    for name, output in layers.items():
        top += side + row_gap
        _check_dimensions(output, name)
        _row_label(sheet, top, side, name, _size(output), label)
        if output.size == 0:
            continue
        start, room = style.MARGIN + label, each * (side + _GAP) - _GAP
        if output.ndim == 1:
            low, high = _common_limits(output)
            panel = fitted(_units(output, low, high, room, side), room)
            sheet.picture(start, top + (side - panel.shape[0]) // 2, panel)
        else:
            panels, _, (low, high) = _panels(output, each, "strongest", "shared")
            for place, panel in enumerate(fitted(panel, side) for panel in panels):
                x = start + place * (side + _GAP) + (side - panel.shape[1]) // 2
                sheet.picture(x, top + (side - panel.shape[0]) // 2, panel)
        right = style.MARGIN + label + each * (side + _GAP) + 8
        sheet.write(right, top + side / 2 + 6, _range(low, high), style.SMALL_SIZE, style.MUTED)
    sheet.caption(top + side + row_gap, caption)
    return sheet.figure


def _row_label(sheet: Sheet, top: int, side: int, name: str, size: str, width: int) -> None:
    sheet.write(style.MARGIN, top + side / 2 - 2, name, bold=True, width=width - 20)
    sheet.write(style.MARGIN, top + side / 2 + 22, size, style.TEXT_SIZE - 1, style.MUTED, width=width - 20)


def _check_dimensions(output: Float[np.ndarray, " ..."], layer: str) -> None:
    if output.ndim not in (1, 3):
        raise InputFault(
            f"the output of {printable(layer)} has {output.ndim} dimensions",
            expected="[channels, height, width], or [units]",
            remedy="give the output for one picture, without the batch dimension",
        )


def _size(output: Float[np.ndarray, " ..."]) -> str:
    if output.ndim == 1:
        return f"{output.size} units"
    return f"{len(output)} maps of {output.shape[1]} x {output.shape[2]}"


def _panels(
    output: Float[np.ndarray, "C H W"], limit: int, choice: str, scaling: str
) -> tuple[UInt8[np.ndarray, "N h w 3"], list[int], tuple[float, float]]:
    """The chosen maps in colours, their numbers, and the ends of the common scale."""
    order = _chosen(output, limit, choice)
    shown = output[order]
    signed = bool((shown < 0).any())
    low, high = _common_limits(shown)
    ends = [_own_limits(one, signed) if scaling == "each" else (low, high) for one in shown]
    coloured = np.stack([_coloured(one, *end) for one, end in zip(shown, ends, strict=True)])
    return coloured, order, (low, high)


def _units(
    values: Float[np.ndarray, " units"], low: float, high: float, width: int, height: int
) -> UInt8[np.ndarray, "h w 3"]:
    """A dense layer as squares row by row, as large as `width` x `height` pixels allow."""
    count = len(values)
    side = min(48, max(1, math.isqrt(width * height // count)))
    while side > 1 and -(-count // (width // side)) * side > height:
        side -= 1
    columns = min(count, width // side)
    squares = np.empty((-(-count // columns) * columns, 3), dtype=np.uint8)
    squares[:count], squares[count:] = _coloured(values, low, high), rgb(style.PAPER)
    return squares.reshape(-1, columns, 3).repeat(side, axis=0).repeat(side, axis=1)


def _chosen(maps: Float[np.ndarray, "C H W"], limit: int, choice: str) -> list[int]:
    """The numbers of the maps to show."""
    if choice == "first":
        return list(range(min(limit, len(maps))))
    strength = np.abs(np.where(np.isfinite(maps), maps, 0.0)).mean(axis=(1, 2))
    return [int(n) for n in np.argsort(-strength, kind="stable")[:limit]]


def _common_limits(values: Float[np.ndarray, " ..."]) -> tuple[float, float]:
    """The ends of a scale that keeps 0 in its place: black, or white in the middle of both signs.

    One value in 200 may lie beyond and gets the end's colour, so that a few outliers do not darken everything else.
    """
    size = np.abs(values[np.isfinite(values)])
    high = float(np.quantile(size, 0.995)) if size.size else 0.0
    high = high or (float(size.max()) if size.size else 0.0) or 1.0
    return (-high, high) if (values < 0).any() else (0.0, high)


def _own_limits(values: Float[np.ndarray, " ..."], signed: bool) -> tuple[float, float]:
    """The smallest and the largest value; for values of both signs made symmetric, so that 0 is white."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if signed:
        largest = max(-low, high) or 1.0
        return -largest, largest
    return (low, high) if high > low else (0.0, high or 1.0)


def _coloured(values: Float[np.ndarray, " *size"], low: float, high: float) -> UInt8[np.ndarray, "*size 3"]:
    """Values in colours; numbers that are not finite in the colour kept for them."""
    finite = np.isfinite(values)
    position = (np.where(finite, values, low).astype(np.float64) - low) / (high - low)
    colours = matplotlib.colormaps[style.DIVERGING if low < 0 else style.SEQUENTIAL](position.clip(0, 1), bytes=True)
    pixels: UInt8[np.ndarray, "*size 3"] = colours[..., :3].copy()
    pixels[~finite] = rgb(style.NOT_FINITE)
    return pixels


def _side(wide: int) -> int:
    """The size in pixels of panels that, `wide` in a row, fill the block."""
    return max(_SMALLEST, min(_LARGEST, (_BLOCK + _GAP) // wide - _GAP))


def _with_room(panels: UInt8[np.ndarray, "N H W 3"]) -> UInt8[np.ndarray, "N h W 3"]:
    """The panels with a strip of page below each, for its number."""
    strip = np.empty((len(panels), _NUMBER, panels.shape[2], 3), dtype=np.uint8)
    strip[:] = rgb(style.PAPER)
    return np.concatenate([panels, strip], axis=1)


def _colour_bar(sheet: Sheet, x: int, y: int, height: int, low: float, high: float, is_common: bool) -> None:
    """The scale from its largest value at the top to its smallest at the bottom."""
    ramp = np.linspace(high, low, height)[:, None].repeat(20, axis=1)
    sheet.picture(x, y, _coloured(ramp, low, high))
    ends = (_plain(high), _plain(low)) if is_common else ("largest", "smallest")
    sheet.write(x + 28, y + 14, ends[0], style.SMALL_SIZE, style.MUTED)
    sheet.write(x + 28, y + height, ends[1], style.SMALL_SIZE, style.MUTED)
    if low < 0:
        sheet.write(x + 28, y + height / 2 + 6, "0", style.SMALL_SIZE, style.MUTED)


def _plain(value: float) -> str:
    """A number in three digits, with a real minus sign."""
    return f"{value:.3g}".replace("-", "−")


def _range(low: float, high: float) -> str:
    return f"± {_plain(high)}" if low < 0 else f"{_plain(low)} to {_plain(high)}"


def _reading(outputs: Sequence[Float[np.ndarray, " ..."]], scaling: str) -> str:
    """The caption: what the colours mean and how sparse the answers are."""
    scale = {
        "shared": "One colour scale for all maps; at most one value in 200 lies beyond its end.",
        "dense": "One square for each unit, row by row.",
        "each": "Each map has its own colour scale, to compare patterns and not strengths.",
        "row": "Dark to bright: 0 to the row's largest values. Blue, white, red: negative, 0, positive. "
        "A dense layer is drawn as squares, unit by unit.",
    }[scaling]
    values = max(1, sum(output.size for output in outputs))
    zeros = sum(int(np.count_nonzero(output == 0)) for output in outputs)
    broken = sum(int(np.count_nonzero(~np.isfinite(output))) for output in outputs)
    text = scale + (f" {100 * zeros / values:.0f} % of the values are exactly 0." if zeros else "")
    return text + (f" {broken} values are not finite, shown in magenta." if broken else "")
