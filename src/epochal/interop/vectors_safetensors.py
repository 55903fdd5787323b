"""Word vectors as our own: a matrix, the words in UTF-8 a line each, and their counts, in one safetensors file.

Nothing is lost in it: words may hold spaces, counts stay, and a program can map the matrix into memory.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from epochal.interop.safetensors_file import open_safetensors, write_safetensors
from epochal.interop.vectors import Vectors
from epochal.interop.word2vec_file import no_vectors

_MATRIX, _WORDS, _COUNTS = "vectors", "vocabulary", "counts"
_INTEGERS = (torch.int64, torch.int32)


def is_safetensors(head: bytes, size: int) -> bool:
    """Whether a file that begins so is one: the length of its header, which must fit, and a brace."""
    return head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8


def read_own(path: Path) -> Vectors:
    """The vectors of a file that `write_own` wrote.

    Raises:
        InputFault: it is something else, or damaged.
    """
    stored = open_safetensors(path)
    headers = stored.tensors
    if _MATRIX not in headers or _WORDS not in headers:
        raise no_vectors(path, f"it has no tensors {_MATRIX} and {_WORDS}")
    matrix, words = headers[_MATRIX], headers[_WORDS]
    if len(matrix.shape) != 2 or not matrix.dtype.is_floating_point or 0 in matrix.shape:
        raise no_vectors(path, f"{_MATRIX} is of the shape {matrix.shape} and holds {matrix.dtype}")
    if len(words.shape) != 1 or words.dtype != torch.uint8:
        raise no_vectors(path, f"{_WORDS} is of the shape {words.shape} and holds {words.dtype}")
    names = stored.read(_WORDS).numpy().tobytes().decode("utf-8", errors="surrogateescape").split("\n")
    if len(names) != matrix.shape[0]:
        raise no_vectors(path, f"it has {len(names):,} words and {matrix.shape[0]:,} rows")
    if "" in names or len(set(names)) < len(names):
        raise no_vectors(path, "one of its words is empty, or comes twice")
    rows = stored.read(_MATRIX).float().numpy()
    if not np.isfinite(rows).all():
        raise no_vectors(path, "some of its numbers are not finite")
    counts = None
    if _COUNTS in headers:
        if headers[_COUNTS].shape != (len(names),) or headers[_COUNTS].dtype not in _INTEGERS:
            raise no_vectors(path, f"{_COUNTS} is of the shape {headers[_COUNTS].shape}")
        counts = stored.read(_COUNTS).numpy().astype(np.int64)
    return Vectors(tuple(names), rows, counts, path.name)


def write_own(path: Path, vectors: Vectors, metadata: dict[str, str]) -> None:
    """Write vectors with their counts.

    Raises:
        DiskFault: the disk is full or refuses.
    """
    text = "\n".join(vectors.words).encode("utf-8", errors="surrogateescape")
    tensors = {
        _MATRIX: torch.from_numpy(np.ascontiguousarray(vectors.matrix)),
        _WORDS: torch.from_numpy(np.frombuffer(text, np.uint8).copy()),
    }
    if vectors.counts is not None:
        tensors[_COUNTS] = torch.from_numpy(vectors.counts)
    write_safetensors(path, tensors, metadata)
