"""Numbers as colours, with 0 always in the same place.

Values that are all positive (after a ReLU) run from black, which is 0, to bright; values of both signs run from blue
over white, which is 0, to red. A number that is not finite gets a colour that no value has.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib
import numpy as np
from jaxtyping import Float, UInt8

from epochal.core.fault import InputFault, printable
from epochal.view import style
from epochal.view.mosaic import rgb

_LARGEST_SQUARE = 48


def coloured(values: Float[np.ndarray, " *size"], low: float, high: float) -> UInt8[np.ndarray, "*size 3"]:
    """Values in colours, on a scale from `low` to `high`; the two-sided scale if `low` is negative."""
    finite = np.isfinite(values)
    position = (np.where(finite, values, low).astype(np.float64) - low) / (high - low)
    scale = matplotlib.colormaps[style.DIVERGING if low < 0 else style.SEQUENTIAL]
    pixels: UInt8[np.ndarray, "*size 3"] = scale(position.clip(0, 1), bytes=True)[..., :3].copy()
    pixels[~finite] = rgb(style.NOT_FINITE)
    return pixels


def common_limits(values: Float[np.ndarray, " *size"]) -> tuple[float, float]:
    """The ends of one scale for all the values, 0 in its place.

    One value in 200 may lie beyond and gets the end's colour, so that a few outliers do not darken everything else.
    """
    strength = np.abs(values[np.isfinite(values)].astype(np.float64))
    high = float(np.quantile(strength, 0.995)) if strength.size else 0.0
    high = high or (float(strength.max()) if strength.size else 0.0) or 1.0
    return (-high, high) if (values < 0).any() else (0.0, high)


def own_limits(values: Float[np.ndarray, " *size"], is_signed: bool) -> tuple[float, float]:
    """The smallest and the largest value; made symmetric on the two-sided scale, so that 0 is white."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if is_signed:
        largest = max(-low, high) or 1.0
        return -largest, largest
    return (low, high) if high > low else (0.0, high or 1.0)


def squares(
    values: Float[np.ndarray, " units"], low: float, high: float, width: int, height: int
) -> UInt8[np.ndarray, "h w 3"]:
    """A dense layer as a square for each unit, row by row, as large as `width` x `height` pixels allow."""
    count = len(values)
    side = min(_LARGEST_SQUARE, max(1, math.isqrt(width * height // count)))
    while side > 1 and -(-count // (width // side)) * side > height:
        side -= 1
    columns = min(count, width // side)
    cells = np.empty((-(-count // columns) * columns, 3), dtype=np.uint8)
    cells[:count], cells[count:] = coloured(values, low, high), rgb(style.PAPER)
    return cells.reshape(-1, columns, 3).repeat(side, axis=0).repeat(side, axis=1)


def strongest(maps: Float[np.ndarray, "C H W"], limit: int) -> list[int]:
    """The numbers of the maps with the largest mean magnitude, strongest first."""
    strength = np.abs(np.where(np.isfinite(maps), maps, 0.0)).mean(axis=(1, 2), dtype=np.float64)
    return [int(number) for number in np.argsort(-strength, kind="stable")[:limit]]


def plain(value: float) -> str:
    """A number in three digits, with a real minus sign."""
    return f"{value:.3g}".replace("-", "−")


def extent(output: Float[np.ndarray, " *size"], layer: str) -> str:
    """How large a layer's output is, in words.

    Raises:
        InputFault: it is neither [channels, height, width] nor [units].
    """
    if output.ndim == 1:
        return f"{output.size} units"
    if output.ndim == 3:
        return f"{len(output)} maps of {output.shape[1]} x {output.shape[2]}"
    raise InputFault(
        f"the output of {printable(layer)} has {output.ndim} dimensions",
        expected="[channels, height, width], or [units]",
        remedy="give the output for one picture, without the batch dimension",
    )


def counts(outputs: Sequence[Float[np.ndarray, " ..."]]) -> str:
    """How sparse the values are, and how many are no numbers, as sentences for a caption."""
    values = max(1, sum(output.size for output in outputs))
    zeros = sum(int(np.count_nonzero(output == 0)) for output in outputs)
    broken = sum(int(np.count_nonzero(~np.isfinite(output))) for output in outputs)
    text = f" {100 * zeros / values:.0f} % of the values are exactly 0." if zeros else ""
    return text + (f" {broken} values are not finite, shown in magenta." if broken else "")
