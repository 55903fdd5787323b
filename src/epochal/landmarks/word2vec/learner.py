"""Learning from stretches of a text on the CPU, in as many threads as are given.

Threads share the two matrices without locks, as in word2vec.c (Hogwild): with more than one the last bits depend on
chance. With one, everything is a function of the seed: each stretch has a generator of its own, made from the seed, the
epoch and the stretch's number, so that there is no stream to replay when a training is resumed.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Thread
from typing import Protocol, runtime_checkable

import numpy as np

from epochal.landmarks.word2vec import kernel, source_kernel
from epochal.landmarks.word2vec.huffman import NO_TREE, Tree, huffman
from epochal.landmarks.word2vec.model import Word2Vec
from epochal.landmarks.word2vec.recipe import Word2VecRecipe
from epochal.landmarks.word2vec.sampling import Noise, kept, noise, table_ends
from epochal.landmarks.word2vec.text import Text

_WORD = (1 << 64) - 1


@dataclass(frozen=True)
class Learned:
    """What came of stretches: the summed loss in nats, and of how many predicted words."""

    loss: float
    predicted: int

    @property
    def mean(self) -> float:
        """The loss for each word predicted; NaN if there was none."""
        return self.loss / self.predicted if self.predicted else math.nan


@runtime_checkable
class Learner(Protocol):
    """Learns from stretches of the text; where it computes is its own affair."""

    def learn(self, epoch: int, stretches: Sequence[int], rates: Sequence[float]) -> Learned:
        """Learn from the stretches, each with its rate; a rate of 0 measures and changes nothing."""
        ...

    def pull(self) -> None:
        """Bring what was learned into the model, if it is elsewhere."""
        ...

    def push(self) -> None:
        """Take up the model as it is now."""
        ...


def stream(seed: int, epoch: int, stretch: int) -> int:
    """The first state of a stretch's generator."""
    x = (seed * 0x9E3779B97F4A7C15 + epoch * 0xBF58476D1CE4E5B9 + (stretch + 1) * 0x94D049BB133111EB) & _WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _WORD
    return x ^ (x >> 31)


class CompiledLearner:
    """Learns with the compiled loops, those of the papers' form or those of word2vec.c's.

    Args:
        recipe: how to learn.
        text: what from.
        model: what learns.
        seed: decides all that is drawn.
        threads: how many learn side by side.
    """

    def __init__(self, recipe: Word2VecRecipe, text: Text, model: Word2Vec, seed: int, threads: int) -> None:
        self.recipe, self.text, self.model, self.seed, self.threads = recipe, text, model, seed, threads
        self._run = self._as_source() if recipe.form == "source" else self._as_printed()

    def learn(self, epoch: int, stretches: Sequence[int], rates: Sequence[float]) -> Learned:
        """Learn from the stretches, each with its rate; a rate of 0 measures and changes nothing."""
        found: list[tuple[float, int]] = [(0.0, 0)] * len(stretches)
        failed: list[BaseException] = []
        # Whoever is free takes the next one; in one thread that is their order.
        waiting = iter(range(len(stretches)))

        def work() -> None:
            try:
                for place in waiting:
                    found[place] = self._one(epoch, int(stretches[place]), rates[place])
            except BaseException as error:
                failed.append(error)

        others = [Thread(target=work, daemon=True) for _ in range(1, min(self.threads, len(stretches)))]
        for thread in others:
            thread.start()
        work()
        for thread in others:
            thread.join()
        if failed:
            raise failed[0]
        return Learned(sum(loss for loss, _ in found), sum(count for _, count in found))

    def pull(self) -> None:
        """The model itself learns: there is nothing to bring."""

    def push(self) -> None:
        """Nor to take up."""

    def _one(self, epoch: int, stretch: int, rate: float) -> tuple[float, int]:
        first, last = self.text.stretch(stretch)
        state = np.array([stream(self.seed, epoch, stretch)], np.uint64)
        loss, predicted = self._run(first, last, state, np.float32(rate))
        return float(loss), int(predicted)

    @property
    def _negative(self) -> int:
        return self.recipe.negative if self.recipe.objective == "negative-sampling" else 0

    @cached_property
    def _tree(self) -> Tree:
        return NO_TREE if self._negative else huffman(self.text.vocabulary.counts)

    @cached_property
    def _keep(self) -> np.ndarray:
        vocabulary, recipe = self.text.vocabulary, self.recipe
        return kept(vocabulary.counts, vocabulary.total, recipe.sample, source=recipe.form == "source")

    def _as_printed(self) -> Callable[..., tuple[float, int]]:
        recipe, text, model, tree = self.recipe, self.text, self.model, self._tree
        drawn = noise(text.vocabulary.counts, recipe.power) if self._negative else _SILENCE
        cbow = recipe.architecture == "cbow"
        shared, root = recipe.noise_shared(), recipe.takes_root()

        def run(first: int, last: int, state: np.ndarray, rate: np.float32) -> tuple[float, int]:
            found: tuple[float, int] = kernel.learn_stretch(
                text.tokens, text.rows, first, last, state, model.input, model.output, self._keep,
                drawn.share, drawn.other, tree.start, tree.nodes, tree.codes,
                recipe.window, self._negative, shared, cbow, root, rate, recipe.sentence,
            )  # fmt: skip
            return found

        return run

    def _as_source(self) -> Callable[..., tuple[float, int]]:
        recipe, text, model, tree = self.recipe, self.text, self.model, self._tree
        ends = table_ends(text.vocabulary.counts, recipe.power) if self._negative else np.zeros(1, np.int64)
        table, cbow = source_kernel.sigmoid_table(), recipe.architecture == "cbow"
        keep = self._keep if recipe.sample else self._keep[:0]

        def run(first: int, last: int, state: np.ndarray, rate: np.float32) -> tuple[float, int]:
            found: tuple[float, int] = source_kernel.learn_stretch(
                text.tokens, text.rows, first, last, state, model.input, model.output, keep, ends,
                tree.start, tree.nodes, tree.codes, recipe.window, self._negative, cbow, rate, recipe.sentence, table,
            )  # fmt: skip
            return found

        return run


_SILENCE = Noise(np.zeros(1, np.uint32), np.zeros(1, np.int32))


def falling(recipe: Word2VecRecipe, done: Sequence[float]) -> list[float]:
    """The learning rate where a share of the training is done: on a line to zero, never below a ten-thousandth."""
    return list(itertools.starmap(max, ((recipe.lr * (1 - share), recipe.lr * 1e-4) for share in done)))
