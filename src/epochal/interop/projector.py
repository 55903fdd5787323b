"""The two files of the Embedding Projector: the rows, and the words that they are of."""

from __future__ import annotations

from pathlib import Path

from epochal.core.durable import replace_file
from epochal.interop.vectors import Vectors
from epochal.interop.word2vec_file import written_out


def write_projector(folder: Path, vectors: Vectors) -> None:
    """Make a folder with vectors.tsv and metadata.tsv.

    Raises:
        OSError: the disk is full or refuses.
    """
    folder.mkdir()
    replace_file(folder / "vectors.tsv", written_out(vectors.matrix, "\t"))
    lines = (f"{word}\n".encode("utf-8", errors="surrogateescape") for word in vectors.words)
    replace_file(folder / "metadata.tsv", lines)
