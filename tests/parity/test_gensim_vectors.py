"""gensim reads the vectors that we write, and we read those that it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from epochal.interop.vectors import Vectors
from epochal.interop.vectors_file import read_vectors, write_vectors
from epochal.verbs.word_sums import neighbours

keyed_vectors = pytest.importorskip("gensim.models.keyedvectors")

WORDS = ("the", "naïve", "new_york", "12.5", "-")
MATRIX = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
OURS = Vectors(WORDS, MATRIX, np.arange(5)[::-1].copy())
FORMATS = [("word2vec", False), ("word2vec-bin", True)]


@pytest.mark.parametrize(("format", "binary"), FORMATS)
def test_gensim_reads_what_we_write(format: str, binary: bool, tmp_path: Path) -> None:
    write_vectors(tmp_path / "v", OURS, format, {})
    theirs = keyed_vectors.KeyedVectors.load_word2vec_format(str(tmp_path / "v"), binary=binary)
    assert tuple(theirs.index_to_key) == WORDS
    np.testing.assert_array_equal(theirs.vectors, MATRIX)


@pytest.mark.parametrize(("format", "binary"), FORMATS)
def test_we_read_what_gensim_writes(format: str, binary: bool, tmp_path: Path) -> None:
    theirs = keyed_vectors.KeyedVectors(MATRIX.shape[1])
    theirs.add_vectors(list(WORDS), MATRIX)
    theirs.save_word2vec_format(str(tmp_path / "v"), binary=binary)
    ours = read_vectors(tmp_path / "v")
    assert ours.words == WORDS
    np.testing.assert_array_equal(ours.matrix, MATRIX)


def test_both_find_the_same_neighbours_at_the_same_cosines() -> None:
    theirs = keyed_vectors.KeyedVectors(MATRIX.shape[1])
    theirs.add_vectors(list(WORDS), MATRIX)
    found = neighbours(OURS, "the - 12.5 + naïve", top=2)
    expected = theirs.most_similar(positive=["the", "naïve"], negative=["12.5"], topn=2)
    assert [word for word, _ in found] == [word for word, _ in expected]
    assert [cosine for _, cosine in found] == pytest.approx([cosine for _, cosine in expected], abs=1e-6)
