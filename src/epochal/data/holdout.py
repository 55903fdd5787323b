"""Holding out a part of data that comes without a test split: a function of the order, with no chance in it."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

EVERY = 5


def held_out_part(labels: Int64[np.ndarray, " N"], every: int = EVERY) -> Bool[np.ndarray, " N"]:
    """True where a picture is held out: every fifth of its class in the order given.

    A class with fewer than `every` pictures gives its last one, and a class with a single picture gives none: a class
    that is never learned from could not be measured fairly.
    """
    part = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        chosen = places[every - 1 :: every]
        part[chosen if len(chosen) else places[1:][-1:]] = True
    return part
