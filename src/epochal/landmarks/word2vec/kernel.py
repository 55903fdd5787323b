"""Training on the CPU, compiled: sentences, windows, and the gradient of an example at once.

An example is an input vector h and some output rows, each with a label: 1 for a word that is there, 0 for one drawn
from the noise (negative sampling), or the turns on the way through the tree (hierarchical softmax). In skip-gram h is
the row of the centre word (Section 3 of the second paper), in CBOW the mean of the rows around it.

The fast way of skip-gram takes a window at once: the words around a centre are the inputs, as in word2vec.c, and the
centre and its negatives are outputs that all of them share. So 6 words with 5 negatives each are 36 products of 12 rows
that stay in the first cache, and not of 42 that do not. It matters which side shares: were the centre the input, one
vector would meet 5 negatives with six times the weight, and their chance would drown what rare words have to learn.
The fast way of CBOW is cbow_kernel.py. What is drawn is drawn one centre ahead, and its rows are asked for.

Importing this imports numba, so it is imported at first use; the compiled code is kept on disk.
"""

from __future__ import annotations

from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec.cbow_kernel import learn_cbow, part_of
from epochal.landmarks.word2vec.drawing import draw_noise, drawn, drawn_word, next_sentence
from epochal.landmarks.word2vec.gradient import added, learn, learn_window
from epochal.landmarks.word2vec.lanes import LANES
from epochal.landmarks.word2vec.rows import add, add_around, ask_for, take, total

# Outputs of an example at most: a way through the tree, or a word and its negatives.
MOST_OUTPUTS = 4096

# What is kept on disk is thrown away when this file changes, but not when those do whose loops are compiled into these.
# So who changes one of them puts the number here that a test asks for.
COMPILED_IN = "b83877ecae1f"


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
