"""CBOW with shared negatives on the CPU, compiled.

A centre has one input, the words around it put together, so negatives cannot be shared within its window. Here eight
centres share theirs, which are more in number and count for less each, so that there is less chance in the same sum;
and rows in the first cache are used several times. They are far apart in the text: centres next to each other have
nearly the same words around, and the same noise would push these the same way several times.

Importing this imports numba, so it is imported at first use.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec.drawing import draw_noise, drawn, next_sentence
from epochal.landmarks.word2vec.gradient import added, learn_window, learn_word
from epochal.landmarks.word2vec.lanes import LANES
from epochal.landmarks.word2vec.rows import add, add_around, ask_for, total

# Centres that share their words from the noise.
TOGETHER = 8
_ORDER = np.arange(TOGETHER, dtype=np.int32)


@compiled
@no_type_check
def part_of(around, root):
    """By what the sum of so many words around is multiplied."""
    return np.float32(1) / (np.sqrt(np.float32(around)) if root else np.float32(around))


@compiled
@no_type_check
def learn_block(input, output, words, bounds, parts, middles, held, noise, rate, step, errors, scores, losses):
    """CBOW: learn from a few centres that share their words from the noise.

    Args:
        input: the vectors that are kept.
        output: the other vectors.
        words: the rows of the words of the text.
        bounds: of each centre, where its window begins and ends, and where it is itself.
        parts: by what the sum of the words around each is multiplied.
        middles: the product, a row for each centre.
        held: how many centres there are.
        noise: the rows of the words from the noise.
        rate: the learning rate; 0 measures and changes nothing.
        step: how much each word from the noise counts.
        errors: room for two rows for each centre.
        scores: room for a number for each pair, a multiple of 16.
        losses: takes up the loss: see `added`.
    """
    for c in range(held):
        learn_word(middles, c, output, words[bounds[c, 2]], errors[TOGETHER + c], rate, losses)
    learn_window(middles, output, _ORDER, held, noise, noise.size, 0, errors, scores, step, rate, losses)
    if rate > np.float32(0):
        # The gradient by each of the rows: a part of the error, not all of it.
        for c in range(held):
            add(errors, c, np.float32(1), errors[TOGETHER + c])
            add_around(input, words, bounds[c, 0], bounds[c, 1], bounds[c, 2], parts[c], errors[c])


@compiled
@no_type_check
def learn_cbow(
    tokens, rows, first, last, state, input, output, keep, share, other, window, negative, shared, root, rate, limit
):
    """Learn CBOW with shared negatives from a stretch of the text; the arguments are those of `learn_stretch`.

    The centres that share are far apart: those next to each other have nearly the same words around, so that the same
    noise would push them the same way several times.
    """
    width = input.shape[1]
    sentence, words = np.empty(min(limit, last - first), np.int32), np.empty(last - first, np.int32)
    sides = np.empty((last - first, 2), np.int64)
    noise, errors = np.empty(shared, np.int32), np.empty((2 * TOGETHER, width), np.float32)
    pairs = np.zeros(TOGETHER * shared + LANES, np.float32)
    bounds, parts = np.empty((TOGETHER, 3), np.int64), np.empty(TOGETHER, np.float32)
    middles = np.empty((TOGETHER, width), np.float32)
    losses = np.zeros((2, 2))
    losses[0] = 1.0
    step = negative / shared
    predicted, place, count = 0, first, 0
    while place < last:
        length, place = next_sentence(tokens, rows, keep, place, last, state, sentence)
        words[count : count + length] = sentence[:length]
        sides[count : count + length, 0], sides[count : count + length, 1] = count, count + length
        count += length
    apart = (count + TOGETHER - 1) // TOGETHER
    draw_noise(noise, share, other, state, output)
    for i in range(apart):
        held = 0
        for centre in range(i, count, apart):
            ask_for(input, words[min(centre + window + 1, count - 1)], width)
            ask_for(output, words[min(centre + 1, count - 1)], width)
            reach, _ = drawn(state, window)
            reach += 1
            begin, end = max(sides[centre, 0], centre - reach), min(sides[centre, 1], centre + reach + 1)
            if end - begin > 1:
                parts[held] = part_of(end - begin - 1, root)
                bounds[held, 0], bounds[held, 1], bounds[held, 2] = begin, end, centre
                total(input, words, begin, end, centre, parts[held], middles[held])
                held += 1
        if held > 0:
            learn_block(input, output, words, bounds, parts, middles, held, noise, rate, step, errors, pairs, losses)
            draw_noise(noise, share, other, state, output)
            predicted += held
    return added(losses, step), predicted
