"""The gradient of an example, and of a whole window, on rows of two matrices; and the loss that goes with it.

Importing this imports numba, so it is imported at first use; the compiled code is kept on disk.
"""

from __future__ import annotations

import math
from typing import no_type_check

import numpy as np

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec.lanes import LANES, fetch, load, load_row, spread, store, store_row, summed, times_plus

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
def learn(h, error, output, places, labels, count, weight, rate, scores, losses, slot):
    """The example's gradient at once: change the output rows, leave the input's change in `error`.

    All arrays of outputs have room for a multiple of 16.

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
        losses: takes up the loss: see `added`. That of label 1 goes to the first column.
        slot: the column that the loss of label 0 goes to, before it is weighed.
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
        column = 0 if labels[o] > np.float32(0) else slot
        losses[0, column] *= np.float64(scores[o])
        # Logarithms are dear: one for many factors, before their product is too small for float64.
        if losses[0, column] < 1e-200:
            losses[1, column] -= math.log(losses[0, column])
            losses[0, column] = 1.0
    if rate == np.float32(0):
        return
    of_absent = -rate * np.float32(weight)
    for begin in range(0, count, LANES):
        for o in range(begin, begin + LANES):
            scores[o] = (np.float32(1) - scores[o]) * (rate if labels[o] > np.float32(0) else of_absent)
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
def learn_window(input, output, inputs, count, outputs, others, errors, scores, weight, rate, losses):
    """The gradient of a whole window at once: each input with the first output, which is there, and with the others.

    Args:
        input: the input matrix.
        output: the output matrix.
        inputs: the rows of the words around.
        count: how many.
        outputs: the row of the centre, and those of the noise.
        others: how many of the noise.
        errors: room for a row for each input.
        scores: room for a number for each pair, a multiple of 16.
        weight: how much a row of the noise counts.
        rate: the learning rate; 0 measures and changes nothing.
        losses: takes up the loss: see `added`.
    """
    zero, width, each = spread(np.float32(0)), input.shape[1], others + 1
    # Two inputs with three outputs at a time: six sums in registers, five rows read for them. Where there is no second
    # or third, another one is taken twice.
    for c in range(0, count, 2):
        p, q, first, second = inputs[c], inputs[min(c + 1, count - 1)], c * each, min(c + 1, count - 1) * each
        for o in range(0, each, 3):
            then, last = min(o + 1, others), min(o + 2, others)
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
    for c in range(count):
        scores[c * each] = -scores[c * each]
    # The probability of what is so: the centre is there, the noise is not.
    for begin in range(0, count * each, LANES):
        for place in range(begin, begin + LANES):
            scores[place] = sigmoid(-scores[place])
    for c in range(count):
        losses[0, 0] *= np.float64(scores[c * each])
        for o in range(1, each):
            losses[0, 1] *= np.float64(scores[c * each + o])
            if losses[0, 1] < 1e-200:
                losses[1, 1] -= math.log(losses[0, 1])
                losses[0, 1] = 1.0
        if losses[0, 0] < 1e-200:
            losses[1, 0] -= math.log(losses[0, 0])
            losses[0, 0] = 1.0
    if rate == np.float32(0):
        return
    of_noise = -rate * np.float32(weight)
    for begin in range(0, count * each, LANES):
        for place in range(begin, begin + LANES):
            scores[place] = (np.float32(1) - scores[place]) * of_noise
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
        a, b = outputs[o], outputs[min(o + 1, others)]
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
def added(losses, weight):
    """The loss in nats. Each column has a product of probabilities and, where it got too small, minus its logarithm.

    Args:
        losses: the two rows; column 0 weighs 1.
        weight: how much column 1 weighs.
    """
    loss = losses[1, 0] - math.log(losses[0, 0])
    return loss + weight * (losses[1, 1] - math.log(losses[0, 1]))


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
def total(matrix, sentence, begin, end, centre, part, h):
    """A part of the sum of the rows of the words around a centre."""
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
