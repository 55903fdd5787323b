"""The formats in which word vectors travel: word2vec.c's text and .bin, GloVe's text, ours, the Embedding Projector's.

word2vec.c begins both of its formats with a line `V D`. In .bin each word ends with a space, D float32 follow, and then
a newline that gensim and the GoogleNews file leave out. GloVe has no first line. Nothing a header claims is believed:
the file's own size bounds what memory is taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np
import torch

from epochal.core.durable import disk_fault, replace_file
from epochal.core.fault import InputFault, printable
from epochal.interop.safetensors_file import open_safetensors, write_safetensors
from epochal.interop.stored import file_size
from epochal.interop.vectors import Vectors

FORMATS = ("word2vec", "word2vec-bin", "safetensors", "projector")
MOST_WORD_BYTES = 10_000
_MOST_DIMENSION = 100_000
_MATRIX, _WORDS, _COUNTS = "vectors", "vocabulary", "counts"


def read_vectors(path: Path) -> Vectors:
    """The vectors of a file in any of these formats but the Projector's, told apart by its content.

    Words that are no UTF-8 keep their odd bytes as escapes (`\\xff`).

    Raises:
        InputFault: the file is none of them, is cut short, or claims what cannot be.
    """
    size = file_size(path)
    try:
        with open(path, "rb") as file:
            head = file.read(4096)
            file.seek(0)
            if head[8:9] == b"{":
                return _from_safetensors(path)
            header = _header(path, head, size)
            if header is None:
                return _from_text(path, file, size, None)
            file.readline()
            if _is_text(head, header[1]):
                return _from_text(path, file, size, header)
            return _from_binary(path, file, size, header)
    except OSError as error:
        raise InputFault(f"{printable(str(path))} cannot be read: {error.strerror}", expected="a file") from None


def _header(path: Path, head: bytes, size: int) -> tuple[int, int] | None:
    """The two numbers of word2vec.c's first line; None for GloVe, whose first line is a word with its numbers."""
    fields = head.split(b"\n", 1)[0].split()
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 19 for field in fields):
        if len(fields) > 2 and all(_is_number(field) for field in fields[-2:]):
            return None
        raise _no_vectors(path, "its first line is neither `V D` nor a word with numbers")
    words, dimension = int(fields[0]), int(fields[1])
    if not words or not 1 <= dimension <= _MOST_DIMENSION:
        raise _no_vectors(path, f"it claims {words:,} words of {dimension:,} numbers")
    if words * (dimension + 1) > size:  # a number has a byte at least, in either format, and so has a word
        raise _no_vectors(path, f"it claims {words:,} words of {dimension:,} numbers and has {size:,} bytes")
    return words, dimension


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _is_text(head: bytes, dimension: int) -> bool:
    """Whether numbers are written out, judged by the first word's."""
    line = head.split(b"\n", 1)[1].lstrip(b"\n")
    fields = line.split(b"\n", 1)[0].rstrip(b" \r").split(b" ")[1 : dimension + 1]
    whole = fields[:-1] if b"\n" not in line else fields  # the last one may be cut by the end of what was read
    return bool(fields) and all(_is_number(field) for field in whole or fields)


def _from_text(path: Path, file: IO[bytes], size: int, header: tuple[int, int] | None) -> Vectors:
    """Text, a word a line; GloVe's words may hold spaces, so the numbers are counted from the end."""
    words: list[str] = []
    dimension = None if header is None else header[1]
    rows = None if header is None else np.empty(header, np.float32)
    found: list[np.ndarray] = []
    for number, line in enumerate(file, 1 if header is None else 2):
        fields = line.rstrip(b" \r\n").split(b" ")
        if fields == [b""]:
            continue
        dimension = len(fields) - 1 if dimension is None else dimension
        word, numbers = b" ".join(fields[:-dimension]), fields[-dimension:]
        if len(fields) < dimension + 1 or (header is not None and len(fields) != dimension + 1):
            raise _no_vectors(path, f"line {number:,} has {len(fields) - 1:,} numbers and not {dimension:,}")
        if rows is not None and len(words) == len(rows):
            raise _no_vectors(path, f"it claims {len(rows):,} words and has more")
        try:
            row = np.array(numbers, dtype=np.float64).astype(np.float32)
        except ValueError:
            raise _no_vectors(path, f"line {number:,} holds what is no number") from None
        words.append(_word(path, word))
        if rows is None:
            found.append(row)
        else:
            rows[len(words) - 1] = row
    if rows is not None and len(words) < len(rows):
        raise _no_vectors(path, f"it claims {len(rows):,} words and has {len(words):,}: it is cut short")
    return _checked(path, words, np.array(found, np.float32) if rows is None else rows)


def _from_binary(path: Path, file: IO[bytes], size: int, header: tuple[int, int]) -> Vectors:
    count, dimension = header
    width = 4 * dimension
    if count * (width + 2) > size:  # a letter and a space at least
        raise _no_vectors(path, f"it claims {count:,} words of {dimension:,} float32 and has {size:,} bytes")
    rows, words, rest = np.empty((count, dimension), "<f4"), [], b""
    for place in range(count):
        while (end := rest.find(b" ")) < 0 or len(rest) < end + 1 + width:
            if end < 0 and len(rest) > MOST_WORD_BYTES + 1:
                raise _no_vectors(path, f"word {place + 1:,} is longer than {MOST_WORD_BYTES:,} bytes")
            more = file.read(max(1 << 20, width))
            if not more:
                raise _no_vectors(path, f"it claims {count:,} words and has {place:,}: it is cut short")
            rest += more
        # Before a word may stand the newline that ends the row before it, or not.
        words.append(_word(path, rest[:end].lstrip(b"\n")))
        rows[place] = np.frombuffer(rest, "<f4", dimension, end + 1)
        rest = rest[end + 1 + width :]
    if rest.strip(b"\n") or file.read(2).strip(b"\n"):
        raise _no_vectors(path, f"it claims {count:,} words and has more")
    return _checked(path, words, rows)


def _word(path: Path, word: bytes) -> str:
    if not word or len(word) > MOST_WORD_BYTES:
        raise _no_vectors(path, f"it has a word of {len(word):,} bytes")
    return word.decode("utf-8", errors="backslashreplace")


def _checked(path: Path, words: list[str], matrix: np.ndarray) -> Vectors:
    if len(set(words)) < len(words):
        seen: set[str] = set()
        twice = next(word for word in words if word in seen or seen.add(word))  # type: ignore[func-returns-value]
        raise _no_vectors(path, f"it has {printable(twice, 60)!r} twice")
    if not words:
        raise _no_vectors(path, "it has no words")
    if not np.isfinite(matrix).all():
        raise _no_vectors(path, "some of its numbers are not finite")
    return Vectors(tuple(words), matrix.astype(np.float32, copy=False), None, path.name)


def _no_vectors(path: Path, reason: str) -> InputFault:
    return InputFault(
        f"{printable(str(path))} holds no word vectors that can be read: {reason}",
        expected="word2vec text or .bin, GloVe text, or .safetensors of `epochal export`",
    )


def _from_safetensors(path: Path) -> Vectors:
    stored = open_safetensors(path)
    shapes = {name: header.shape for name, header in stored.tensors.items()}
    if _MATRIX not in shapes or _WORDS not in shapes or len(shapes[_MATRIX]) != 2:
        raise _no_vectors(path, f"it has no tensors {_MATRIX} and {_WORDS}")
    words = stored.read(_WORDS).numpy().tobytes().decode("utf-8", errors="backslashreplace").split("\n")
    matrix = stored.read(_MATRIX).float().numpy()
    if len(words) != len(matrix):
        raise _no_vectors(path, f"it has {len(words):,} words and {len(matrix):,} rows")
    counts = stored.read(_COUNTS).numpy().astype(np.int64) if shapes.get(_COUNTS) == (len(words),) else None
    found = _checked(path, words, matrix)
    return Vectors(found.words, found.matrix, counts, path.name)


def write_vectors(path: Path, vectors: Vectors, format: str, metadata: dict[str, str]) -> tuple[str, ...]:
    """Write vectors in one of `FORMATS`; return what a person should know.

    Args:
        path: the file; for the Projector the folder to make.
        vectors: what to write.
        format: one of `FORMATS`.
        metadata: what a safetensors file says of itself.

    Raises:
        InputFault: a word has white space in it, which text and .bin cannot hold.
        DiskFault: the disk is full or refuses.
    """
    if format == "safetensors":
        tensors = {
            _MATRIX: torch.from_numpy(vectors.matrix),
            _WORDS: torch.from_numpy(np.frombuffer("\n".join(vectors.words).encode(), np.uint8).copy()),
        }
        if vectors.counts is not None:
            tensors[_COUNTS] = torch.from_numpy(vectors.counts)
        write_safetensors(path, tensors, metadata)
        return ()
    for word in vectors.words:
        if not word or len(word.split()) != 1 or word != word.strip():
            raise InputFault(
                f"the word {printable(word, 60)!r} has white space in it",
                expected="words without any, which these formats cannot hold",
                remedy="--format safetensors",
            )
    try:
        if format == "projector":
            path.mkdir()
            replace_file(path / "vectors.tsv", b"".join(_lines(vectors, "\t", with_words=False)))
            replace_file(path / "metadata.tsv", "".join(f"{word}\n" for word in vectors.words).encode())
            return ("load both files at projector.tensorflow.org, or in TensorBoard",)
        rows = _binary(vectors) if format == "word2vec-bin" else _lines(vectors, " ", with_words=True)
        replace_file(path, f"{len(vectors)} {vectors.matrix.shape[1]}\n".encode() + b"".join(rows))
    except OSError as error:
        raise disk_fault(error, path) from error
    return ()


def _binary(vectors: Vectors) -> Iterator[bytes]:
    for word, row in zip(vectors.words, vectors.matrix.astype("<f4", copy=False), strict=True):
        yield word.encode() + b" " + row.tobytes() + b"\n"


def _lines(vectors: Vectors, between: str, *, with_words: bool) -> Iterator[bytes]:
    """A row a line; nine digits tell any two float32 apart."""
    form = between.join(["%.9g"] * vectors.matrix.shape[1])
    for word, row in zip(vectors.words, vectors.matrix.tolist(), strict=True):
        yield ((word + between if with_words else "") + form % tuple(row) + "\n").encode()


def described(metadata: dict[str, object]) -> dict[str, str]:
    """Metadata as texts."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}
