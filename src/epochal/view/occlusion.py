"""Where an answer comes from: pictures beside maps of what the answer loses when a part of them is hidden."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from epochal.view import style
from epochal.view.grid import Answer
from epochal.view.mosaic import Panel, fitted, rgb
from epochal.view.sheet import Sheet, caption_height, heading_height, notice

_SIDE = 227
_GAP = 8
_BETWEEN = 40
_WORDS = 62
_ACROSS = 3
_FALL, _RISE = style.VERMILLION, style.BLUE
# A change of probability below this is not worth the full colour; the caption says so.
_LEAST = 0.1
_PALE = 0.55  # how far the grey picture under the map is washed out


@dataclass(frozen=True)
class Occluded:
    """A picture and what hiding its parts does.

    Attributes:
        picture: what the network saw, in RGB.
        answer: what it said of it.
        drops: how much the answer's probability falls when a square around each cell is hidden.
    """

    picture: Panel
    answer: Answer
    drops: Float[np.ndarray, "h w"]


def occlusion_page(
    cases: Sequence[Occluded], square: int, which: str = "", title: str = "What the answers rest on"
) -> Figure:
    """Each picture beside its map, with the answer and the lowest probability.

    Args:
        cases: the pictures.
        square: the side of the hidden square, in pixels of the picture.
        which: a sentence on how the pictures were chosen.
        title: the headline.
    """
    if not cases:
        return notice(title, "There are no pictures.")
    wide = min(_ACROSS, len(cases))
    rows = -(-len(cases) // wide)
    step_x, step_y = 2 * _SIDE + _GAP + _BETWEEN, _SIDE + _WORDS + _BETWEEN
    width = max(1000, 2 * style.MARGIN + wide * step_x - _BETWEEN)
    subtitle = f"how the answer's probability changes when a grey square of {square} x {square} pixels hides a part"
    caption = (
        "Orange: hiding what is here lowers the probability of the answer; blue: hiding it raises it. The deepest "
        "colour is each picture's own largest change, if that is above 10 points. The frame shows the square that "
        f"lowers it most. {which}"
    ).strip()
    top = heading_height(subtitle)
    below = top + rows * step_y - _BETWEEN
    sheet = Sheet(width, below + caption_height(caption, width) + style.MARGIN)
    sheet.heading(title, subtitle)
    for place, case in enumerate(cases):
        _draw(sheet, style.MARGIN + place % wide * step_x, top + place // wide * step_y, case, square)
    sheet.caption(below, caption)
    return sheet.figure


def _draw(sheet: Sheet, x: int, y: int, case: Occluded, square: int) -> None:
    drawn = fitted(case.picture, _SIDE)
    height = drawn.shape[0]
    sheet.picture(x, y, _framed(drawn, case, square))
    sheet.picture(x + _SIDE + _GAP, y, heat(drawn, case.drops))
    answer = case.answer
    colour = {True: style.RIGHT, False: style.WRONG, None: style.INK}[answer.is_right]
    sign = {True: "✓ ", False: "✗ ", None: ""}[answer.is_right]
    truth = f", is {answer.truth}" if answer.is_right is False else ""
    line = style.line_height(style.TEXT_SIZE)
    room = 2 * _SIDE + _GAP
    sheet.write(x, y + height + line, sign + answer.predicted + truth, colour=colour, bold=True, width=room)
    low = answer.probability - float(case.drops.max())
    least = f"; {100 * max(low, 0.0):.0f} % with the framed square hidden"
    text = f"{100 * answer.probability:.0f} %{least if case.drops.max() > 0 else ', whatever is hidden'}"
    sheet.write(x, y + height + 2 * line, text, colour=style.MUTED, width=room)


def heat(picture: Panel, drops: Float[np.ndarray, "h w"]) -> Panel:
    """The picture in pale grey under the map's colours; the more the probability changes, the deeper."""
    height, width = picture.shape[:2]
    known = np.where(np.isfinite(drops), drops, 0.0).astype(np.float32)
    smooth = np.asarray(Image.fromarray(known).resize((width, height), Image.Resampling.BILINEAR))
    depth = (smooth / max(_LEAST, float(np.abs(known).max()))).clip(-1, 1)[..., None]
    grey = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    pale = (255 - (255 - grey) * (1 - _PALE))[..., None].repeat(3, axis=2)
    tint = np.where(depth > 0, 255 * np.array(to_rgb(_FALL)), 255 * np.array(to_rgb(_RISE)))
    strength = 0.85 * np.abs(depth)
    mixed: UInt8[np.ndarray, "H W 3"] = np.round(pale * (1 - strength) + tint * strength).astype(np.uint8)
    return mixed


def _framed(drawn: Panel, case: Occluded, square: int) -> Panel:
    """The picture with a frame where the square lowers the probability most."""
    if not case.drops.max() > 0:
        return drawn
    framed = drawn.copy()
    row, column = np.unravel_index(int(case.drops.argmax()), case.drops.shape)
    steps = case.drops.shape
    scale = drawn.shape[0] / case.picture.shape[0]
    half = scale * square / 2
    ends = []
    for place, count, length in ((row, steps[0], drawn.shape[0]), (column, steps[1], drawn.shape[1])):
        centre = (int(place) + 0.5) * length / count
        ends.append((max(0, round(centre - half)), min(length, round(centre + half))))
    (top, bottom), (left, right) = ends
    for colour, inset in ((style.PAPER, 0), (style.INK, 2)):
        area = (slice(top + inset, bottom - inset), slice(left + inset, right - inset))
        inside = (slice(top + inset + 2, bottom - inset - 2), slice(left + inset + 2, right - inset - 2))
        kept = framed[inside].copy()
        framed[area] = rgb(colour)
        framed[inside] = kept
    return framed
