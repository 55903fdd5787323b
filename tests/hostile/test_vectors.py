"""Files of word vectors: what was written is read back, what lies is refused before memory is taken."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from epochal.core.fault import InputFault
from epochal.interop.vectors import Vectors
from epochal.interop.word2vec_file import read_vectors, write_vectors

WORDS = ("the", "naïve", "new_york", "12.5", "-")
MATRIX = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
OURS = Vectors(WORDS, MATRIX, np.arange(5)[::-1].copy())


def same(found: Vectors) -> None:
    assert found.words == WORDS
    assert found.matrix.dtype == np.float32
    np.testing.assert_array_equal(found.matrix, MATRIX)


@pytest.mark.parametrize("format", ["word2vec", "word2vec-bin", "safetensors"])
def test_what_was_written_is_read_back_to_the_bit(format: str, tmp_path: Path) -> None:
    write_vectors(tmp_path / "v", OURS, format, {})
    same(read_vectors(tmp_path / "v"))


def test_counts_survive_in_our_own_format(tmp_path: Path) -> None:
    write_vectors(tmp_path / "v", OURS, "safetensors", {})
    np.testing.assert_array_equal(read_vectors(tmp_path / "v").counts, OURS.counts)


def binary(between: bytes) -> bytes:
    rows = (word.encode() + b" " + row.tobytes() + between for word, row in zip(WORDS, MATRIX, strict=True))
    return b"5 3\n" + b"".join(rows)


@pytest.mark.parametrize("between", [b"", b"\n"])
def test_a_binary_file_may_have_newlines_between_its_rows_or_not(between: bytes, tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(binary(between))
    same(read_vectors(tmp_path / "v"))


def test_text_as_word2vec_c_and_glove_write_it(tmp_path: Path) -> None:
    lines = "".join(f"{w} {' '.join(map(str, row.tolist()))} \n" for w, row in zip(WORDS, MATRIX, strict=True))
    (tmp_path / "v").write_text("5 3\n" + lines, encoding="utf-8")
    same(read_vectors(tmp_path / "v"))
    (tmp_path / "glove").write_text(lines.replace(" \n", "\n"), encoding="utf-8")
    same(read_vectors(tmp_path / "glove"))


def test_gloves_words_with_spaces_are_words(tmp_path: Path) -> None:
    (tmp_path / "glove").write_text("at 1 2 3\n. . . 4 5 6\n")
    assert read_vectors(tmp_path / "glove").words == ("at", ". . .")


def test_odd_bytes_in_a_word_are_shown_and_not_fatal(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"1 2\n\xffx " + np.ones(2, np.float32).tobytes())
    assert read_vectors(tmp_path / "v").words == ("\\xffx",)


def test_words_with_spaces_are_not_written_where_they_would_be_cut(tmp_path: Path) -> None:
    spaced = Vectors(("new york",), MATRIX[:1])
    for format in ("word2vec", "word2vec-bin", "projector"):
        with pytest.raises(InputFault, match="white space"):
            write_vectors(tmp_path / "v", spaced, format, {})
    write_vectors(tmp_path / "v", spaced, "safetensors", {})
    assert read_vectors(tmp_path / "v").words == ("new york",)


def test_the_projector_gets_two_files(tmp_path: Path) -> None:
    write_vectors(tmp_path / "p", OURS, "projector", {})
    assert (tmp_path / "p" / "metadata.tsv").read_text(encoding="utf-8").splitlines() == list(WORDS)
    np.testing.assert_array_equal(np.loadtxt(tmp_path / "p" / "vectors.tsv", dtype=np.float32, delimiter="\t"), MATRIX)


GOOD = binary(b"\n")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"999999999999 300\nthe ", "claims 999,999,999,999 words"),
        (b"3 99999999999999999\nthe ", "claims 3 words of"),
        (b"0 3\n", "claims 0 words"),
        (b"2 0\na \nb \n", "claims 2 words of 0 numbers"),
        (b"-1 3\nthe 1 2 3\n", "neither"),
        (b"hello\n", "neither"),
        (b"\0" * 100, "neither"),
        (GOOD[:-9], "claims 5 words"),
        (GOOD + b"more", "has more"),
        (b"2 3\na 1 2 3\nb 1 2\n", "line 3 has 2 numbers"),
        (b"2 3\na 1 2 3\nb 1 2 x\n", "no number"),
        (b"3 3\na 1 2 3\nb 1 2 3\n", "cut short"),
        (b"1 3\na 1 2 3\nb 1 2 3\n", "has more"),
        (b"2 3\na 1 2 3\na 1 2 3\n", "'a' twice"),
        (b"2 3\na 1 2 nan\nb 1 2 3\n", "not finite"),
        (b"a 1 2 3\nb 1 2\n", "numbers and not 3"),
        (b"1 2\n" + b"x" * 30_000, "longer than"),
    ],
)
def test_a_file_that_lies_is_refused_before_memory_is_taken(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(InputFault, match=said):
            read_vectors(tmp_path / "v")
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "v").write_bytes(bytes(content[: data.draw(st.integers(1, len(content)))]))
    try:
        found = read_vectors(tmp_path / "v")
    except InputFault:
        return
    assert len(found.words) == len(found.matrix)
