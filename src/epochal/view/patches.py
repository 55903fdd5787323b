"""What excites single units: for each, the parts of nine pictures that it answers to most, three by three.

After Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), Figure 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8
from matplotlib.figure import Figure
from PIL import Image

from epochal.view import style
from epochal.view.mosaic import Panel, fitted, rgb, tile
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

# Patches of a unit, and units of a layer on the page of all layers and on a page of its own.
EACH = 9
FEW, MANY = 6, 20
_SIDE = 3
_SMALL, _LARGE = 84, 112  # pixels of a patch; 28 of the picture are enlarged threefold, or fourfold
_SHARP = 3  # patches that are enlarged by less are smoothed instead of showing their pixels
_GAP = 3
_BETWEEN = 26
_LABEL = 250
_NOTE = 34
_NUMBER = 92  # pixels for a unit's number
_ACROSS = 5


@dataclass(frozen=True)
class Patch:
    """A part of a picture.

    Attributes:
        pixels: what the unit saw of the picture, in RGB.
        top: how many of the rows that it looked at lie above the picture.
        left: how many columns lie left of it.
    """

    pixels: Panel
    top: int = 0
    left: int = 0


@dataclass(frozen=True)
class Unit:
    """A unit and what excites it.

    Attributes:
        number: its map's place in the layer, from 0.
        patches: strongest first; nine are shown.
        note: what they have in common, if anything.
    """

    number: int
    patches: Sequence[Patch]
    note: str = ""


@dataclass(frozen=True)
class Layer:
    """A layer and some of its units.

    Attributes:
        name: the layer's name in the network.
        units: how many units (maps) it has.
        size: height and width of what each of them sees, in pixels of the picture.
        shown: some of them.
    """

    name: str
    units: int
    size: tuple[int, int]
    shown: Sequence[Unit]


def patch_overview(layers: Sequence[Layer], pictures: int, title: str = "What excites the units") -> Figure:
    """A row for each layer, with the nine patches of some units.

    Args:
        layers: in the order in which they see the picture.
        pictures: how many pictures were looked at.
        title: the headline.
    """
    if not layers:
        return notice(title, "The network has no layer whose units look at parts of a picture.")
    block = _SIDE * (_SMALL + _GAP) - _GAP
    step_x, step_y = block + _BETWEEN, block + _NOTE + _BETWEEN
    start = style.MARGIN + _LABEL
    width = start + FEW * step_x - _BETWEEN + style.MARGIN
    subtitle = f"the nine patches that a unit answers to most, among {pictures:,} held-out pictures"
    caption = _reading("Each row has its own enlargement.")
    top = heading_height(subtitle)
    sheet = Sheet(width, top + len(layers) * step_y - _BETWEEN + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    for row, layer in enumerate(layers):
        y = top + row * step_y
        room = _LABEL - 20
        sheet.write(style.MARGIN, y + 24, layer.name, style.TEXT_SIZE + 1.5, bold=True, width=room)
        sheet.write(style.MARGIN, y + 52, f"{layer.units:,} units", colour=style.MUTED, width=room)
        sheet.write(style.MARGIN, y + 78, f"see {_extent(layer)}", colour=style.MUTED, width=room)
        for place, unit in enumerate(layer.shown[:FEW]):
            _draw(sheet, start + place * step_x, y, unit, layer.size, _SMALL)
        if not layer.shown:
            sheet.write(start, y + 24, "no unit ever answers", colour=style.MUTED)
    sheet.caption(top + len(layers) * step_y - _BETWEEN, caption)
    return sheet.figure


def patch_page(layer: Layer, pictures: int, silent: int = 0) -> Figure:
    """Many units of one layer.

    Args:
        layer: the layer.
        pictures: how many pictures were looked at.
        silent: how many of its units answered to none of them.
    """
    title = f"What excites the units of {layer.name}"
    if not layer.shown:
        return notice(title, f"None of its {layer.units:,} units answers to any of {pictures:,} pictures.")
    shown = layer.shown[:MANY]
    block = _SIDE * (_LARGE + _GAP) - _GAP
    step_x, step_y = block + _BETWEEN, block + _NOTE + _BETWEEN
    rows = -(-len(shown) // _ACROSS)
    width = 2 * style.MARGIN + _ACROSS * step_x - _BETWEEN
    subtitle = f"{len(shown)} of {layer.units:,} units; they see {_extent(layer)}; {pictures:,} held-out pictures"
    quiet = {0: "", 1: "One unit answered to no picture."}.get(silent, f"{silent:,} units answered to no picture.")
    caption = _reading(quiet)
    top = heading_height(subtitle)
    sheet = Sheet(width, top + rows * step_y - _BETWEEN + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    for place, unit in enumerate(shown):
        x = style.MARGIN + place % _ACROSS * step_x
        _draw(sheet, x, top + place // _ACROSS * step_y, unit, layer.size, _LARGE)
    sheet.caption(top + rows * step_y - _BETWEEN, caption)
    return sheet.figure


def _reading(more: str) -> str:
    reading = (
        "Strongest first, row by row, and no picture twice; grey lies beyond the picture's edge. Shown are units whose "
        "nine answers stand out most from their answers to all pictures, and that differ in what excites them."
    )
    return f"{reading} {more}".strip()


def _extent(layer: Layer) -> str:
    height, width = layer.size
    return f"{height} x {width} pixels"


def _draw(sheet: Sheet, x: int, y: int, unit: Unit, size: tuple[int, int], side: int) -> None:
    """A unit's patches, and below them its number and note."""
    cells = np.stack([_cell(patch, size, side) for patch in unit.patches[:EACH]])
    block = tile(cells, _SIDE, _GAP)
    sheet.picture(x, y, block)
    room = _SIDE * (side + _GAP)
    lettering = style.TEXT_SIZE - 1
    baseline = y + room + 22
    sheet.write(x, baseline, f"unit {unit.number}", lettering, style.MUTED)
    if unit.note:
        sheet.write(x + room - _GAP, baseline, unit.note, lettering, align="right", width=room - _NUMBER)


def _cell(patch: Patch, size: tuple[int, int], side: int) -> UInt8[np.ndarray, "S S 3"]:
    """A patch in its place within all that the unit looked at; beyond the picture there is grey."""
    whole = np.empty((*size, 3), dtype=np.uint8)
    whole[:] = rgb(style.HAIRLINE)
    height, width = patch.pixels.shape[:2]
    whole[patch.top : patch.top + height, patch.left : patch.left + width] = patch.pixels
    drawn = fitted(whole, side)
    if 0 < max(size) < side < _SHARP * max(size):
        scale = side / max(size)
        drawn = np.asarray(
            Image.fromarray(whole).resize((round(size[1] * scale), round(size[0] * scale)), Image.Resampling.BICUBIC)
        )
    cell = np.empty((side, side, 3), dtype=np.uint8)
    cell[:] = rgb(style.PAPER)
    top, left = (side - drawn.shape[0]) // 2, (side - drawn.shape[1]) // 2
    cell[top : top + drawn.shape[0], left : left + drawn.shape[1]] = drawn
    return cell
