"""What a table of confusions says: how much of each class is found, and which classes are taken for which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64


@dataclass(frozen=True)
class Pair:
    """One class taken for another.

    Attributes:
        truth: the class.
        said: what it was taken for.
        count: how often.
        share: of the pictures of that class.
    """

    truth: int
    said: int
    count: int
    share: float


def recalls(counts: Int64[np.ndarray, "K K"]) -> Float64[np.ndarray, " K"]:
    """The share of each class that is recognised; NaN for a class without pictures.

    Args:
        counts: rows are the truth, columns what was said.
    """
    totals = counts.sum(1)
    none = np.full(len(counts), np.nan)
    return np.asarray(np.divide(np.diag(counts), totals, out=none, where=totals > 0))


def most_confused(counts: Int64[np.ndarray, "K K"], most: int) -> list[Pair]:
    """The pairs of classes that are confused most often, most frequent first; at most `most`.

    Args:
        counts: rows are the truth, columns what was said.
        most: how many pairs to name; pairs that never occur are not named.
    """
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    totals = counts.sum(1)
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    pairs = [divmod(int(place), len(counts)) for place in order if wrong.flat[place] > 0]
    return [Pair(t, s, int(wrong[t, s]), float(wrong[t, s] / totals[t])) for t, s in pairs]
