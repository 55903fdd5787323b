"""Which words are kept, and which are drawn from the noise: in the papers' form and in word2vec.c's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int32, Int64, UInt32

# The size of word2vec.c's table of words for its noise, which is 400 megabytes; its bounds say the same.
TABLE_SIZE = 100_000_000


def kept(counts: Int64[np.ndarray, " V"], total: int, sample: float, *, source: bool) -> Float32[np.ndarray, " V"]:
    """The probability of each word to stay: sqrt(t / f) (P2 Equation 5), and t / f more in word2vec.c.

    Args:
        counts: how often each word occurs.
        total: how many words the text has.
        sample: t; 0 keeps all.
        source: as word2vec.c does it.
    """
    if sample == 0:
        return np.ones(len(counts), np.float32)
    ratio = sample * total / np.maximum(counts, 1)
    probability: Float32[np.ndarray, " V"] = np.minimum(np.sqrt(ratio) + ratio * source, 1.0).astype(np.float32)
    return probability


@dataclass(frozen=True)
class Noise:
    """The noise by Walker's alias method: a place drawn evenly, then its word or the one that stands in for it.

    Attributes:
        share: the probability of the place's own word, of 2 ** 32.
        other: the word that stands in for it.
    """

    share: UInt32[np.ndarray, " V"]
    other: Int32[np.ndarray, " V"]


def noise(counts: Int64[np.ndarray, " V"], power: float) -> Noise:
    """The noise that follows the counts to the power."""
    weights = counts.astype(np.float64) ** power
    left = (weights / weights.sum() * len(counts)).tolist()
    share, other = np.ones(len(counts)), np.arange(len(counts), dtype=np.int32)
    small = [place for place, part in enumerate(left) if part < 1]
    large = [place for place, part in enumerate(left) if part >= 1]
    while small and large:
        place, giver = small.pop(), large[-1]
        share[place], other[place] = left[place], giver
        left[giver] -= 1 - left[place]
        if left[giver] < 1:
            small.append(large.pop())
    return Noise(np.minimum(share * 2.0**32, 2.0**32 - 1).astype(np.uint32), other)


def table_ends(counts: Int64[np.ndarray, " V"], power: float, size: int = TABLE_SIZE) -> Int64[np.ndarray, " V"]:
    """Where each word's part of word2vec.c's table ends: entry `a` is of the first word whose end is above `a`.

    The table is filled one entry at a time, moving on by one word when the part filled is beyond the words' share: so
    every word has an entry at least, until the table is full, and its last word gets the rest.
    """
    weights = counts.astype(np.float64) ** power
    shares = np.cumsum(weights / weights.sum())
    # The first entry a with a / size > share, which is the word's last one.
    lasts = (np.floor(shares * size).astype(np.int64) + 1).tolist()
    ends, filled = [], 0
    for last in lasts:
        filled = min(max(last, filled) + 1, size)
        ends.append(filled)
    ends[-1] = size
    return np.array(ends, np.int64)
