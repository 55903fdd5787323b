"""Text: files of any packing in blocks of whole words, and the numbers that they become."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.data import numbering
from epochal.data.numbering import read_corpus
from epochal.data.text import known_texts, open_text
from epochal.data.vocabulary import frequent, listed_words

TEXT = "The cat sat.\nIt's the Café's cat, at 10 o'clock!\n\nthe END"


def words_of(spec: str, tokenizer: str = "simple") -> list[str]:
    found = read_corpus(open_text(spec), tokenizer)
    return [found.types[number] for number in found.tokens]


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress, lzma.compress])
def test_packed_text_is_read_like_plain_text(pack, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(pack(TEXT.encode()))
    expected = [
        "the",
        "cat",
        "sat",
        "</s>",
        "it",
        "s",
        "the",
        "caf",
        "s",
        "cat",
        "at",
        "o",
        "clock",
        "</s>",
        "</s>",
        "the",
        "end",
        "</s>",
    ]
    assert words_of(f"text:{tmp_path}/one") == expected


def test_the_whitespace_tokenizer_keeps_what_stands_between_spaces(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(TEXT, encoding="utf-8")
    expected = [
        "The",
        "cat",
        "sat.",
        "</s>",
        "It's",
        "the",
        "Café's",
        "cat,",
        "at",
        "10",
        "o'clock!",
        "</s>",
        "</s>",
        "the",
        "END",
        "</s>",
    ]
    assert words_of(f"text:{tmp_path}/one", "whitespace") == expected


def test_blocks_of_any_size_hold_whole_words(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(TEXT * 30, encoding="utf-8")
    text = open_text(f"text:{tmp_path}/one")
    whole = b"".join(text.blocks())
    for most in (13, 64, 1000):
        blocks = list(text.blocks(most))
        assert b"".join(blocks) == whole
        assert max(map(len, blocks)) < 2 * most
        assert [word for block in blocks for word in block.split()] == whole.split()


def test_folders_and_patterns_are_read_in_the_order_of_names(tmp_path: Path) -> None:
    for name, word in (("b.txt", "second"), ("a.txt", "first"), ("c.log", "other")):
        (tmp_path / name).write_text(word)
    assert words_of(f"text:{tmp_path}") == ["first", "</s>", "second", "</s>"]
    assert words_of(f"text:{tmp_path}/*.log") == ["other", "</s>"]


def test_counts_and_words_are_those_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("a b a\nc a b\n")
    found = read_corpus(open_text(f"text:{tmp_path}/one"))
    assert dict(zip(found.types, found.counts.tolist(), strict=True)) == {"</s>": 3, "a": 3, "b": 2, "c": 1}
    assert found.words == 6
    again = read_corpus(open_text(f"text:{tmp_path}/one"))
    assert isinstance(again.tokens, np.memmap)
    np.testing.assert_array_equal(found.tokens, again.tokens)


def test_a_text_that_changed_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("old")
    assert words_of(f"text:{tmp_path}/one") == ["old", "</s>"]
    (tmp_path / "one").write_text("new")
    assert words_of(f"text:{tmp_path}/one") == ["new", "</s>"]


def test_rare_words_are_forgotten_when_there_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "MOST_TYPES", 20)
    names = ["".join(chr(97 + (n // 26**k) % 26) for k in range(3)) for n in range(100)]
    (tmp_path / "one").write_text("often often often often " + " ".join(names) + " often")
    (tmp_path / "two").write_text(f"often {names[-1]}")
    found = read_corpus(open_text(f"text:{tmp_path}/*"))
    assert found.counts[found.types.index("often")] == 6
    assert sum(1 for word in found.types if word) < 100


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"good words\nbad \xff word", "one is no UTF-8: byte 15 is 0xff"),
        (b"\xef\xbb\xbfgood words\nbad \xff word", "one is no UTF-8: byte 18 is 0xff"),
        (b"", "holds no text"),
        (b"1 2 3 ...", "holds no words of the letters a to z"),
        ("слова".encode(), "holds no words of the letters a to z"),
        ("some words".encode("utf-16"), "iconv -f utf-16"),
        (gzip.compress(b"some words", mtime=0)[:-9], "cannot be read"),
        (lzma.compress(b"some words " * 99)[:-40], "cannot be read"),
    ],
)
def test_what_cannot_be_read_is_named(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(content)
    with pytest.raises(InputFault, match=said):
        words_of(f"text:{tmp_path}/one")


@pytest.mark.parametrize(
    ("content", "tokenizer", "said"),
    [
        ("le café où naît " * 9, "simple", "25.0% of the letters are not a to z"),
        ("le café où naît " * 9, "whitespace", ""),
        ("plain “quoted” words — and numbers ½ ② " * 9, "simple", ""),
    ],
)
def test_letters_that_the_simple_tokenizer_does_not_know_are_told(
    content: str, tokenizer: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "one").write_text(content, encoding="utf-8")
    told: list[str] = []
    read_corpus(open_text(f"text:{tmp_path}/one"), tokenizer, report=lambda row: told.append(row["text"]))
    assert any(said in text for text in told) if said else not any("of the letters" in text for text in told)


def test_a_file_without_spaces_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"x" * 100_000)
    with pytest.raises(InputFault, match="no white space"):
        list(open_text(f"text:{tmp_path}/one").blocks(1000))


@pytest.mark.parametrize("spec", ["text:", "text:/nowhere", "digits", "texts:x"])
def test_a_specification_that_names_no_text_is_refused(spec: str) -> None:
    with pytest.raises(InputFault):
        open_text(spec)


def test_the_embedded_text_is_there_and_named_texts_are_told() -> None:
    assert "topics" in {row.name for row in known_texts()}
    assert read_corpus(open_text("topics")).words > 20_000
    with pytest.raises(InputFault, match="wiki is not on this machine"):
        open_text("wiki")


def test_the_frequent_words_come_first_and_of_equals_the_first_seen() -> None:
    counts = np.array([9, 2, 5, 2, 1, 7])
    words = ["</s>", "a", "b", "c", "d", "e"]
    assert frequent(words, counts, least=2, first=1).tolist() == [0, 5, 2, 1, 3]
    assert frequent(words, counts, least=2, most=3).tolist() == [0, 5, 2]


def test_a_vocabulary_file_is_read_as_word2vec_c_writes_it(tmp_path: Path) -> None:
    for mark in ("", "\ufeff"):
        (tmp_path / "v").write_text(f"{mark}the 5\nnaïve\t2\r\n\n10\u00a0km 1\na\u2028b 1\n", encoding="utf-8")
        assert listed_words(tmp_path / "v") == ("the", "naïve", "10\u00a0km", "a\u2028b")
    for content, said in ((b"", "holds no words"), (b"a 1\na 2\n", "'a' twice"), (b"a\n\xff\n", "line 2 is no UTF-8")):
        (tmp_path / "bad").write_bytes(content)
        with pytest.raises(InputFault, match=said):
            listed_words(tmp_path / "bad")
    with pytest.raises(InputFault, match="cannot be read"):
        listed_words(tmp_path / "none")


@pytest.mark.parametrize("pack", [lambda b: b, gzip.compress, lzma.compress])
def test_the_mark_before_the_first_letter_is_no_letter(pack, tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.txt").write_bytes(pack("\ufeffone two\n".encode()))
    expected = ["one", "two", "</s>", "</s>"] * 2
    assert words_of(f"text:{tmp_path}", "whitespace") == expected


def test_streams_of_xz_follow_one_another_and_garbage_does_not(tmp_path: Path) -> None:
    two = lzma.compress(b"one ") + b"\0" * 8 + lzma.compress(b"two\n" * 9000)
    (tmp_path / "one").write_bytes(two)
    assert words_of(f"text:{tmp_path}/one")[:4] == ["one", "two", "</s>", "two"]
    for packed in (two, gzip.compress(b"some words")):
        for garbage in (b"garbage", b"\x1f\x8b", b"\xfd7zXZ"):
            (tmp_path / "bad").write_bytes(packed + garbage)
            with pytest.raises(InputFault, match="cannot be read"):
                words_of(f"text:{tmp_path}/bad")
