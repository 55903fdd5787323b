"""Training on the CPU, compiled: sentences, windows, and the gradient of an example at once.

An example is an input vector h and some output rows, each with a label: 1 for a word that is there, 0 for one drawn
from the noise (negative sampling), or the turns on the way through the tree (hierarchical softmax). In skip-gram h is
the row of the centre word (Section 3 of the second paper), in CBOW the mean of the rows around it.

The fast way takes all words around a centre as one example: they share its negatives, each of which then counts as
often as there are words. So 6 words with 5 negatives each are 11 products with one vector that stays in the first
cache, and not 36 of two that do not.

Importing this imports numba, so it is imported at first use; the compiled code is kept on disk.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, no_type_check

import numba
import numpy as np

# More words around a centre than this are no window any more.
MOST_WINDOW = 100
MOST_OUTPUTS = 4096
# Rows are as wide as whole lines of the cache, so that every loop runs over whole vector registers.
LANES = 16

_MULTIPLY, _ADD = np.uint64(6364136223846793005), np.uint64(1442695040888963407)  # Knuth's MMIX
_THIRTY_TWO = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_LOG2_E = np.float32(1.44269504)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile for the processor at hand at the first call, and keep the result on disk where that is possible."""
    # Sums may be reordered, for the sake of vector registers: so nothing may rely on how a sum is rounded.
    options: dict[str, Any] = {
        "nogil": True,
        "fastmath": {"reassoc", "contract", "arcp", "nsz"},
        "error_model": "numpy",
        "boundscheck": False,
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        return numba.njit(**options)(function)


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
def sigmoid(x):
    """1 / (1 + exp(-x)) in float32, exact to some 1e-6 of it down to 1e-36; in vector registers within a loop."""
    t = -x * _LOG2_E
    # In this form NaN stays NaN.
    t = np.float32(120) if t > np.float32(120) else t
    t = np.float32(-120) if t < np.float32(-120) else t
    whole = np.float32(np.floor(t))
    f = t - whole  # in [0, 1), for which the polynomial was made
    p = np.float32(1.8775767e-3)
    p = p * f + np.float32(8.9893397e-3)
    p = p * f + np.float32(5.5826318e-2)
    p = p * f + np.float32(2.4015361e-1)
    p = p * f + np.float32(6.9315308e-1)
    p = p * f + np.float32(9.9999994e-1)
    power = np.int32((np.int32(whole) + np.int32(127)) << np.int32(23)).view(np.float32)
    return np.float32(1) / (np.float32(1) + p * power)


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


@compiled
@no_type_check
def learn(h, error, output, places, labels, count, weight, rate, scores):
    """The example's gradient at once: change the output rows, leave the input's change in `error`; return the loss.

    Args:
        h: the input vector.
        error: filled with the rate times the loss's downhill gradient by h.
        output: the output matrix.
        places: the rows of it that the example has.
        labels: 1 for a word that is there, 0 for one that is not.
        count: how many rows.
        weight: how much a row with label 0 counts.
        rate: the learning rate; 0 measures and changes nothing.
        scores: room for a number for each row.
    """
    width = h.size
    # Four rows at a time, so that h and the error are read once for four; the last ones are filled up and weigh
    # nothing.
    rounded = (count + 3) // 4 * 4
    for o in range(count, rounded):
        places[o] = places[0]
    for o in range(0, rounded, 4):
        a, b, c, e = places[o], places[o + 1], places[o + 2], places[o + 3]
        score_a, score_b, score_c, score_e = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
        for d in range(width):
            score_a += h[d] * output[a, d]
            score_b += h[d] * output[b, d]
            score_c += h[d] * output[c, d]
            score_e += h[d] * output[e, d]
        scores[o], scores[o + 1], scores[o + 2], scores[o + 3] = score_a, score_b, score_c, score_e
    # The probability of what is so: of a word to be there, or not to be. 1 minus a rounded one would be 0 too soon.
    for o in range(count):
        scores[o] = sigmoid(scores[o] if labels[o] > np.float32(0) else -scores[o])
    there, absent, loss = 1.0, 1.0, 0.0
    for o in range(count):
        if labels[o] > np.float32(0):
            there *= np.float64(scores[o])
        else:
            absent *= np.float64(scores[o])
        # Logarithms are dear: one for many factors, before their product is too small for float64.
        if there < 1e-200:
            loss -= math.log(there)
            there = 1.0
        if absent < 1e-200:
            loss -= weight * math.log(absent)
            absent = 1.0
    loss -= math.log(there) + weight * math.log(absent)
    if rate == np.float32(0):
        return loss
    for o in range(count):
        far = (np.float32(1) - scores[o]) * rate
        scores[o] = far if labels[o] > np.float32(0) else -far * np.float32(weight)
    for o in range(count, rounded):
        scores[o] = np.float32(0)
    for d in range(width):
        error[d] = np.float32(0)
    for o in range(0, rounded, 4):
        a, b, c, e = places[o], places[o + 1], places[o + 2], places[o + 3]
        g_a, g_b, g_c, g_e = scores[o], scores[o + 1], scores[o + 2], scores[o + 3]
        for d in range(width):
            error[d] += g_a * output[a, d] + g_b * output[b, d] + g_c * output[c, d] + g_e * output[e, d]
    # Only now, as a row may stand here twice.
    for o in range(count):
        row, g = places[o], scores[o]
        for d in range(width):
            output[row, d] += g * h[d]
    return loss


@compiled
@no_type_check
def outputs_of(word, tree_start, tree_nodes, tree_codes, negative, share, other, state, places, labels, count):
    """Add a word's outputs: its way through the tree, or itself and so many words from the noise."""
    if negative == 0:
        for step in range(tree_start[word], tree_start[word + 1]):
            places[count] = tree_nodes[step]
            labels[count] = np.float32(1 - tree_codes[step])
            count += 1
        return count
    places[count] = word
    labels[count] = np.float32(1)
    for n in range(1, negative + 1):
        places[count + n] = drawn_word(state, share, other)
        labels[count + n] = np.float32(0)
    return count + negative + 1


@compiled
@no_type_check
def learn_stretch(
    tokens, rows, first, last, state, input, output, keep, share, other, tree_start, tree_nodes, tree_codes,
    window, negative, shared, cbow, rate, limit,
):  # fmt: skip
    """Learn from a stretch of the text; return the loss and how many words were predicted.

    Args:
        tokens: the numbered text.
        rows: the row of each type; -1 for one that is not in the vocabulary.
        first: where the stretch begins.
        last: where it ends.
        state: the generator, one number.
        input: a row for each word: the vectors that are kept.
        output: a row for each word, or for each inner node of the tree.
        keep: the probability of each word to be kept.
        share: the alias method's probability of each word, of 2 ** 32.
        other: the word that stands in for it.
        tree_start: where each word's way through the tree begins.
        tree_nodes: the inner nodes on the ways.
        tree_codes: the turns taken there.
        window: the largest distance.
        negative: words from the noise for each word predicted; 0: hierarchical softmax.
        shared: how many of them are drawn for a centre, for all words around it; 0: each gets its own.
        cbow: predict the centre from the mean of the words around it, not them from it.
        rate: the learning rate; 0 measures and changes nothing.
        limit: words in a sentence at most.
    """
    width = input.shape[1]
    sentence = np.empty(min(limit, last - first), np.int32)
    h, error = np.empty(width, np.float32), np.empty(width, np.float32)
    places, labels = np.empty(MOST_OUTPUTS, np.int32), np.empty(MOST_OUTPUTS, np.float32)
    scores = np.empty(MOST_OUTPUTS, np.float32)
    loss, predicted, place = 0.0, 0, first
    while place < last:
        length, place = next_sentence(tokens, rows, keep, place, last, state, sentence)
        for centre in range(length):
            reach, _ = drawn(state, window)
            reach += 1
            begin, end = max(0, centre - reach), min(length, centre + reach + 1)
            around = end - begin - 1
            if around == 0:
                continue
            word = sentence[centre]
            if cbow:
                for d in range(width):
                    h[d] = np.float32(0)
                for neighbour in range(begin, end):
                    if neighbour != centre:
                        row = sentence[neighbour]
                        for d in range(width):
                            h[d] += input[row, d]
                part = np.float32(1) / np.float32(around)
                for d in range(width):
                    h[d] *= part
                count = outputs_of(
                    word, tree_start, tree_nodes, tree_codes, negative, share, other, state, places, labels, 0
                )
                loss += learn(h, error, output, places, labels, count, 1.0, rate, scores)
                predicted += 1
                if rate > np.float32(0):
                    # The mean's gradient by each of its rows: a part of the error, not all of it.
                    for neighbour in range(begin, end):
                        if neighbour != centre:
                            row = sentence[neighbour]
                            for d in range(width):
                                input[row, d] += part * error[d]
                continue
            predicted += around
            if shared > 0:
                for d in range(width):
                    h[d] = input[word, d]
                count = 0
                for neighbour in range(begin, end):
                    if neighbour != centre:
                        places[count] = sentence[neighbour]
                        labels[count] = np.float32(1)
                        count += 1
                for _n in range(shared):
                    places[count] = drawn_word(state, share, other)
                    labels[count] = np.float32(0)
                    count += 1
                weight = around * negative / shared
                loss += learn(h, error, output, places, labels, count, weight, rate, scores)
                if rate > np.float32(0):
                    for d in range(width):
                        input[word, d] += error[d]
                continue
            for neighbour in range(begin, end):
                if neighbour == centre:
                    continue
                for d in range(width):
                    h[d] = input[word, d]
                count = outputs_of(
                    sentence[neighbour], tree_start, tree_nodes, tree_codes, negative, share, other, state, places,
                    labels, 0,
                )  # fmt: skip
                loss += learn(h, error, output, places, labels, count, 1.0, rate, scores)
                if rate > np.float32(0):
                    for d in range(width):
                        input[word, d] += error[d]
    return loss, predicted
