"""The model of both papers: two vectors for each word, or one and a vector for each turn of a tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from epochal.core.fault import InputFault
from epochal.core.report import counted
from epochal.landmarks.word2vec.lanes import LANES
from epochal.landmarks.word2vec.recipe import Word2VecRecipe


@dataclass(frozen=True)
class Word2Vec:
    """The two matrices, in rows as wide as whole lines of the cache; what is beyond the dimension is always zero.

    Attributes:
        input: a row for each word: the vectors that are kept.
        output: a row for each word (negative sampling), or for each inner node of the tree (hierarchical softmax).
        dimension: how many numbers a vector has.
    """

    input: Float32[np.ndarray, "V W"]
    output: Float32[np.ndarray, "U W"]
    dimension: int

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return (len(self.input) + len(self.output)) * self.dimension

    @property
    def vectors(self) -> Float32[np.ndarray, "V D"]:
        """The words' vectors."""
        return self.input[:, : self.dimension]


def word2vec(recipe: Word2VecRecipe, words: int, seed: int) -> Word2Vec:
    """The model at its start: input uniform within 0.5 / dimension, output zero, as in word2vec.c.

    Raises:
        InputFault: there is nothing to tell apart.
    """
    if words < 2:
        raise InputFault(
            f"the vocabulary has {counted(words, 'word')}",
            expected="at least two words",
            remedy="more text, or --set min_count=1",
        )
    rows = words if recipe.objective == "negative-sampling" else words - 1
    model = Word2Vec(_rows(words, recipe.dimension), _rows(rows, recipe.dimension), recipe.dimension)
    generator = np.random.default_rng(seed)
    for row in range(0, words, 65536):  # piece by piece, so that the doubles drawn take no memory
        part = model.vectors[row : row + 65536]
        part[:] = (generator.random(part.shape, np.float32) - np.float32(0.5)) / np.float32(recipe.dimension)
    return model


def _rows(count: int, dimension: int) -> Float32[np.ndarray, "N W"]:
    """A matrix of zeros whose rows begin where a line of the cache does."""
    width = -(-dimension // LANES) * LANES
    stored = np.zeros(count * width + LANES, np.float32)
    first = -(stored.ctypes.data // 4) % LANES
    return stored[first : first + count * width].reshape(count, width)
