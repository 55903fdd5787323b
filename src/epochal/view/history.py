"""What a run's metric rows say: curves of finite points, and their story in a few words.

Rows may come from a run that was killed, that met numbers which are not finite, or that logs other fields: whatever is
missing or not a number is left out, and nothing here fails on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float64

ROUGH = 40  # training curves with more points than this are drawn with a running mean
_LARGEST = 1e100  # beyond it, sums and axis limits overflow


@dataclass(frozen=True)
class Curve:
    """One quantity over time, finite points only."""

    name: str
    x: Float64[np.ndarray, " n"]
    y: Float64[np.ndarray, " n"]
    colour: str
    is_dashed: bool = False
    is_training: bool = False

    def percent(self, is_error: bool) -> Curve:
        """Fractions as per cent; accuracy turned into error on demand."""
        return replace(self, y=100 * (1 - self.y if is_error else self.y))

    def where_positive(self) -> Curve:
        """The points that a logarithmic scale can show."""
        return replace(self, x=self.x[self.y > 0], y=self.y[self.y > 0])


def finite_number(value: Any) -> float | None:
    """A number that can be drawn, or None for anything else that a row may hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -_LARGEST < value < _LARGEST:
        return None
    return float(value)


def clock_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """What to measure time by: epochs where every row knows its epoch, else steps."""
    return "epoch" if all(finite_number(row.get("epoch")) is not None for row in rows) else "step"


def read_curve(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    clock: str,
    field: str,
    colour: str,
    is_dashed: bool = False,
    is_training: bool = False,
) -> Curve:
    """The points (clock, field) of the rows that have both, in the order of time."""
    pairs = [(finite_number(row.get(clock)), finite_number(row.get(field))) for row in rows]
    points = sorted((x, y) for x, y in pairs if x is not None and y is not None)
    x, y = np.array(points, dtype=np.float64).reshape(-1, 2).T
    return Curve(name, x, y, colour, is_dashed, is_training)


def running_mean(y: Float64[np.ndarray, " n"], window: int) -> Float64[np.ndarray, " n"]:
    """The mean of the `window` values around each one; near the ends, of those there are."""
    # Not by differences of a running total: after one huge value they would be noise.
    box = np.ones(min(window, len(y)))
    return np.asarray(np.convolve(y, box, "same") / np.convolve(np.ones_like(y), box, "same"))


def time_span(parts: Sequence[Float64[np.ndarray, " _"]]) -> tuple[float, float]:
    """The common range of time; a single moment gets some room."""
    every = np.concatenate(parts)
    if not len(every):
        return 0.0, 1.0
    low, high = min(0.0, float(every.min())), float(every.max())
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def summary(evaluations: Sequence[Mapping[str, Any]], clock: str) -> str:
    """The last and the best held-out accuracy in words."""
    marks = [(finite_number(row.get("top1")), finite_number(row.get(clock))) for row in evaluations]
    known = [(score, time) for score, time in marks if score is not None and time is not None]
    if not known:
        return "no evaluation yet"
    last, best = known[-1], max(known, key=lambda mark: mark[0])
    text = f"held-out top-1 {100 * last[0]:.1f} % at {clock} {last[1]:,.6g}"
    return text if best[0] <= last[0] else f"{text}, best {100 * best[0]:.1f} % at {clock} {best[1]:,.6g}"


def remarks(steps: Sequence[Mapping[str, Any]], curves: Sequence[Curve]) -> str:
    """What the reader must know: the smoothing, and where numbers stopped being finite."""
    parts = []
    if any(curve.is_training and len(curve.y) > ROUGH for curve in curves):
        parts.append("Pale: single training batches; bold: their running mean.")
    for row in steps:
        if "loss" in row and finite_number(row["loss"]) is None:
            parts.append(f"The training loss is not finite at step {row.get('step', '?')}.")
            break
    return " ".join(parts)
