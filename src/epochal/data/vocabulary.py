"""A vocabulary: words in the order of their counts, the most frequent first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from epochal.core.durable import disk_fault, replace_file
from epochal.core.fault import InputFault, printable

# What word2vec.c calls the end of a line; it is a word of its vocabulary.
SENTENCE_END = "</s>"
_MOST_BYTES = 1 << 30


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

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each word."""
        return {word: place for place, word in enumerate(self.words)}

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


def write_vocabulary(path: Path, vocabulary: Vocabulary) -> None:
    """Write a vocabulary as word2vec.c does with -save-vocab: a word and its count a line.

    Raises:
        DiskFault: the disk is full or refuses.
    """
    lines = (f"{word} {count}\n" for word, count in zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
    try:
        replace_file(path, "".join(lines).encode())
    except OSError as error:
        raise disk_fault(error, path) from error


def read_vocabulary(path: Path) -> tuple[str, ...]:
    """The words of a vocabulary file: a word a line, its count after it if there is one.

    Raises:
        InputFault: the file cannot be read, is no UTF-8, holds a word twice, or is empty.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputFault(f"{printable(str(path))} is too large for a vocabulary", expected="a gigabyte at most")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        if isinstance(error, InputFault):
            raise
        raise InputFault(f"{printable(str(path))} cannot be read: {printable(str(error))}", expected="UTF-8") from None
    words = [line.split()[0] for line in lines if line.strip()]
    if not words:
        raise InputFault(f"{printable(str(path))} holds no words", expected="a word a line")
    if len(set(words)) < len(words):
        seen: set[str] = set()
        twice = next(word for word in words if word in seen or seen.add(word))  # type: ignore[func-returns-value]
        raise InputFault(f"{printable(str(path))} holds {printable(twice)!r} twice", expected="each word once")
    return tuple(words)
