"""Training on the CPU, compiled: sentences, windows, and the gradient of an example at once.

An example is an input vector h and some output rows, each with a label: 1 for a word that is there, 0 for one drawn
from the noise (negative sampling), or the turns on the way through the tree (hierarchical softmax). In skip-gram h is
the row of the centre word (Section 3 of the second paper), in CBOW the mean of the rows around it.

The fast way of skip-gram takes a window at once: the words around a centre are the inputs, as in word2vec.c, and the
centre and its negatives are outputs that all of them share. So 6 words with 5 negatives each are 36 products of 12 rows
that stay in the first cache, and not of 42 that do not. It matters which side shares: were the centre the input, one
vector would meet 5 negatives with six times the weight, and their chance would drown what rare words have to learn.
CBOW has one input for a centre: there eight centres, far apart in the text, share their negatives, which are more in
number and count for less each, so that there is less chance in the same sum; again rows in the first cache are used
several times. What is drawn is drawn ahead, and its rows are asked for.

Importing this imports numba, so it is imported at first use; the compiled code is kept on disk as long as this file is
as old: who changes gradient.py, rows.py or lanes.py must touch this one too.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec.gradient import added, learn, learn_window, learn_word
from epochal.landmarks.word2vec.lanes import LANES
from epochal.landmarks.word2vec.rows import add, add_around, ask_for, take, total

# More words around a centre than this are no window any more.
MOST_WINDOW = 100
MOST_OUTPUTS = 4096
# Centres of CBOW that share their words from the noise.
TOGETHER = 8
_ORDER = np.arange(TOGETHER, dtype=np.int32)

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
def part_of(around, root):
    """By what the sum of so many words around is multiplied."""
    return np.float32(1) / (np.sqrt(np.float32(around)) if root else np.float32(around))


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


@compiled
@no_type_check
def learn_stretch(
    tokens, rows, first, last, state, input, output, keep, share, other, tree_start, tree_nodes, tree_codes,
    window, negative, shared, cbow, root, rate, limit,
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
        shared: how many words from the noise a centre has, for all words around it, or so many centres of CBOW; 0: each
            word predicted gets its own.
        cbow: predict the centre from the mean of the words around it, not them from it.
        root: take their sum over the square root of their number instead of their mean.
        rate: the learning rate; 0 measures and changes nothing.
        limit: words in a sentence at most.
    """
    if cbow and shared > 0:
        return learn_cbow(
            tokens, rows, first, last, state, input, output, keep, share, other,
            window, negative, shared, root, rate, limit,
        )  # fmt: skip
    width = input.shape[1]
    sentence = np.empty(min(limit, last - first), np.int32)
    h, error = np.empty(width, np.float32), np.empty(width, np.float32)
    places, labels = np.empty(MOST_OUTPUTS, np.int32), np.empty(MOST_OUTPUTS, np.float32)
    scores, noise = np.empty(MOST_OUTPUTS, np.float32), np.empty(shared, np.int32)
    outputs, errors = np.empty(1 + shared, np.int32), np.empty((2 * window, width), np.float32)
    pairs = np.zeros(2 * window * (1 + shared) + LANES, np.float32)
    losses = np.zeros((2, 2))
    losses[0] = 1.0
    step = negative / max(shared, 1)
    predicted, place = 0, first
    draw_noise(noise, share, other, state, output)
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
            if shared > 0 and centre + 1 < length:
                ask_for(output, sentence[centre + 1], width)
                ask_for(input, sentence[min(centre + window + 1, length - 1)], width)
            if cbow:
                part = part_of(around, root)
                total(input, sentence, begin, end, centre, part, h)
                count = outputs_of(
                    word, tree_start, tree_nodes, tree_codes, negative, share, other, state, places, labels, 0
                )  # fmt: skip
                learn(h, error, output, places, labels, count, rate, scores, losses)
                predicted += 1
                if rate > np.float32(0):
                    add_around(input, sentence, begin, end, centre, part, error)
            elif shared > 0:
                count = 0
                for neighbour in range(begin, end):
                    if neighbour != centre:
                        places[count] = sentence[neighbour]
                        count += 1
                outputs[0] = word
                outputs[1:] = noise
                learn_window(input, output, places, count, outputs, 1 + shared, 1, errors, pairs, step, rate, losses)
                predicted += count
                draw_noise(noise, share, other, state, output)
            else:
                for neighbour in range(begin, end):
                    if neighbour != centre:
                        take(input, word, h)
                        count = outputs_of(
                            sentence[neighbour], tree_start, tree_nodes, tree_codes, negative, share, other, state,
                            places, labels, 0,
                        )  # fmt: skip
                        learn(h, error, output, places, labels, count, rate, scores, losses)
                        if rate > np.float32(0):
                            add(input, word, np.float32(1), error)
                predicted += around
    return added(losses, step), predicted
