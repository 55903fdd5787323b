"""Training on the CPU, compiled: sentences, windows, and the gradient of an example at once.

An example is an input vector h and some output rows, each with a label: 1 for a word that is there, 0 for one drawn
from the noise (negative sampling), or the turns on the way through the tree (hierarchical softmax). In skip-gram h is
the row of the centre word (Section 3 of the second paper), in CBOW the mean of the rows around it.

The fast way of skip-gram takes a window at once: the words around a centre are the inputs, as in word2vec.c, and the
centre and its negatives are outputs that all of them share. So 6 words with 5 negatives each are 36 products of 12 rows
that stay in the first cache, and not of 42 that do not. It matters which side shares: were the centre the input, one
vector would meet 5 negatives with six times the weight, and their chance would drown what rare words have to learn.
CBOW has one input for a centre: there the negatives are shared by the centres that follow one another, and some are
drawn anew for each, so that a centre meets more of them, each with less weight, for the same sum with less chance in
it. What is drawn is drawn one centre ahead, and its rows are asked for.

Importing this imports numba, so it is imported at first use; the compiled code is kept on disk as long as this file is
as old: who changes gradient.py or lanes.py must touch this one too.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec.gradient import add, added, ask_for, learn, learn_window, take, total
from epochal.landmarks.word2vec.lanes import LANES

# More words around a centre than this are no window any more.
MOST_WINDOW = 100
MOST_OUTPUTS = 4096

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
def with_noise(noise, shared, places, labels, count):
    """Add the shared words from the noise to a word's outputs."""
    for n in range(shared):
        places[count + n], labels[count + n] = noise[n], np.float32(0)
    return count + shared


@compiled
@no_type_check
def learn_stretch(
    tokens, rows, first, last, state, input, output, keep, share, other, tree_start, tree_nodes, tree_codes,
    window, negative, shared, fresh, cbow, root, rate, limit,
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
        shared: how many of them a centre has, for all words around it; 0: each word predicted gets its own.
        fresh: how many of those are drawn anew for each centre, the oldest ones.
        cbow: predict the centre from the mean of the words around it, not them from it.
        root: take their sum over the square root of their number instead of their mean.
        rate: the learning rate; 0 measures and changes nothing.
        limit: words in a sentence at most.
    """
    width = input.shape[1]
    sentence = np.empty(min(limit, last - first), np.int32)
    h, error = np.empty(width, np.float32), np.empty(width, np.float32)
    places, labels = np.empty(MOST_OUTPUTS, np.int32), np.empty(MOST_OUTPUTS, np.float32)
    scores, noise = np.empty(MOST_OUTPUTS, np.float32), np.empty(max(shared, 1), np.int32)
    outputs, errors = np.empty(1 + shared, np.int32), np.empty((2 * window, width), np.float32)
    pairs = np.zeros(2 * window * (1 + shared) + LANES, np.float32)
    losses = np.zeros((2, 2))
    losses[0] = 1.0
    step = negative / max(shared, 1)
    predicted, place, oldest = 0, first, 0
    for n in range(shared):
        noise[n] = drawn_word(state, share, other)
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
            if not cbow and shared == 0:
                for neighbour in range(begin, end):
                    if neighbour != centre:
                        take(input, word, h)
                        count = outputs_of(
                            sentence[neighbour], tree_start, tree_nodes, tree_codes, negative, share, other, state,
                            places, labels, 0,
                        )  # fmt: skip
                        learn(h, error, output, places, labels, count, 1.0, rate, scores, losses, 0)
                        if rate > np.float32(0):
                            add(input, word, np.float32(1), error)
                predicted += around
                continue
            if cbow:
                part = np.float32(1) / (np.sqrt(np.float32(around)) if root else np.float32(around))
                total(input, sentence, begin, end, centre, part, h)
                if shared > 0:
                    places[0], labels[0] = word, np.float32(1)
                    count, slot = with_noise(noise, shared, places, labels, 1), 1
                else:
                    count, slot = outputs_of(
                        word, tree_start, tree_nodes, tree_codes, negative, share, other, state, places, labels, 0
                    ), 0  # fmt: skip
                weight = step if shared > 0 else 1.0
                learn(h, error, output, places, labels, count, weight, rate, scores, losses, slot)
                predicted += 1
                if rate > np.float32(0):
                    # The gradient by each of the rows: a part of the error, not all of it.
                    for neighbour in range(begin, end):
                        if neighbour != centre:
                            add(input, sentence[neighbour], part, error)
            else:
                count = 0
                for neighbour in range(begin, end):
                    if neighbour != centre:
                        places[count] = sentence[neighbour]
                        count += 1
                outputs[0] = word
                outputs[1 : 1 + shared] = noise
                learn_window(input, output, places, count, outputs, shared, errors, pairs, step, rate, losses)
                predicted += count
            if shared > 0:
                for _n in range(fresh):
                    noise[oldest] = drawn_word(state, share, other)
                    ask_for(output, noise[oldest], width)
                    oldest = oldest + 1 if oldest + 1 < shared else 0
                if centre + window + 1 < length:
                    ask_for(input, sentence[centre + window + 1], width)
                if centre + 1 < length:
                    ask_for(output, sentence[centre + 1], width)
    return added(losses, step), predicted
