"""Rows of the matrices: taken, added up, added to, asked for.

Importing this imports numba, so it is imported at first use.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec.lanes import LANES, fetch, load, load_row, spread, store, store_row, times_plus


@compiled
@no_type_check
def take(matrix, row, h):
    """Copy a row."""
    for d in range(0, h.size, LANES):
        store(h, d, load_row(matrix, row, d))


@compiled
@no_type_check
def add(matrix, row, part, change):
    """Add a part of a change to a row."""
    weight = spread(part)
    for d in range(0, change.size, LANES):
        store_row(matrix, row, d, times_plus(weight, load(change, d), load_row(matrix, row, d)))


@compiled
@no_type_check
def add_around(matrix, sentence, begin, end, centre, part, change):
    """Add a part of a change to the rows of the words around a centre."""
    for neighbour in range(begin, end):
        if neighbour != centre:
            add(matrix, sentence[neighbour], part, change)


@compiled
@no_type_check
def total(matrix, sentence, begin, end, centre, part, h):
    """Fill h with a part of the sum of the rows of the words around a centre."""
    one, zero = spread(np.float32(1)), spread(np.float32(0))
    for d in range(0, h.size, LANES):
        rows = zero
        for neighbour in range(begin, end):
            if neighbour != centre:
                rows = times_plus(one, load_row(matrix, sentence[neighbour], d), rows)
        store(h, d, times_plus(spread(part), rows, zero))


@compiled
@no_type_check
def ask_for(matrix, row, width):
    """Ask for a row ahead of time."""
    for d in range(0, width, LANES):
        fetch(matrix, row, d)
