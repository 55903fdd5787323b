"""The kernels of a convolution as pictures, arranged as the paper shows its first layer (Figure 3).

Each kernel is scaled on its own and keeps its zero: mid-grey is a weight of 0, and the kernel's largest weight, of
either sign, reaches full brightness or full darkness. So a kernel without a preference for a colour looks grey, and
kernels can be compared in pattern though not in strength; the caption tells the range of strengths.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8
from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.mosaic import across, rgb, tile
from epochal.view.sheet import NARROWEST, Sheet, caption_height, heading_height, notice

_PANEL = 77  # pixels; the paper's 11 x 11 kernels are drawn with 7 x 7 pixels for each weight
_GAP = 8
_LABEL = 30
_MOST_KERNELS = 16  # shown when every input channel needs a panel of its own
_MOST_CHANNELS = 16


def filter_grid(
    weights: Float[np.ndarray, "F C H W"], columns: int = 1, title: str = "What the first layer looks for"
) -> Figure:
    """The kernels as a grid: in colour for three input channels, in grey for one, one panel per channel for others.

    Args:
        weights: the convolution's weights.
        columns: how many columns (groups) the network has; with the paper's two, the upper half of the picture shows
            the kernels of column 1 and the lower half those of column 2. Kernels are numbered from 0, as in the code.
        title: the headline.

    Raises:
        InputFault: the kernels cannot be divided among the columns.
    """
    kernels, channels, height, width = weights.shape
    if columns < 1 or kernels % columns:
        raise InputFault(
            f"{kernels} kernels cannot be divided among {columns} columns",
            expected=f"a number of columns that divides {kernels}",
        )
    if weights.size == 0:
        return notice(title, "The layer has no kernels.")
    if channels not in (1, 3):
        return _channel_table(weights, title)
    scaled = _displayed(weights)
    panels = np.broadcast_to(scaled.transpose(0, 2, 3, 1), (kernels, height, width, 3))
    return _sections(_enlarged(_marked(panels, weights)), columns, title, _strength(weights))


def _sections(panels: UInt8[np.ndarray, "F H W 3"], columns: int, title: str, caption: str) -> Figure:
    """One block of panels for each column of the network, one below the other."""
    each = len(panels) // columns
    wide = across(len(panels)) if columns == 1 else min(across(len(panels)), each)
    blocks = [tile(panels[c * each : (c + 1) * each], wide, _GAP) for c in range(columns)]
    height, width = blocks[0].shape[:2]
    label = _LABEL if columns > 1 else 0
    page_width = max(NARROWEST, width + 2 * style.MARGIN)
    subtitle = f"{len(panels)} kernels" + (f" in {columns} columns of {each}" if columns > 1 else "")
    top = heading_height(subtitle)
    rows = columns * (height + label) + (columns - 1) * 2 * _GAP
    sheet = Sheet(page_width, top + rows + caption_height(caption, page_width) + style.MARGIN)
    sheet.heading(title, subtitle)
    left = (sheet.width - width) // 2
    for column, block in enumerate(blocks):
        if columns > 1:
            text = f"column {column + 1}: kernels {column * each} to {(column + 1) * each - 1}"
            sheet.write(left, top + label - 11, text, style.TEXT_SIZE - 1, style.MUTED)
        sheet.picture(left, top + label, block)
        top += label + height + 2 * _GAP
    sheet.caption(top - 2 * _GAP, caption)
    return sheet.figure


def _channel_table(weights: Float[np.ndarray, "F C H W"], title: str) -> Figure:
    """A row for each kernel and a panel for each of its input channels, in grey."""
    kernels, channels = weights.shape[:2]
    shown = weights[:_MOST_KERNELS, :_MOST_CHANNELS]
    rows, across_ = shown.shape[:2]
    # One scale for the whole kernel: its channels add up in one sum, so their strengths compare.
    scaled = _displayed(shown)[..., None]
    panels = _marked(np.broadcast_to(scaled, (*scaled.shape[:-1], 3)), shown)
    block = tile(_enlarged(panels.reshape(-1, *panels.shape[2:])), across_, _GAP)
    which = f"The first {rows} of {kernels} kernels and the first {across_} of {channels} input channels."
    caption = f"{which} {_strength(shown)}"
    label, subtitle = 120, f"{kernels} kernels, {channels} input channels"
    width = max(NARROWEST, block.shape[1] + label + 2 * style.MARGIN)
    top = heading_height(subtitle) + _LABEL
    sheet = Sheet(width, top + block.shape[0] + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    left = max(style.MARGIN + label, (sheet.width - block.shape[1]) // 2)
    panel = (block.shape[1] + _GAP) // across_
    step = (block.shape[0] + _GAP) // rows
    for channel in range(across_):
        centre = left + channel * panel + (panel - _GAP) / 2
        sheet.write(centre, top - 10, str(channel), style.SMALL_SIZE, style.MUTED, align="center")
    for row in range(rows):
        baseline = top + row * step + (step - _GAP) / 2 + 5
        sheet.write(left - 14, baseline, f"kernel {row}", style.SMALL_SIZE, style.MUTED, align="right")
    sheet.picture(left, top, block)
    sheet.caption(top + block.shape[0], caption)
    return sheet.figure


def _displayed(weights: Float[np.ndarray, "F C H W"]) -> UInt8[np.ndarray, "F C H W"]:
    """Weights as brightness: 0 is mid-grey, the kernel's largest magnitude is black or white."""
    known = np.where(np.isfinite(weights), weights, 0.0).astype(np.float64)
    largest = np.abs(known).max(axis=(1, 2, 3), keepdims=True)
    relative = np.divide(known, largest, out=np.zeros_like(known), where=largest > 0)
    return np.asarray(np.round((relative + 1) * 127.5), dtype=np.uint8)


def _marked(panels: UInt8[np.ndarray, "*N H W 3"], weights: Float[np.ndarray, "F C H W"]) -> UInt8[np.ndarray, " ..."]:
    """The panels with weights that are not finite painted in the colour kept for them."""
    broken: Bool[np.ndarray, " ..."] = ~np.isfinite(weights)
    if panels.ndim == 4:  # all channels in one panel
        broken = np.asarray(broken.any(axis=1))
    painted = panels.copy()
    painted[broken] = rgb(style.NOT_FINITE)
    return painted


def _enlarged(panels: UInt8[np.ndarray, "N H W 3"]) -> UInt8[np.ndarray, "N h w 3"]:
    factor = max(1, _PANEL // max(panels.shape[1:3]))
    return panels.repeat(factor, axis=1).repeat(factor, axis=2)


def _strength(weights: Float[np.ndarray, "F C H W"]) -> str:
    """The caption: how to read the brightness, and what the scaling hides."""
    text = "Each kernel has its own scale: mid-grey is a weight of 0, black and white its largest weight"
    finite = np.isfinite(weights)
    if finite.any():
        largest = np.abs(np.where(finite, weights, 0.0)).max(axis=(1, 2, 3))
        text += f" (from {largest.min():.2g} in the weakest kernel to {largest.max():.2g} in the strongest)"
    broken = int((~finite).any(axis=(1, 2, 3)).sum())
    return f"{text}." + (f" {broken} kernels hold weights that are not finite, shown in magenta." if broken else "")
