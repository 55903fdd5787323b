"""What is drawn in a training: numbers, words from the noise, and which words of a sentence subsampling keeps.

Importing this imports numba, so it is imported at first use.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec.rows import ask_for

_MULTIPLY, _ADD = np.uint64(6364136223846793005), np.uint64(1442695040888963407)  # Knuth's MMIX
_THIRTY_TWO = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@compiled
@no_type_check
def drawn(state, bound):
    """The next number below `bound`, which is below 2 ** 32; and what is left of it, as a fraction of 2 ** 32."""
    state[0] = state[0] * _MULTIPLY + _ADD
    product = (state[0] >> _THIRTY_TWO) * np.uint64(bound)
    return np.int64(product >> _THIRTY_TWO), product & _LOW


@compiled
@no_type_check
def drawn_word(state, share, other):
    """A word from the noise, by Walker's alias method."""
    place, rest = drawn(state, share.size)
    return place if rest < share[place] else np.int64(other[place])


@compiled
@no_type_check
def draw_noise(noise, share, other, state, output):
    """Draw all words from the noise anew, and ask for their rows."""
    for n in range(noise.size):
        noise[n] = drawn_word(state, share, other)
        ask_for(output, noise[n], output.shape[1])


@compiled
@no_type_check
def next_sentence(tokens, rows, keep, place, last, state, sentence):
    """Gather the words of the next sentence that subsampling keeps; return how many, and where the next one begins."""
    length = 0
    while place < last and length < sentence.size:
        token = tokens[place]
        place += 1
        if token == 0:
            break
        row = rows[token]
        if row < 0:
            continue
        if keep[row] < np.float32(1):
            _, rest = drawn(state, 1)
            if np.float32(rest) >= keep[row] * np.float32(4294967296.0):
                continue
        sentence[length] = row
        length += 1
    return length, place
