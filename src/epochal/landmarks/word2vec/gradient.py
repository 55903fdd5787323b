"""The gradient of an example, and of a whole window, on rows of two matrices; and the loss that goes with it.

Importing this imports numba, so it is imported at first use.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec.lanes import LANES, load, load_row, spread, store, store_row, summed, times_plus

_LOG2_E = np.float32(1.44269504)


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
def lose(probability, losses, column):
    """Take up a loss. Logarithms are dear: there is one for many factors, before their product is too small."""
    losses[0, column] *= np.float64(probability)
    if losses[0, column] < 1e-200:
        losses[1, column] -= math.log(losses[0, column])
        losses[0, column] = 1.0


@compiled
@no_type_check
def learn(h, error, output, places, labels, count, rate, scores, losses):
    """The example's gradient at once: change the output rows, leave the input's change in `error`.

    All arrays of outputs have room for a multiple of 16.

    Args:
        h: the input vector.
        error: filled with the rate times the loss's downhill gradient by h.
        output: the output matrix.
        places: the rows of it that the example has.
        labels: 1 for a word that is there, 0 for one that is not.
        count: how many rows.
        rate: the learning rate; 0 measures and changes nothing.
        scores: room for a number for each row.
        losses: takes up the loss, in the first column: see `added`.
    """
    zero = spread(np.float32(0))
    for o in range(count, (count + LANES - 1) // LANES * LANES):
        places[o], labels[o] = places[0], np.float32(1)
    # Four rows at a time, so that h is read once for four.
    for o in range(0, count, 4):
        a, b, c, e = places[o], places[o + 1], places[o + 2], places[o + 3]
        sum_a, sum_b, sum_c, sum_e = zero, zero, zero, zero
        for d in range(0, h.size, LANES):
            x = load(h, d)
            sum_a = times_plus(x, load_row(output, a, d), sum_a)
            sum_b = times_plus(x, load_row(output, b, d), sum_b)
            sum_c = times_plus(x, load_row(output, c, d), sum_c)
            sum_e = times_plus(x, load_row(output, e, d), sum_e)
        scores[o], scores[o + 1], scores[o + 2], scores[o + 3] = (
            summed(sum_a),
            summed(sum_b),
            summed(sum_c),
            summed(sum_e),
        )
    # The probability of what is so: of a word to be there, or not to be. 1 minus a rounded one would be 0 too soon.
    for begin in range(0, count, LANES):
        for o in range(begin, begin + LANES):
            scores[o] = sigmoid(scores[o] if labels[o] > np.float32(0) else -scores[o])
    for o in range(count):
        lose(scores[o], losses, 0)
    if rate == np.float32(0):
        return
    for begin in range(0, count, LANES):
        for o in range(begin, begin + LANES):
            scores[o] = (np.float32(1) - scores[o]) * (rate if labels[o] > np.float32(0) else -rate)
    # A row that stands here twice gets both changes at its first place: all are made from the rows as they were.
    for o in range(1, count):
        for before in range(o):
            if places[before] == places[o]:
                scores[before] += scores[o]
                scores[o] = np.float32(0)
                break
    for d in range(0, h.size, LANES):
        x, changed = load(h, d), zero
        for o in range(count):
            g, row = spread(scores[o]), load_row(output, places[o], d)
            changed = times_plus(g, row, changed)
            store_row(output, places[o], d, times_plus(g, x, row))
        store(error, d, changed)


@compiled
@no_type_check
def learn_window(input, output, inputs, count, outputs, each, there, errors, scores, weight, rate, losses):
    """The gradient of many inputs with many outputs at once, all made from the rows as they were.

    Args:
        input: the input matrix.
        output: the output matrix.
        inputs: the rows of the inputs.
        count: how many.
        outputs: the rows of the outputs: one that is there, if `there` is 1, then those of the noise.
        each: how many.
        there: 1 if the first output is a word that is there; 0: all are noise.
        errors: filled with what is added to each input's row.
        scores: room for a number for each pair, a multiple of 16.
        weight: how much a row of the noise counts.
        rate: the learning rate; 0 measures and changes nothing.
        losses: takes up the loss: see `added`.
    """
    zero, width, end = spread(np.float32(0)), input.shape[1], each - 1
    # Two inputs with three outputs at a time: six sums in registers, five rows read for them. Where there is no second
    # or third, another one is taken twice.
    for c in range(0, count, 2):
        p, q, first, second = inputs[c], inputs[min(c + 1, count - 1)], c * each, min(c + 1, count - 1) * each
        for o in range(0, each, 3):
            then, last = min(o + 1, end), min(o + 2, end)
            a, b, e = outputs[o], outputs[then], outputs[last]
            p_a, p_b, p_e, q_a, q_b, q_e = zero, zero, zero, zero, zero, zero
            for d in range(0, width, LANES):
                x, y = load_row(input, p, d), load_row(input, q, d)
                row = load_row(output, a, d)
                p_a, q_a = times_plus(x, row, p_a), times_plus(y, row, q_a)
                row = load_row(output, b, d)
                p_b, q_b = times_plus(x, row, p_b), times_plus(y, row, q_b)
                row = load_row(output, e, d)
                p_e, q_e = times_plus(x, row, p_e), times_plus(y, row, q_e)
            scores[first + o], scores[first + then], scores[first + last] = summed(p_a), summed(p_b), summed(p_e)
            scores[second + o], scores[second + then], scores[second + last] = summed(q_a), summed(q_b), summed(q_e)
    if there:
        for c in range(count):
            scores[c * each] = -scores[c * each]
    # The probability of what is so: the first is there, the noise is not.
    for begin in range(0, count * each, LANES):
        for place in range(begin, begin + LANES):
            scores[place] = sigmoid(-scores[place])
    for c in range(count):
        if there:
            lose(scores[c * each], losses, 0)
        for o in range(there, each):
            lose(scores[c * each + o], losses, 1)
    if rate == np.float32(0):
        return
    of_noise = -rate * np.float32(weight)
    for begin in range(0, count * each, LANES):
        for place in range(begin, begin + LANES):
            scores[place] = (np.float32(1) - scores[place]) * of_noise
    if there:
        for c in range(count):
            scores[c * each] *= rate / of_noise
    for c in range(0, count, 2):
        then = min(c + 1, count - 1)
        for d in range(0, width, LANES):
            first, second = zero, zero
            for o in range(each):
                row = load_row(output, outputs[o], d)
                first = times_plus(spread(scores[c * each + o]), row, first)
                second = times_plus(spread(scores[then * each + o]), row, second)
            store_row(errors, c, d, first)
            store_row(errors, then, d, second)
    o = 0
    while o < each:
        # Two rows at a time, unless they are the same.
        a, b = outputs[o], outputs[min(o + 1, end)]
        paired = 0 if a == b else 1
        for d in range(0, width, LANES):
            first, second = load_row(output, a, d), load_row(output, b, d)
            for c in range(count):
                x = load_row(input, inputs[c], d)
                first = times_plus(spread(scores[c * each + o]), x, first)
                second = times_plus(spread(scores[c * each + o + paired]), x, second)
            store_row(output, b, d, second)
            store_row(output, a, d, first)
        o += 1 + paired
    one = spread(np.float32(1))
    for c in range(count):
        for d in range(0, width, LANES):
            store_row(input, inputs[c], d, times_plus(one, load_row(errors, c, d), load_row(input, inputs[c], d)))


@compiled
@no_type_check
def learn_word(input, row, output, word, error, rate, losses):
    """The gradient of an input with a word that is there: change the word's row, leave the input's change in `error`.

    Args:
        input: the input matrix.
        row: the input's row.
        output: the output matrix.
        word: the row of the word.
        error: filled with the rate times the loss's downhill gradient by the input.
        rate: the learning rate; 0 measures and changes nothing.
        losses: takes up the loss, in the first column.
    """
    zero, width = spread(np.float32(0)), input.shape[1]
    score = zero
    for d in range(0, width, LANES):
        score = times_plus(load_row(input, row, d), load_row(output, word, d), score)
    probability = sigmoid(summed(score))
    lose(probability, losses, 0)
    if rate == np.float32(0):
        return
    g = spread(rate * (np.float32(1) - probability))
    for d in range(0, width, LANES):
        there = load_row(output, word, d)
        store(error, d, times_plus(g, there, zero))
        store_row(output, word, d, times_plus(g, load_row(input, row, d), there))


@compiled
@no_type_check
def added(losses, weight):
    """The loss in nats. Each column has a product of probabilities and, where it got too small, minus its logarithm.

    Args:
        losses: the two rows; column 0 weighs 1.
        weight: how much column 1 weighs.
    """
    loss = losses[1, 0] - math.log(losses[0, 0])
    return loss + weight * (losses[1, 1] - math.log(losses[0, 1]))
