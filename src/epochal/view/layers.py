"""All layers on one page: how a picture turns into features, row by row."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.colouring import coloured, common_limits, counts, extent, plain, squares, strongest
from epochal.view.mosaic import Panel, fitted
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

_SIDE = 112  # whole multiples of 55, 27, 13 and 6 come close to it
_GAP = 8
_ROW = _SIDE + 22
_LABEL = 250
_START = style.MARGIN + _LABEL
_RANGE = 150  # room for a row's range of values at its end


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
    subtitle = f"the {each} strongest feature maps of each layer; every row has its own colour scale"
    reading = "Dark to bright: 0 to the row's largest values. Blue, white, red: negative, 0, positive."
    caption = f"{reading} A dense layer has a square for each unit.{counts(list(layers.values()))}"
    width = _START + each * (_SIDE + _GAP) + _RANGE + style.MARGIN
    top = heading_height(subtitle)
    below = top + (1 + len(layers)) * _ROW
    sheet = Sheet(max(width, 1100), below + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    _label(sheet, top, "input", f"{picture.shape[0]} x {picture.shape[1]} pixels")
    sheet.picture(_START, top, fitted(picture, _SIDE))
    for row, (name, output) in enumerate(layers.items(), start=1):
        _label(sheet, top + row * _ROW, name, extent(output, name))
        if output.size:
            _draw(sheet, top + row * _ROW, output, each)
    sheet.caption(below, caption)
    return sheet.figure


def _label(sheet: Sheet, y: int, name: str, size: str) -> None:
    sheet.write(style.MARGIN, y + _SIDE / 2 - 2, name, bold=True, width=_LABEL - 20)
    sheet.write(style.MARGIN, y + _SIDE / 2 + 22, size, style.TEXT_SIZE - 1, style.MUTED, width=_LABEL - 20)


def _draw(sheet: Sheet, y: int, output: Float[np.ndarray, " ..."], each: int) -> None:
    """One row: the maps, or the squares of a dense layer, and the range of the row's colours."""
    room = each * (_SIDE + _GAP) - _GAP
    if output.ndim == 1:
        low, high = common_limits(output)
        panel = squares(output, low, high, room, _SIDE)
        if panel.shape[0] > _SIDE:  # more units than pixels
            panel = fitted(panel, _SIDE)
        sheet.picture(_START, y + (_SIDE - panel.shape[0]) // 2, panel)
    else:
        shown = output[strongest(output, each)]
        low, high = common_limits(shown)
        for place, one in enumerate(shown):
            panel = fitted(coloured(one, low, high), _SIDE)
            x = _START + place * (_SIDE + _GAP) + (_SIDE - panel.shape[1]) // 2
            sheet.picture(x, y + (_SIDE - panel.shape[0]) // 2, panel)
    ends = f"± {plain(high)}" if low < 0 else f"0 to {plain(high)}"
    sheet.write(_START + room + 16, y + _SIDE / 2 + 6, ends, style.SMALL_SIZE, style.MUTED)
