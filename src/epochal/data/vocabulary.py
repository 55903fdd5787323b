"""A vocabulary: words in the order of their counts, the most frequent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from epochal.core.fault import InputFault, printable
from epochal.core.lines import fields, read_lines

# What word2vec.c calls the end of a line; it is a word of its vocabulary.
SENTENCE_END = "</s>"


@dataclass(frozen=True)
class Vocabulary:
    """Words with their counts.

    Attributes:
        words: each once.
        counts: how often each occurs in the text.
    """

    words: tuple[str, ...]
    counts: Int64[np.ndarray, " V"]

    def __len__(self) -> int:
        return len(self.words)

    @property
    def total(self) -> int:
        """How many words of the text are in the vocabulary."""
        return int(self.counts.sum())


def frequent(
    words: Sequence[str], counts: Int64[np.ndarray, " N"], *, least: int, most: int | None = None, first: int = 0
) -> Int64[np.ndarray, " V"]:
    """The places of the words that a vocabulary keeps, the most frequent first; of equals, the first seen.

    Args:
        words: all words.
        counts: how often each occurs.
        least: a rarer word is left out.
        most: how many are kept at most.
        first: so many words at the beginning stay there, whatever their counts.
    """
    rest = np.arange(first, len(words))
    rest = rest[counts[rest] >= least]
    rest = rest[np.argsort(-counts[rest], kind="stable")]
    return np.concatenate([np.arange(first), rest])[:most]


def listed_words(path: Path) -> tuple[str, ...]:
    """The words of a vocabulary file: a word a line, its count after it if there is one, as word2vec.c writes it.

    Raises:
        InputFault: the file cannot be read, is no UTF-8, holds a word twice, or is empty.
    """
    words = tuple(found[0] for line in read_lines(path, "a vocabulary") if (found := fields(line)))
    if not words:
        raise InputFault(f"{printable(str(path))} holds no words", expected="a word a line")
    seen: set[str] = set()
    for word in words:
        if word in seen:
            raise InputFault(f"{printable(str(path))} holds {printable(word)!r} twice", expected="each word once")
        seen.add(word)
    return words
