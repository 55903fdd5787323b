"""From a text to a corpus: one pass numbers the words in the order in which they are first seen, and counts them."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Iterator

import numpy as np
from jaxtyping import Int64

from epochal.core.fault import InputFault, printable
from epochal.core.report import Report, silent
from epochal.data.corpus import END, FORMAT, Corpus, Part, cached
from epochal.data.text import TextData
from epochal.data.vocabulary import SENTENCE_END

TOKENIZERS = {
    "simple": "the letters a to z, lower-cased; all else is space, as in text8",
    "whitespace": "whatever stands between white space",
}
# Beyond so many types the rare ones are forgotten, as word2vec.c does at 21 million words. The number of a forgotten
# one is not given again, and goes on to cost 16 bytes.
MOST_TYPES = 10_000_000
_MOST_NUMBERS = 2**31 - 1  # an int32 holds no more
# How often to say how far the numbering is.
_SAY_SECONDS = 5.0

# From this share of the letters on, those beyond a to z are worth a word.
_BEYOND = 0.005
_NOT_ASCII = re.compile(rb"[\x80-\xff]+")

LETTERS = bytes(c | 32 if chr(c).isalpha() and c < 128 else (10 if c == 10 else 32) for c in range(256))


def read_corpus(
    text: TextData, tokenizer: str = "simple", *, most: int | None = None, report: Report = silent
) -> Corpus:
    """The text as numbers, from the cache if it was read before.

    Args:
        text: the text.
        tokenizer: one of `TOKENIZERS`.
        most: so many words are read, the first ones, ends of lines counted too; None: all.
        report: is told how it goes, as this may take minutes.

    Raises:
        InputFault: the text is damaged, is no UTF-8, or has no words.
        DiskFault: the cache folder cannot be written to.
    """
    part = "" if most is None else f" {most}"
    digest = hashlib.sha256(f"{FORMAT} {text.digest} {tokenizer}{part}".encode()).hexdigest()
    return cached(
        digest,
        lambda: _numbered(text, tokenizer, most, report),
        InputFault(
            f"{printable(text.name)} holds no words" + " of the letters a to z" * (tokenizer == "simple"),
            expected="text with words in it",
            remedy="--tokenizer whitespace takes those of any script" if tokenizer == "simple" else "",
        ),
        f"the words of {text.name}",
        report,
    )


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
            self.words[number], counts[number] = b"", 0
        known = {word: number for word, number in self.items() if number == END or self.words[number]}
        self.clear()  # only an empty one gives its memory back
        self.update(known)


class _Letters:
    """Counts the letters that the simple tokenizer knows, and those that it does not."""

    def __init__(self) -> None:
        self._known = self._beyond = 0

    def count(self, block: bytes, content: bytes) -> None:
        """Take a block of the text, and what the tokenizer has left of it."""
        self._known += len(content.translate(None, b" \n"))
        self._beyond += sum(map(str.isalpha, b"".join(_NOT_ASCII.findall(block)).decode("utf-8")))

    def note(self) -> str:
        """What a person should know; empty where the unknown ones are few."""
        letters = self._known + self._beyond
        if self._beyond <= _BEYOND * letters:
            return ""
        return (
            f"{self._beyond / letters:.1%} of the letters are not a to z, and divide words as spaces do; "
            "--tokenizer whitespace keeps them"
        )


def _numbered(text: TextData, tokenizer: str, most: int | None, report: Report) -> Iterator[Part]:
    numbers, counts, total = _Numbers(), np.zeros(0, np.int64), 0
    separate, said = f" {SENTENCE_END} ".encode(), time.monotonic()
    letters = _Letters()
    for block in text.blocks():
        content = block
        if tokenizer == "simple":
            content = block.translate(LETTERS)
            letters.count(block, content)
        words = content.replace(b"\n", separate).split()[: None if most is None else most - total]
        found = np.fromiter(map(numbers.__getitem__, words), np.int32, len(words))
        seen = np.bincount(found, minlength=len(numbers.words))
        seen[: len(counts)] += counts
        counts, total = seen, total + len(found)
        if len(numbers) > MOST_TYPES:
            numbers.forget(counts)
        if len(numbers.words) > _MOST_NUMBERS - len(block):
            raise InputFault(
                f"{printable(text.name)} has more than {_MOST_NUMBERS - len(block):,} different words",
                expected="text whose words recur",
                remedy="--tokenizer simple, which knows fewer, or --set most_text=...",
            )
        if time.monotonic() - said > _SAY_SECONDS:
            said = time.monotonic()
            report({"kind": "note", "text": f"numbered {total / 1e6:,.1f} M words, {len(numbers):,} different ones"})
        yield found, numbers.words, counts
        if most is not None and total >= most:
            break
    if note := letters.note():
        report({"kind": "note", "text": note})
