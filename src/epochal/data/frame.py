"""How a picture of any size becomes a square one: which part of it is taken.

A frame only chooses a box in the upright picture; what is in the box is then resampled to `size` x `size`. So a frame
costs nothing, knows nothing about files, and lets a decoder skip what the box does not need. Chance comes in as
numbers, which makes the crop of a sample a function of (seed, epoch, index) and of nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

from epochal.core.fault import InputFault

Box = tuple[int, int, int, int]

_LARGEST = 4096


@runtime_checkable
class Frame(Protocol):
    """Chooses the part of a picture to look at."""

    @property
    def size(self) -> int:
        """The side of the square that results, in pixels."""
        ...

    @property
    def draws(self) -> int:
        """How many uniform numbers `box` needs; none for a frame without chance."""
        ...

    def box(self, width: int, height: int, draws: Sequence[float], /) -> Box:
        """The part to take of a picture of that size: left, top, right, bottom in pixels."""
        ...


@dataclass(frozen=True)
class CentreSquare:
    """The central square, as large as the picture allows.

    AlexNet (Section 2): "rescaled the image such that the shorter side was of length 256, and then cropped out the
    central 256 x 256 patch". Taking the square first and rescaling it is the same up to the rounding of the longer
    side, and never touches the pixels that would be thrown away.

    Raises:
        InputFault: the size is not between 1 and 4096.
    """

    size: int
    draws: ClassVar[int] = 0

    def __post_init__(self) -> None:
        _check_size(self.size)

    def box(self, width: int, height: int, draws: Sequence[float] = (), /) -> Box:
        """The central square; an odd remainder goes to the right and the bottom, so no pixel is split."""
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return (left, top, left + side, top + side)


@dataclass(frozen=True)
class RandomResizedCrop:
    """A random part of random area and shape, the crop of GoogLeNet (Szegedy et al. 2014, Section 6).

    The distribution is torchvision's: area and logarithm of the aspect ratio are uniform, ten attempts, then the
    largest central part whose shape is allowed.

    Args:
        size: the side of the result in pixels.
        area: the smallest and largest fraction of the picture's area.
        aspect: the smallest and largest width divided by height.

    Raises:
        InputFault: the size, area or aspect is out of range.
    """

    size: int
    area: tuple[float, float] = (0.08, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    attempts: ClassVar[int] = 10
    draws: ClassVar[int] = 2 * attempts + 2

    def __post_init__(self) -> None:
        _check_size(self.size)
        if not 0 < self.area[0] <= self.area[1] <= 1:
            raise InputFault(f"a crop cannot have the area {self.area}", expected="0 < smallest <= largest <= 1")
        if not 0 < self.aspect[0] <= self.aspect[1] < math.inf:
            raise InputFault(f"a crop cannot have the aspect {self.aspect}", expected="0 < smallest <= largest")

    def box(self, width: int, height: int, draws: Sequence[float], /) -> Box:
        """The part that the numbers in [0, 1) choose; its corners are whole pixels."""
        log_low, log_high = math.log(self.aspect[0]), math.log(self.aspect[1])
        for attempt in range(self.attempts):
            area = width * height * (self.area[0] + draws[2 * attempt] * (self.area[1] - self.area[0]))
            aspect = math.exp(log_low + draws[2 * attempt + 1] * (log_high - log_low))
            w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < w <= width and 0 < h <= height:
                left, top = int(draws[-2] * (width - w + 1)), int(draws[-1] * (height - h + 1))
                return (left, top, left + w, top + h)
        return self._largest(width, height)

    def _largest(self, width: int, height: int) -> Box:
        """The largest central part with an allowed aspect ratio."""
        w = min(width, max(1, round(height * self.aspect[1])))
        h = min(height, max(1, round(width / self.aspect[0])))
        left, top = (width - w) // 2, (height - h) // 2
        return (left, top, left + w, top + h)


def _check_size(size: int) -> None:
    if not 1 <= size <= _LARGEST:
        raise InputFault(f"a picture cannot be framed to {size} pixels", expected=f"1 to {_LARGEST}")
