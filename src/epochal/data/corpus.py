"""A text as numbers: each word replaced by the place of its type, kept in a file that is mapped into memory.

One pass over the text numbers the words in the order in which they are first seen, and counts them; what a vocabulary
keeps is decided afterwards, by a table from these numbers to rows. The file lies in the cache folder under a name made
of the text's digest and of how words are told apart, so that the next training finds it; it is whole or not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from epochal.core.durable import disk_fault
from epochal.core.fault import InputFault, printable
from epochal.data.source import cache_folder
from epochal.data.text import TextData
from epochal.data.vocabulary import SENTENCE_END

TOKENIZERS = {
    "simple": "the letters a to z, lower-cased; all else is space, as in text8",
    "whitespace": "whatever stands between white space",
}
END = 0  # the number of the end of a line
# Beyond so many types the rare ones are forgotten, as word2vec.c does at 21 million words.
MOST_TYPES = 10_000_000
_FORMAT = 1
LETTERS = bytes(c | 32 if chr(c).isalpha() and c < 128 else (10 if c == 10 else 32) for c in range(256))


@dataclass(frozen=True)
class Corpus:
    """A numbered text.

    Attributes:
        tokens: the number of each word's type, `END` where a line ends; mapped from the disk.
        types: the words by their numbers.
        counts: how often each occurs.
        digest: tells this corpus from all others.
    """

    tokens: Int32[np.ndarray, " N"]
    types: tuple[str, ...]
    counts: Int64[np.ndarray, " T"]
    digest: str

    @property
    def words(self) -> int:
        """How many words the text has."""
        return int(self.counts.sum() - self.counts[END])


def read_corpus(text: TextData, tokenizer: str = "simple") -> Corpus:
    """The text as numbers, from the cache if it was read before.

    Raises:
        InputFault: the text is damaged, is no UTF-8, or has no words.
        DiskFault: the cache folder cannot be written to.
    """
    digest = hashlib.sha256(f"{_FORMAT} {text.digest} {tokenizer}".encode()).hexdigest()
    return kept(digest, lambda: _numbered(text, tokenizer), f"{text.name} holds no words")


# The numbers of a part of the text, all words by number so far, and their counts so far.
Part = tuple[Int32[np.ndarray, " n"], Sequence[bytes], Int64[np.ndarray, " T"]]


def kept(digest: str, make: Callable[[], Iterator[Part]], empty: str) -> Corpus:
    """A corpus from the cache; made and written first, if it is not there.

    Args:
        digest: what it is called there.
        make: gives the numbers part by part; called if it is not there.
        empty: what to say if it has no words.

    Raises:
        InputFault: the text has no words.
        DiskFault: the cache folder cannot be written to.
    """
    folder = cache_folder() / "corpora" / digest[:32]
    if not (folder / "types.json").is_file():
        partial = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
        try:
            partial.mkdir(parents=True, exist_ok=True)
            _write(partial, make(), empty)
            if not folder.exists():
                os.rename(partial, folder)
        except OSError as error:
            raise disk_fault(error, partial) from error
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    stored = json.loads((folder / "types.json").read_text(encoding="utf-8"))
    tokens = np.memmap(folder / "tokens.bin", dtype="<i4", mode="r")
    return Corpus(tokens, tuple(stored["words"]), np.array(stored["counts"], np.int64), digest)


def _write(folder: Path, parts: Iterator[Part], empty: str) -> None:
    last: Part | None = None
    with open(folder / "tokens.bin", "wb") as file:
        for last in parts:
            file.write(last[0].astype("<i4", copy=False).tobytes())
    _, words, counts = last or (None, [], np.zeros(1, np.int64))
    if not (counts[END + 1 :] > 0).any():
        raise InputFault(printable(empty), expected="text with words in it")
    types = {"words": [word.decode("utf-8") for word in words], "counts": counts.tolist()}
    (folder / "types.json").write_text(json.dumps(types), encoding="utf-8")


class _Numbers(dict[bytes, int]):
    """Gives a word that it has not seen, or has forgotten, the next number."""

    def __init__(self) -> None:
        super().__init__({SENTENCE_END.encode(): END})
        self.words = [SENTENCE_END.encode()]

    def __missing__(self, word: bytes) -> int:
        self[word] = number = len(self.words)
        self.words.append(word)
        return number

    def forget(self, counts: Int64[np.ndarray, " T"]) -> None:
        """Forget the rarest half: their occurrences so far are lost, as those of rare words in word2vec.c."""
        places = np.fromiter(self.values(), np.int64, len(self))
        rare = places[counts[places] <= np.median(counts[places])]
        for number in rare[rare != END].tolist():
            del self[self.words[number]]
            self.words[number], counts[number] = b"", 0


def _numbered(text: TextData, tokenizer: str) -> Iterator[Part]:
    numbers, counts = _Numbers(), np.zeros(0, np.int64)
    separate = f" {SENTENCE_END} ".encode()
    for block in text.blocks():
        content = block.translate(LETTERS) if tokenizer == "simple" else block
        words = content.replace(b"\n", separate).split()
        found = np.fromiter(map(numbers.__getitem__, words), np.int32, len(words))
        seen = np.bincount(found, minlength=len(numbers.words))
        seen[: len(counts)] += counts
        counts = seen
        if len(numbers) > MOST_TYPES:
            numbers.forget(counts)
        yield found, numbers.words, counts
