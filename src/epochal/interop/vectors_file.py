"""The formats in which word vectors travel: told apart when they are read, chosen by name when they are written."""

from __future__ import annotations

import json
from pathlib import Path

from epochal.core.durable import disk_fault, replace_file
from epochal.core.fault import InputFault, printable
from epochal.interop.projector import write_projector
from epochal.interop.stored import file_size
from epochal.interop.vectors import Vectors
from epochal.interop.vectors_safetensors import is_safetensors, read_own, write_own
from epochal.interop.word2vec_file import as_binary, as_text, read_word2vec, refuse_white_space

FORMATS = ("word2vec", "word2vec-bin", "safetensors", "projector")


def read_vectors(path: Path) -> Vectors:
    """The vectors of a file in any of these formats but the Projector's, or in GloVe's.

    Raises:
        InputFault: the file is none of them, is cut short, or claims what cannot be.
    """
    size = file_size(path)
    try:
        with open(path, "rb") as file:
            head = file.read(9)
        return read_own(path) if is_safetensors(head, size) else read_word2vec(path, size)
    except OSError as error:
        raise InputFault(f"{printable(str(path))} cannot be read: {error.strerror}", expected="a file") from None


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
        write_own(path, vectors, metadata)
        return ()
    refuse_white_space(vectors.words)
    try:
        if format == "projector":
            write_projector(path, vectors)
            return ("load both files at projector.tensorflow.org, or in TensorBoard",)
        replace_file(path, as_binary(vectors) if format == "word2vec-bin" else as_text(vectors))
    except OSError as error:
        raise disk_fault(error, path) from error
    return ()


def described(metadata: dict[str, object]) -> dict[str, str]:
    """Metadata as texts."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in metadata.items()}
