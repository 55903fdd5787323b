"""word2vec's two formats, text and .bin, and GloVe's text.

word2vec.c begins both of its formats with a line `V D`. In .bin each word ends with a space, D float32 follow, and then
a newline that gensim and the GoogleNews file leave out. GloVe has no first line. Nothing a header claims is believed:
memory is taken for what is there, line by line. Words that are no UTF-8 keep their odd bytes, as Python's surrogate
escapes, so that they are written as they were read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np

from epochal.core.fault import InputFault, printable
from epochal.core.lines import WHITE
from epochal.core.report import counted
from epochal.interop.vectors import Vectors

MOST_WORD_BYTES = 10_000
_MOST_DIMENSION = 100_000
# What a number takes in a line at most, on the average; nine digits with all their marks are 16.
_NUMBER_BYTES = 32
_MARK = b"\xef\xbb\xbf"
_AT_ONCE = 1 << 20
_PACKED = {b"\x1f\x8b": "gunzip", b"\xfd7zXZ": "unxz", b"PK\x03\x04": "unzip"}
_EXPECTED = "word2vec text or .bin, GloVe text, or .safetensors of `epochal export`"


def read_word2vec(path: Path, size: int) -> Vectors:
    """The vectors of a file in word2vec's text or .bin, or in GloVe's text, told apart by its content.

    Of a word that comes twice the first vector counts, as in gensim.

    Args:
        path: the file.
        size: its bytes.

    Raises:
        InputFault: the file is none of them, is cut short, or claims what cannot be.
        OSError: it cannot be read.
    """
    with open(path, "rb") as file:
        first = _line(path, file, 1, _MOST_DIMENSION)
        if packed := next((tool for mark, tool in _PACKED.items() if first.startswith(mark)), None):
            raise no_vectors(path, f"it is packed: unpack it with {packed} first")
        header = _header(path, first.removeprefix(_MARK), size)
        if header is None:
            file.seek(len(_MARK) if first.startswith(_MARK) else 0)
            return _from_text(path, file, None)
        begun = file.tell()
        head = file.read(4096)
        file.seek(begun)
        if _is_text(head, header[1]):
            return _from_text(path, file, header)
        return _from_binary(path, file, size, header)


def _line(path: Path, file: IO[bytes], number: int, dimension: int) -> bytes:
    """The next line, which has room for a word and so many numbers."""
    most = MOST_WORD_BYTES + _NUMBER_BYTES * (dimension + 1)
    line = file.readline(most + 1)
    if len(line) > most:
        raise no_vectors(path, f"line {number:,} is longer than {most:,} bytes")
    return line


def _header(path: Path, line: bytes, size: int) -> tuple[int, int] | None:
    """The two numbers of word2vec.c's first line; None for GloVe, whose first line is a word with its numbers."""
    fields = line.split(None, _MOST_DIMENSION + 1)
    if len(fields) > _MOST_DIMENSION + 1:
        raise no_vectors(path, f"its first line has more than {_MOST_DIMENSION:,} numbers")
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 19 for field in fields):
        last = fields[-2:] if len(fields) > 2 or not fields or _is_number(fields[0]) else fields[-1:]
        if len(fields) > 1 and all(map(_is_number, last)) and len(fields) > len(last):
            return None
        raise no_vectors(path, "its first line is neither `V D` nor a word with numbers")
    words, dimension = int(fields[0]), int(fields[1])
    if not line.endswith(b"\n") or not words or not 1 <= dimension <= _MOST_DIMENSION:
        raise no_vectors(path, f"it claims {words:,} words of {dimension:,} numbers")
    if words * (dimension + 1) > size:  # a number has a byte at least, in either format, and so has a word
        raise no_vectors(path, f"it claims {words:,} words of {dimension:,} numbers and has {size:,} bytes")
    return words, dimension


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _is_text(head: bytes, dimension: int) -> bool:
    """Whether numbers are written out, judged by the first word's."""
    line, newline, _ = head.lstrip(b"\n").partition(b"\n")
    fields = line.split()[1 : dimension + 1]
    whole = fields if newline else fields[:-1]  # the last one may be cut by the end of what was read
    return bool(fields) and all(_is_number(field) for field in whole or fields)


def _from_text(path: Path, file: IO[bytes], header: tuple[int, int] | None) -> Vectors:
    """Text, a word a line; GloVe's words may hold spaces, so the numbers are counted from the end."""
    rows = _Rows(path, None if header is None else header[0])
    dimension = None if header is None else header[1]
    number = 1 if header is None else 2
    while line := _line(path, file, number, _MOST_DIMENSION if dimension is None else dimension):
        if content := line.strip():
            dimension = _numbers_in(path, content) if dimension is None else dimension
            word, *numbers = content.rsplit(None, dimension)
            if len(numbers) < dimension or (header is not None and len(word.split()) > 1):
                found = len(content.split()) - 1
                raise no_vectors(path, f"line {number:,} has {found:,} numbers and not {dimension:,}")
            try:
                with np.errstate(over="ignore"):  # what is too large is found to be infinite
                    row = np.array(numbers, dtype=np.float64).astype(np.float32)
            except ValueError:
                raise no_vectors(path, f"line {number:,} holds what is no number") from None
            rows.add(word, row)
        number += 1
    return rows.whole(path)


def _numbers_in(path: Path, line: bytes) -> int:
    """How many numbers the first line of a GloVe file ends with; the first field is a word, whatever it looks like."""
    fields = line.split()
    dimension = 0
    while dimension < len(fields) - 1 and _is_number(fields[-1 - dimension]):
        dimension += 1
    if not 1 <= dimension <= _MOST_DIMENSION:
        raise no_vectors(path, f"its first line has {dimension:,} numbers")
    return dimension


def _from_binary(path: Path, file: IO[bytes], size: int, header: tuple[int, int]) -> Vectors:
    count, dimension = header
    width = 4 * dimension
    if count * (width + 2) > size:  # a letter and a space at least
        raise no_vectors(path, f"it claims {count:,} words of {dimension:,} float32 and has {size:,} bytes")
    rows, content, place = _Rows(path, count), b"", 0
    for number in range(1, count + 1):
        while (end := content.find(b" ", place)) < 0 or len(content) < end + 1 + width:
            if end < 0 and len(content) - place > MOST_WORD_BYTES + 1:
                raise no_vectors(path, f"word {number:,} is longer than {MOST_WORD_BYTES:,} bytes")
            if not (more := file.read(max(_AT_ONCE, width))):
                raise no_vectors(path, f"it claims {count:,} words and has {number - 1:,}: it is cut short")
            content, place = content[place:] + more, 0
        # Before a word may stand the newline that ends the row before it, or not.
        word = content[place:end].lstrip(b"\n")
        rows.add(word, np.frombuffer(content, "<f4", dimension, end + 1))
        place = end + 1 + width
    if content[place:].strip(b"\n") or file.read(2).strip(b"\n"):
        raise no_vectors(path, f"it claims {count:,} words and has more")
    return rows.whole(path)


class _Rows:
    """Words with their rows as they are read, in blocks; the first row of a word counts.

    Args:
        path: the file, to be named.
        claimed: how many words it claims to have; None: it does not say.
    """

    def __init__(self, path: Path, claimed: int | None) -> None:
        self._path, self._claimed = path, claimed
        self._places: dict[str, int] = {}
        self._blocks: list[np.ndarray] = []
        self._filled = self._read = 0
        self._twice: list[str] = []

    def add(self, word: bytes, row: np.ndarray) -> None:
        """Take a word with its row."""
        if not word or len(word) > MOST_WORD_BYTES:
            raise no_vectors(self._path, f"it has a word of {len(word):,} bytes")
        if self._read == self._claimed:
            raise no_vectors(self._path, f"it claims {self._claimed:,} words and has more")
        self._read += 1
        text = word.decode("utf-8", errors="surrogateescape")
        if text in self._places:
            self._twice.append(text)
            return
        self._places[text] = len(self._places)
        if not self._blocks or self._filled == len(self._blocks[-1]):
            self._blocks.append(np.empty((max(1, _AT_ONCE // (4 * len(row))), len(row)), np.float32))
            self._filled = 0
        self._blocks[-1][self._filled] = row
        self._filled += 1

    def whole(self, path: Path) -> Vectors:
        """All of them."""
        if self._claimed is not None and self._read < self._claimed:
            raise no_vectors(path, f"it claims {self._claimed:,} words and has {self._read:,}: it is cut short")
        if not self._places:
            raise no_vectors(path, "it has no words")
        self._blocks[-1] = self._blocks[-1][: self._filled]
        end = len(self._places)
        matrix = np.empty((end, self._blocks[-1].shape[1]), np.float32)
        while self._blocks:  # from the last to the first, each given back as soon as it is copied
            block = self._blocks.pop()
            matrix[end - len(block) : end] = block
            end -= len(block)
        if not np.isfinite(matrix).all():
            raise no_vectors(path, "some of its numbers are not finite")
        notes = [
            f"{counted(len(self._twice), 'row')} left out: of words that came before, such as {printable(one, 60)!r}"
            for one in self._twice[:1]
        ]
        return Vectors(tuple(self._places), matrix, None, path.name, tuple(notes))


def no_vectors(path: Path, reason: str) -> InputFault:
    """The fault of a file that cannot be read as word vectors."""
    return InputFault(f"{printable(str(path))} holds no word vectors that can be read: {reason}", expected=_EXPECTED)


def refuse_white_space(words: Iterable[str]) -> None:
    """Refuse words that text and .bin would cut.

    Raises:
        InputFault: a word is empty or has ASCII white space in it.
    """
    for word in words:
        if not word or any(white in word for white in WHITE):
            raise InputFault(
                f"the word {printable(word, 60)!r} has white space in it, or nothing else",
                expected="words without any, which these formats cannot hold",
                remedy="--format safetensors",
            )


def as_binary(vectors: Vectors) -> Iterator[bytes]:
    """The vectors in word2vec.c's .bin, a word at a time."""
    yield _first_line(vectors)
    for word, row in zip(vectors.words, vectors.matrix, strict=True):
        yield word.encode("utf-8", errors="surrogateescape") + b" " + row.astype("<f4", copy=False).tobytes() + b"\n"


def as_text(vectors: Vectors) -> Iterator[bytes]:
    """The vectors in word2vec.c's text, a word a line."""
    yield _first_line(vectors)
    for word, numbers in zip(vectors.words, written_out(vectors.matrix, " "), strict=True):
        yield word.encode("utf-8", errors="surrogateescape") + b" " + numbers


def _first_line(vectors: Vectors) -> bytes:
    return f"{len(vectors)} {vectors.matrix.shape[1]}\n".encode()


def written_out(matrix: np.ndarray, between: str) -> Iterator[bytes]:
    """A row a line; nine digits tell any two float32 apart."""
    form = between.join(["%.9g"] * matrix.shape[1]) + "\n"
    for row in matrix:
        yield (form % tuple(row.tolist())).encode()
