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
    """As printed. `shared`: a window has so many negatives, or eight centres of CBOW; 0: each word has its own.

    `root`: the words around are added up and divided by the square root of their number.
    """

    def run(self, state: int, share: np.ndarray, other: np.ndarray, shared: int, *, root: bool) -> None:
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

        if self.cbow and shared:
            self.run_apart(list(self.sentences(is_dropped)), lambda: below(self.window)[0] + 1, noise, shared, root)
            return
        ring = [noise() for _ in range(shared)]
        for sentence in self.sentences(is_dropped):
            for centre, word in enumerate(sentence):
                near = around(sentence, centre, below(self.window)[0] + 1)
                if not near:
                    continue
                if self.cbow:
                    h, part = self.middle(near, root)
                    error = self.learn(h, outputs(word))
                    for row in near:
                        self.input[row] += error * part
                    self.predicted += 1
                elif shared:
                    self.learn_window(near, [(word, 1, 1.0), *((row, 0, self.negative / shared) for row in ring)])
                    self.predicted += len(near)
                    ring = [noise() for _ in range(shared)]
                else:
                    for row in near:
                        self.input[word] += self.learn(self.input[word].copy(), outputs(row))
                        self.predicted += 1

    def run_apart(
        self,
        sentences: list[list[int]],
        reach: Callable[[], int],
        noise: Callable[[], int],
        shared: int,
        root: bool,
        together: int = 8,
    ) -> None:
        """CBOW: so many centres share their negatives, from as many equal parts of the text."""
        places = [(sentence, centre) for sentence in sentences for centre in range(len(sentence))]
        apart = -(-len(places) // together)
        ring = [noise() for _ in range(shared)]
        for first in range(apart):
            block = []
            for sentence, centre in places[first::apart]:
                if near := around(sentence, centre, reach()):
                    block.append((near, sentence[centre]))
            if block:
                self.learn_block(block, [(row, 0, self.negative / shared) for row in ring], root)
                ring = [noise() for _ in range(shared)]

    def middle(self, near: list[int], root: bool) -> tuple[np.ndarray, float]:
        """The words around added up and divided, and by what part each stands in it."""
        part = 1 / (len(near) ** 0.5 if root else len(near))
        return np.sum([self.input[row] for row in near], axis=0) * part, part

    def learn_block(self, block: list[tuple[list[int], int]], noise: list[tuple[int, int, float]], root: bool) -> None:
        """First each centre's own word, one after another; then the noise with all of them, from rows as they were."""
        middles = [self.middle(near, root) for near, _ in block]
        errors = [self.learn(h, [(word, 1, 1.0)]) for (h, _), (_, word) in zip(middles, block, strict=True)]
        against = self.learn_together([h for h, _ in middles], noise)
        for (near, _), (_, part), error, more in zip(block, middles, errors, against, strict=True):
            for row in near:
                self.input[row] += (error + more) * part
        self.predicted += len(block)

    def learn_window(self, inputs: list[int], rows: list[tuple[int, int, float]]) -> None:
        """Each input with each output, all changes from the vectors as they were before the window."""
        errors = self.learn_together([self.input[row].copy() for row in inputs], rows)
        for row, error in zip(inputs, errors, strict=True):
            self.input[row] += error

    def learn_together(self, inputs: list[np.ndarray], rows: list[tuple[int, int, float]]) -> list[np.ndarray]:
        """The change of each input; the rows' changes are all from the vectors as they were before."""
        output, changed, errors = self.output.copy(), np.zeros_like(self.output), []
        for h in inputs:
            errors.append(self.learn(h, rows))
            changed += self.output - output
            self.output[:] = output
        self.output += changed
        return errors

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
