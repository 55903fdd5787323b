"""Training as word2vec.c does it, number by number: one output after another, each seeing the last one's change.

What differs from the papers: the word around a centre is the input and the centre the output; the sigmoid is read from
a table of 1000 and cut off at 6; a negative that is the target is skipped and not drawn again; CBOW gives each row the
full error of the mean; all chance comes from one congruential generator, of which the low bits choose too.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled

MAX_EXP = 6
TABLE = 1000
# word2vec.c divides whole numbers: 1000 / 6 / 2 is 83, so that the last 4 entries are never read.
_SCALE = np.float32(TABLE // MAX_EXP // 2)
_MULTIPLY, _ADD = np.uint64(25214903917), np.uint64(11)


def sigmoid_table() -> np.ndarray:
    """word2vec.c's `expTable`."""
    power = np.exp((np.arange(TABLE, dtype=np.float32) / np.float32(TABLE) * np.float32(2) - np.float32(1)) * MAX_EXP)
    table: np.ndarray = (power / (power + np.float32(1))).astype(np.float32)
    return table


@compiled
@no_type_check
def advance(state):
    """The generator's next number."""
    state[0] = state[0] * _MULTIPLY + _ADD
    return state[0]


@compiled
@no_type_check
def sentence_of(tokens, rows, keep, place, last, state, sentence):
    """Gather the words of the next sentence; a number is drawn for every word, whether it could be dropped or not."""
    length = 0
    while place < last and length < sentence.size:
        token = tokens[place]
        place += 1
        if token == 0:
            break
        row = rows[token]
        if row < 0:
            continue
        if keep.size > 0 and keep[row] < np.float32(advance(state) & np.uint64(0xFFFF)) / np.float32(65536):
            continue
        sentence[length] = row
        length += 1
    return length, place


@compiled
@no_type_check
def negative_word(ends, state):
    """A word of the table, which is not kept: the ends of the words' parts say the same."""
    number = advance(state)
    entry = np.int64((number >> np.uint64(16)) % np.uint64(ends[ends.size - 1]))
    target = np.searchsorted(ends, entry, side="right")
    return np.int64(number % np.uint64(ends.size - 1)) + 1 if target == 0 else target


@compiled
@no_type_check
def learn_one(h, error, output, row, label, rate, table, cut):
    """One output's update in the order of word2vec.c; return its loss, by the exact sigmoid."""
    f = np.float32(0)
    for d in range(h.size):
        f += h[d] * output[row, d]
    # -log of the probability of what is so, in a form that does not overflow.
    off = np.float64(-f if label == 1 else f)
    loss = max(off, 0.0) + math.log1p(math.exp(-abs(off)))
    if rate == np.float32(0):
        return loss
    if f > np.float32(MAX_EXP) or f < np.float32(-MAX_EXP) or (cut and abs(f) == np.float32(MAX_EXP)):
        if cut:  # hierarchical softmax does nothing there
            return loss
        p = np.float32(1) if f > np.float32(0) else np.float32(0)
    elif math.isnan(f):  # in C it would be a place far outside the table
        p = f
    else:
        p = table[np.int64((f + np.float32(MAX_EXP)) * _SCALE)]
    g = (np.float32(label) - p) * rate
    for d in range(h.size):
        error[d] += g * output[row, d]
    for d in range(h.size):
        output[row, d] += g * h[d]
    return loss


@compiled
@no_type_check
def learn_word(h, error, output, word, tree_start, tree_nodes, tree_codes, negative, ends, state, rate, table):
    """The target's outputs: its way through the tree, or itself and words of the table but for itself."""
    loss = 0.0
    if negative == 0:
        for step in range(tree_start[word], tree_start[word + 1]):
            label = 1 - tree_codes[step]
            loss += learn_one(h, error, output, tree_nodes[step], label, rate, table, True)
        return loss
    loss += learn_one(h, error, output, word, 1, rate, table, False)
    for _n in range(negative):
        target = negative_word(ends, state)
        if target != word:
            loss += learn_one(h, error, output, target, 0, rate, table, False)
    return loss


@compiled
@no_type_check
def learn_stretch(
    tokens, rows, first, last, state, input, output, keep, ends, tree_start, tree_nodes, tree_codes,
    window, negative, cbow, rate, limit, table,
):  # fmt: skip
    """Learn from a stretch of the text; return the loss and how many words were predicted.

    The arguments are those of `kernel.learn_stretch`, but for `ends`, where the words' parts of the table end, and
    `table`, the sigmoid's. An empty `keep` keeps all.
    """
    width = input.shape[1]
    sentence = np.empty(min(limit, last - first), np.int32)
    h, error = np.empty(width, np.float32), np.empty(width, np.float32)
    loss, predicted, place = 0.0, 0, first
    while place < last:
        length, place = sentence_of(tokens, rows, keep, place, last, state, sentence)
        for centre in range(length):
            reach = window - np.int64(advance(state) % np.uint64(window))
            begin, end = max(0, centre - reach), min(length, centre + reach + 1)
            word = sentence[centre]
            around = end - begin - 1
            if cbow and around > 0:
                h[:] = np.float32(0)
                error[:] = np.float32(0)
                for neighbour in range(begin, end):
                    if neighbour != centre:
                        row = sentence[neighbour]
                        for d in range(width):
                            h[d] += input[row, d]
                for d in range(width):
                    h[d] /= np.float32(around)
                loss += learn_word(
                    h, error, output, word, tree_start, tree_nodes, tree_codes, negative, ends, state, rate, table
                )
                predicted += 1
                for neighbour in range(begin, end):
                    if neighbour != centre and rate > np.float32(0):
                        row = sentence[neighbour]
                        for d in range(width):
                            input[row, d] += error[d]
            elif not cbow:
                for neighbour in range(begin, end):
                    if neighbour == centre:
                        continue
                    row = sentence[neighbour]
                    for d in range(width):
                        h[d] = input[row, d]
                    error[:] = np.float32(0)
                    loss += learn_word(
                        h, error, output, word, tree_start, tree_nodes, tree_codes, negative, ends, state, rate, table
                    )
                    predicted += 1
                    if rate > np.float32(0):
                        for d in range(width):
                            input[row, d] += error[d]
    return loss, predicted
