"""Files of word vectors: what was written is read back, what lies is refused before memory is taken."""

from __future__ import annotations

import gzip
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from epochal.core.fault import InputFault
from epochal.interop.vectors import Vectors
from epochal.interop.vectors_file import read_vectors, write_vectors
from epochal.verbs.word_sums import neighbours

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


def test_odd_bytes_in_a_word_are_kept_and_written_as_they_were_read(tmp_path: Path) -> None:
    content = b"1 2\n\xffx\xe9 " + np.ones(2, np.float32).tobytes() + b"\n"
    (tmp_path / "v").write_bytes(content)
    found = read_vectors(tmp_path / "v")
    write_vectors(tmp_path / "again", found, "word2vec-bin", {})
    assert (tmp_path / "again").read_bytes() == content
    for format in ("word2vec", "safetensors"):
        write_vectors(tmp_path / format, found, format, {})
        assert read_vectors(tmp_path / format).words == found.words
    assert neighbours(found, found.words[0], include_inputs=True)


@pytest.mark.parametrize("white", ["\u00a0", "\u2028", "\u0085", "\u2003", "\x1c"])
def test_white_space_of_other_alphabets_is_part_of_a_word(white: str, tmp_path: Path) -> None:
    odd = Vectors((f"10{white}km", f"{white}", f"end{white}"), MATRIX[:3])
    for format in ("word2vec", "word2vec-bin", "safetensors"):
        write_vectors(tmp_path / format, odd, format, {})
        found = read_vectors(tmp_path / format)
        assert found.words == odd.words
        np.testing.assert_array_equal(found.matrix, odd.matrix)


def test_a_word_that_comes_twice_counts_once_and_is_noted(tmp_path: Path) -> None:
    (tmp_path / "v").write_text("4 2\na 1 2\nb 3 4\na 5 6\nc 7 8\n")
    found = read_vectors(tmp_path / "v")
    assert (found.words, found.matrix.tolist()) == (("a", "b", "c"), [[1, 2], [3, 4], [7, 8]])
    assert "1 row left out: of words that came before, such as 'a'" in found.notes[0]


@pytest.mark.parametrize("between", ["\t", "  ", " \t "])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_tabs_double_spaces_and_a_mark_before_the_first_letter_are_read(
    between: str, mark: bytes, tmp_path: Path
) -> None:
    lines = [["the", "1", "-2.5", "3e-2"], ["cat", "4", "5", "6"]]
    text = "".join(between.join(line) + "\r\n" for line in lines).encode()
    for head in (b"", f"2{between}3\n".encode()):
        (tmp_path / "v").write_bytes(mark + head + text)
        found = read_vectors(tmp_path / "v")
        assert found.words == ("the", "cat")
        assert found.matrix.tolist() == [[1, -2.5, np.float32(0.03)], [4, 5, 6]]


def test_a_header_with_eight_letters_before_a_brace_is_text(tmp_path: Path) -> None:
    (tmp_path / "v").write_text("abcdefgh{ 1 2\nb 3 4\n", encoding="utf-8")
    assert read_vectors(tmp_path / "v").words == ("abcdefgh{", "b")


def test_gloves_first_line_may_be_long_and_its_first_word_a_number(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(size=(2, 2000)).astype(np.float32)
    lines = [" ".join([word, *map(repr, map(float, row))]) for word, row in zip("5,", numbers, strict=True)]
    (tmp_path / "v").write_text("\n".join(lines))
    assert len(lines[0]) > 20_000
    found = read_vectors(tmp_path / "v")
    assert found.words == ("5", ",")
    np.testing.assert_array_equal(found.matrix, numbers)


def test_a_sparse_file_of_terabytes_is_refused_at_once(tmp_path: Path) -> None:
    for head in (b"1000000000 300\n", b"1000000000 300\nthe ", b"a 1 2\n", b""):
        with open(tmp_path / "v", "wb") as file:
            file.write(head)
            file.truncate(900 << 30)
        tracemalloc.start()
        try:
            with pytest.raises(InputFault):
                read_vectors(tmp_path / "v")
            assert tracemalloc.get_traced_memory()[1] < 24 << 20
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("format", ["word2vec", "word2vec-bin", "projector"])
def test_vectors_are_written_row_by_row(format: str, tmp_path: Path) -> None:
    words = tuple(f"w{number}" for number in range(5000))
    many = Vectors(words, np.random.default_rng(0).normal(size=(len(words), 64)).astype(np.float32))
    tracemalloc.start()
    try:
        write_vectors(tmp_path / "v", many, format, {})
        assert tracemalloc.get_traced_memory()[1] < many.matrix.nbytes / 2
    finally:
        tracemalloc.stop()


OWN = {
    "vectors": torch.ones(2, 3),
    "vocabulary": torch.tensor(list(b"a\nb"), dtype=torch.uint8),
    "counts": torch.tensor([2, 1]),
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"vocabulary": OWN["vocabulary"].bfloat16()}, "vocabulary is of"),
        ({"vocabulary": OWN["vocabulary"][None]}, "vocabulary is of"),
        ({"counts": torch.ones(2, dtype=torch.bfloat16)}, "counts is of"),
        ({"counts": torch.ones(3, dtype=torch.int64)}, "counts is of"),
        ({"vectors": torch.ones(2, 0)}, "vectors is of"),
        ({"vectors": torch.ones(2, 3, dtype=torch.int64)}, "vectors is of"),
        ({"vectors": torch.full((2, 3), torch.inf)}, "not finite"),
        ({"vocabulary": torch.tensor(list(b"a\n"), dtype=torch.uint8)}, "empty"),
        ({"vocabulary": torch.tensor(list(b"a\na"), dtype=torch.uint8)}, "twice"),
        ({"vocabulary": torch.tensor(list(b"a"), dtype=torch.uint8)}, "1 words and 2 rows"),
    ],
)
def test_a_file_like_ours_that_lies_is_refused(changes: dict, said: str, tmp_path: Path) -> None:
    save_file(OWN, tmp_path / "v")
    assert read_vectors(tmp_path / "v").words == ("a", "b")
    save_file({**OWN, **changes}, tmp_path / "v")
    with pytest.raises(InputFault, match=said):
        read_vectors(tmp_path / "v")


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
        (b"2 3\na 1 2 1e300\nb 1 2 3\n", "not finite"),
        (b"1 1", "claims 1 words of 1 numbers"),
        (b"1 1\n", "claims 1 words of 1"),
        (b"2 3\na 1 2 3\nb c 1 2 3\n", "line 3 has 4 numbers"),
        (b"2 2\n 1 2\nb 1 2\n", "line 2 has 1 numbers"),
        (b"a 1 2\n" + b"x" * 7_000_000, "longer than"),
        (b"1 " * 3_000_000, "longer than"),
        (b"1 " * 200_000 + b"\n", "more than 100,000 numbers"),
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


@pytest.mark.parametrize(("pack", "tool"), [(gzip.compress, "gunzip"), (lzma.compress, "unxz")])
def test_a_packed_file_is_told_as_such(pack: Callable[[bytes], bytes], tool: str, tmp_path: Path) -> None:
    write_vectors(tmp_path / "v", OURS, "word2vec", {})
    (tmp_path / "v").write_bytes(pack((tmp_path / "v").read_bytes()))
    with pytest.raises(InputFault, match=tool):
        read_vectors(tmp_path / "v")
