"""Where names go beside points, so that they cover neither each other nor what is drawn."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float

from epochal.view import style
from epochal.view.lettering import width_of

# Across and down, in pixels from the top left corner of the page: a place, or a direction of length 1.
Place = tuple[float, float]
# Left, top, right and bottom.
Box = tuple[style.Pixels, style.Pixels, style.Pixels, style.Pixels]

UP: Place = (0.0, -1.0)
_GAPS = (7, 20, 34, 50, 66)  # pixels between a point and its name, the best first
_POINT = 4  # pixels around a point that names keep free
_WAYS = tuple((float(np.cos(turn)), float(np.sin(turn))) for turn in np.arange(16) * np.pi / 8)


class Labelling:
    """The names of a picture's points, placed one after another; the earlier ones choose first.

    Args:
        drawn: places that no name may cover.
        within: what no name may leave.
    """

    def __init__(self, drawn: Float[np.ndarray, "N 2"], within: Box) -> None:
        self._drawn, self._within = drawn, within
        self._names: list[Box] = []

    def place(self, point: Place, name: str, towards: Place = UP) -> Box | None:
        """The first free place beside a point: near it, then in about the direction asked for; None: there is none."""
        free = (box for box in _beside(point, name, towards) if not self._covered(box))
        box = next(free, None)
        if box is not None:
            self._names.append(box)
        return box

    def place_anyway(self, point: Place, name: str, towards: Place = UP) -> Box:
        """A free place beside a point, or else that in the direction asked for, moved so far that it is on the page."""
        free = self.place(point, name, towards)
        if free is not None:
            return free
        left, top, right, bottom = next(_beside(point, name, towards))
        across = max(self._within[0] - left, 0) or min(self._within[2] - right, 0)
        down = max(self._within[1] - top, 0) or min(self._within[3] - bottom, 0)
        self._names.append((left + across, top + down, right + across, bottom + down))
        return self._names[-1]

    def _covered(self, box: Box) -> bool:
        if not (self._within[0] <= box[0] and self._within[1] <= box[1]):
            return True
        if not (box[2] <= self._within[2] and box[3] <= self._within[3]):
            return True
        x, y = self._drawn.T
        near = (box[0] - _POINT < x) & (x < box[2] + _POINT) & (box[1] - _POINT < y) & (y < box[3] + _POINT)
        return bool(near.any()) or any(overlap(box, other) for other in self._names)


def _beside(point: Place, name: str, towards: Place) -> Iterator[Box]:
    half, tall = width_of(name, style.TEXT_SIZE) / 2 + 3, style.line_height(style.TEXT_SIZE) / 2
    ways = sorted(_WAYS, key=lambda way: -(way[0] * towards[0] + way[1] * towards[1]))
    for gap in _GAPS:
        for across, down in ways:
            x, y = point[0] + across * (half + gap), point[1] + down * (tall + gap)
            yield x - half, y - tall, x + half, y + tall


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share a place."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def baseline(box: Box) -> Place:
    """The middle of a name's box and its baseline, where `Sheet.write` wants them."""
    return (box[0] + box[2]) / 2, box[3] - 0.3 * (box[3] - box[1])


def leader(point: Place, box: Box) -> Place | None:
    """Where a line from a point to its name ends; None: the name is next to it."""
    end = min(max(point[0], box[0]), box[2]), min(max(point[1], box[1]), box[3])
    return end if np.hypot(end[0] - point[0], end[1] - point[1]) > 1.5 * _GAPS[0] else None


def away(start: Place, end: Place) -> Place:
    """The direction from one place to another; upwards where they are the same."""
    across, down = end[0] - start[0], end[1] - start[1]
    length = float(np.hypot(across, down))
    return (across / length, down / length) if length else UP
