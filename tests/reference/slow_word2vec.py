"""word2vec written to be read and not to be fast: one draw, one product, one change after another, in float64.

The two forms draw from the generators of the compiled loops, so that all of them see the same windows and negatives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

WORD = (1 << 64) - 1


@dataclass
class Generator:
    """A congruential generator of 64 bits."""

    state: int
    multiply: int
    add: int

    def next(self) -> int:
        self.state = (self.state * self.multiply + self.add) & WORD
        return self.state


def printed_generator(state: int) -> Generator:
    return Generator(state, 6364136223846793005, 1442695040888963407)


def source_generator(state: int) -> Generator:
    return Generator(state, 25214903917, 11)


def sigmoid(x: float) -> float:
    return 1 / (1 + np.exp(-x))


@dataclass
class Slow:
    """What both forms have: the text, the matrices, the settings.

    `loss` and `predicted` grow as it learns.
    """

    tokens: list[int]
    rows: list[int]
    input: np.ndarray
    output: np.ndarray
    keep: np.ndarray
    ways: list[tuple[list[int], list[int]]]
    window: int
    negative: int
    cbow: bool
    rate: float
    limit: int
    loss: float = 0.0
    predicted: int = 0

    def sentences(self, is_dropped: Callable[[int], bool]) -> Iterator[list[int]]:
        sentence: list[int] = []
        for token in self.tokens:
            if token == 0:
                yield sentence
                sentence = []
                continue
            row = self.rows[token]
            if row >= 0 and not is_dropped(row):
                sentence.append(row)
                if len(sentence) == self.limit:
                    yield sentence
                    sentence = []
        yield sentence


def around(sentence: list[int], centre: int, reach: int) -> list[int]:
    return [
        sentence[place]
        for place in range(centre - reach, centre + reach + 1)
        if place != centre and 0 <= place < len(sentence)
    ]


class Printed(Slow):
    """As printed. `shared`: a window has so many negatives, of which `fresh` are new; 0: each word has its own.

    `root`: the words around are added up and divided by the square root of their number.
    """

    def run(self, state: int, share: np.ndarray, other: np.ndarray, shared: int, fresh: int, *, root: bool) -> None:
        draw = printed_generator(state)

        def below(bound: int) -> tuple[int, int]:
            product = (draw.next() >> 32) * bound
            return product >> 32, product & 0xFFFFFFFF

        def noise() -> int:
            place, rest = below(len(share))
            return place if rest < int(share[place]) else int(other[place])

        def is_dropped(row: int) -> bool:
            return bool(self.keep[row] < 1) and below(1)[1] >= float(self.keep[row]) * 2.0**32

        def outputs(word: int) -> list[tuple[int, int, float]]:
            """Rows with labels and weights."""
            if not self.negative:
                return [(node, 1 - code, 1.0) for node, code in zip(*self.ways[word], strict=True)]
            return [(word, 1, 1.0)] + [(noise(), 0, 1.0) for _ in range(self.negative)]

        ring, oldest = [noise() for _ in range(shared)], 0
        for sentence in self.sentences(is_dropped):
            for centre, word in enumerate(sentence):
                near = around(sentence, centre, below(self.window)[0] + 1)
                if not near:
                    continue
                weight = self.negative / max(shared, 1)
                kept = [(row, 0, weight) for row in ring]
                if shared:
                    for _ in range(fresh):
                        ring[oldest] = noise()
                        oldest = (oldest + 1) % shared
                if self.cbow:
                    rows = [(word, 1, 1.0), *kept] if shared else outputs(word)
                    divisor = len(near) ** 0.5 if root else len(near)
                    error = self.learn(np.sum([self.input[row] for row in near], axis=0) / divisor, rows)
                    for row in near:
                        self.input[row] += error / divisor
                    self.predicted += 1
                elif shared:
                    self.learn_window(near, [(word, 1, 1.0), *kept])
                    self.predicted += len(near)
                else:
                    for row in near:
                        self.input[word] += self.learn(self.input[word].copy(), outputs(row))
                        self.predicted += 1

    def learn_window(self, inputs: list[int], rows: list[tuple[int, int, float]]) -> None:
        """Each input with each output, all changes from the vectors as they were before the window."""
        before, output = self.input.copy(), self.output.copy()
        changed, errors = np.zeros_like(output), []
        for row in inputs:
            errors.append(self.learn(before[row], rows))
            changed += self.output - output
            self.output[:] = output
        self.output += changed
        for row, error in zip(inputs, errors, strict=True):
            self.input[row] += error

    def learn(self, h: np.ndarray, rows: list[tuple[int, int, float]]) -> np.ndarray:
        """Every row's change and the input's, all from the vectors as they were before."""
        before = self.output.copy()
        error = np.zeros_like(h)
        for row, label, weight in rows:
            p = sigmoid(before[row] @ h)
            g = self.rate * weight * (label - p)
            error += g * before[row]
            self.output[row] += g * h
            self.loss -= weight * np.log(p if label else 1 - p)
        return error


class Source(Slow):
    """word2vec.c, line by line."""

    def run(self, state: int, table: list[int]) -> None:
        draw = source_generator(state)
        sigmoids = [1 / (1 + np.exp(-(i / 1000 * 2 - 1) * 6)) for i in range(1000)]

        def is_dropped(row: int) -> bool:
            return bool(self.keep[row] < (draw.next() & 0xFFFF) / 65536)

        def noise() -> int:
            number = draw.next()
            target = table[(number >> 16) % len(table)]
            return number % (len(self.input) - 1) + 1 if target == 0 else target

        def learn(h: np.ndarray, word: int) -> np.ndarray:
            error = np.zeros_like(h)
            if self.negative:
                for number in range(self.negative + 1):
                    target = word if number == 0 else noise()
                    if number and target == word:
                        continue
                    label = 1 if number == 0 else 0
                    f = h @ self.output[target]
                    self.loss += np.log1p(np.exp(-f if label else f))
                    p = 1.0 if f > 6 else 0.0 if f < -6 else sigmoids[int((f + 6) * 83)]
                    g = (label - p) * self.rate
                    error += g * self.output[target]
                    self.output[target] += g * h
            else:
                for node, code in zip(*self.ways[word], strict=True):
                    f = h @ self.output[node]
                    self.loss += np.log1p(np.exp(f if code else -f))
                    if f <= -6 or f >= 6:
                        continue
                    g = (1 - code - sigmoids[int((f + 6) * 83)]) * self.rate
                    error += g * self.output[node]
                    self.output[node] += g * h
            return error

        for sentence in self.sentences(is_dropped):
            for centre, word in enumerate(sentence):
                b = draw.next() % self.window
                near = around(sentence, centre, self.window - b)
                if self.cbow and near:
                    error = learn(np.mean([self.input[row] for row in near], axis=0), word)
                    for row in near:
                        self.input[row] += error
                    self.predicted += 1
                elif not self.cbow:
                    for row in near:
                        self.input[row] += learn(self.input[row].copy(), word)
                        self.predicted += 1
