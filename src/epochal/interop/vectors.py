"""Word vectors as they are handed on: words, a row for each, and what people ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import nn

from epochal.core.fault import InputFault, printable

# In vocabularies up to this size a word that is missing is compared with all others.
_SEARCHED = 200_000


@dataclass(frozen=True, eq=False)
class Vectors:
    """A word's vector for each word.

    Attributes:
        words: each once, the most frequent first where that is known.
        matrix: a row for each word.
        counts: how often each occurred, if it is known.
        name: where they come from.
        notes: what a person should know.
    """

    words: tuple[str, ...]
    matrix: Float32[np.ndarray, "V D"]
    counts: Int64[np.ndarray, " V"] | None = None
    name: str = "vectors"
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self.vocabulary

    def __getitem__(self, word: str) -> Float32[np.ndarray, " D"]:
        """One word's vector.

        Raises:
            InputFault: the word is not there.
        """
        row: Float32[np.ndarray, " D"] = self.matrix[self.place(word)]
        return row

    @cached_property
    def vocabulary(self) -> dict[str, int]:
        """The row of each word."""
        return {word: place for place, word in enumerate(self.words)}

    @cached_property
    def unit(self) -> Float32[np.ndarray, "V D"]:
        """The rows, each of length one; a row of zeros stays so."""
        return self.unit_rows()

    def unit_rows(self, most: int | None = None) -> Float32[np.ndarray, "W D"]:
        """The first so many rows, or all of them, each of length one; a row of zeros stays so."""
        rows = self.matrix[:most]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        unit: Float32[np.ndarray, "W D"] = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return unit

    def place(self, word: str) -> int:
        """The row of a word; one in capitals is looked for in small letters too.

        Raises:
            InputFault: the word is not there.
        """
        for written in (word, word.lower()):
            if written in self.vocabulary:
                return self.vocabulary[written]
        close = get_close_matches(word, self.words, n=2) if len(self.words) < _SEARCHED else []
        raise InputFault(
            f"there is no vector for {printable(word)!r}",
            expected="a word of the vocabulary"
            + (f"; the nearest: {', '.join(map(printable, close))}" if close else ""),
            remedy="words that occur too rarely have none; phrases are joined by _",
        )

    def embedding(self, *, trainable: bool = False) -> nn.Embedding:
        """A layer of torch that gives a word's vector for its row.

        Args:
            trainable: let the vectors be trained further.
        """
        rows = torch.from_numpy(self.matrix.copy())
        layer: nn.Embedding = nn.Embedding.from_pretrained(rows, freeze=not trainable)
        return layer
