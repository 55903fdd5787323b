"""The cache of numbered texts: damaged, cut, left behind by a killed process, or made by two processes at once."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from epochal.core.fault import DiskFault, InputFault
from epochal.core.report import silent
from epochal.data import numbering
from epochal.data.corpus import Corpus, cached, let_go
from epochal.data.numbering import read_corpus
from epochal.data.text import open_text

WORDS = ["</s>", "the", "cat", "sat", "</s>", "a", "dog", "the", "</s>"]


def written(folder: Path) -> str:
    (folder / "text").write_text("\nthe cat sat\na dog the")
    return f"text:{folder}/text"


def read(spec: str) -> list[str]:
    found = read_corpus(open_text(spec))
    return [found.types[number] for number in found.tokens]


def cache() -> Path:
    (folder,) = (Path(os.environ["EPOCHAL_CACHE"]) / "corpora").glob("[0-9a-f]*")
    return folder


def flipped(content: bytes) -> bytes:
    return content[:3] + bytes([content[3] ^ 0x40]) + content[4:]


def within_range(content: bytes) -> bytes:
    """Another word that there is."""
    numbers = np.frombuffer(content, "<i4").copy()
    numbers[1] = numbers[2]
    return numbers.tobytes()


DAMAGES = {
    "a bit": flipped,
    "cut": lambda c: c[:-4],
    "odd": lambda c: c[:-1],
    "empty": lambda c: b"",
    "longer": lambda c: c + b"\0" * 4,
    "gone": lambda c: None,
}
CASES = [(name, damage) for name in ("tokens.bin", "types.json", "files.json") for damage in DAMAGES.values()]


@pytest.mark.parametrize(("name", "damage"), [*CASES, ("tokens.bin", within_range)])
def test_a_corpus_that_is_not_as_it_was_written_is_made_anew(name: str, damage, tmp_path: Path) -> None:
    spec = written(tmp_path)
    assert read(spec) == WORDS
    path = cache() / name
    if (content := damage(path.read_bytes())) is None:
        path.unlink()
    else:
        path.write_bytes(content)
    assert read(spec) == WORDS
    assert {one.name for one in cache().iterdir()} == {"tokens.bin", "types.json", "files.json"}


@pytest.mark.parametrize("listed", [None, [], 3, {"sha256": 5}, {"format": 1}, "[" * 100_000])
def test_a_list_of_files_that_is_something_else_is_made_anew(listed: object, tmp_path: Path) -> None:
    spec = written(tmp_path)
    read(spec)
    (cache() / "files.json").write_text(listed if isinstance(listed, str) else json.dumps(listed))
    assert read(spec) == WORDS


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_makes_is_waited_for(tmp_path: Path) -> None:
    spec = written(tmp_path)
    read(spec)
    folder = cache()
    left = folder.with_name(f".{folder.name}.12345.partial")
    left.mkdir()
    (left / "tokens.bin").write_bytes(b"12")
    (folder / "files.json").unlink()
    assert read(spec) == WORDS
    assert not left.exists()


def many_at_once(spec: str, start, found) -> None:
    start.wait()
    found.put(read(spec))


def test_several_processes_that_number_the_same_text_all_get_it(tmp_path: Path) -> None:
    spec = written(tmp_path)
    context = multiprocessing.get_context("fork")
    start, found = context.Barrier(4), context.Queue()
    processes = [context.Process(target=many_at_once, args=(spec, start, found)) for _ in range(4)]
    for process in processes:
        process.start()
    assert [found.get(timeout=60) for _ in processes] == [WORDS] * 4
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4


def test_who_is_slower_takes_what_the_other_made_where_locks_do_not_hold(tmp_path: Path) -> None:
    text = open_text(written(tmp_path))
    expected = read_corpus(text)
    made = cache()
    other = made.with_name("other")
    made.rename(other)

    def slow():
        yield from numbering._numbered(text, "simple", None, silent)
        other.rename(made)  # the winner, meanwhile

    found = cached(expected.digest, slow, InputFault("empty"))
    assert isinstance(found, Corpus)
    assert found.tokens.tolist() == expected.tokens.tolist()


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells how much of a file is in memory")
def test_a_text_that_was_gone_through_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("word " * 1_000_000)
    tokens = read_corpus(open_text(f"text:{tmp_path}/text")).tokens
    assert int(tokens.sum()) >= 1_000_000
    assert resident(tokens.filename) > 3_000
    let_go(tokens)
    assert resident(tokens.filename) == 0
    assert int(tokens[-2]) == 1, "what was given back is read again"


def resident(file: object) -> int:
    """How many kB of a mapped file this process has in memory."""
    lines = iter(Path("/proc/self/smaps").read_text().splitlines())
    return sum(
        int(next(inner for inner in lines if inner.startswith("Rss:")).split()[1])
        for line in lines
        if line.endswith(str(file))
    )


def test_a_cache_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EPOCHAL_CACHE", str(tmp_path / "file" / "below"))
    with pytest.raises(DiskFault):
        read(written(tmp_path))


def test_more_different_words_than_there_are_numbers_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(numbering, "_MOST_NUMBERS", 20)
    with pytest.raises(InputFault, match="different words"):
        read(written(tmp_path))


def test_only_as_many_words_are_read_as_are_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "text").write_text("one two three four five six\n" * 200_000)
    text = open_text(f"text:{tmp_path}/text")
    rows: list[dict] = []
    blocks = []
    whole = type(text).blocks

    def counted(self, *most):
        for block in whole(self, *most):
            blocks.append(len(block))
            yield block

    monkeypatch.setattr(type(text), "blocks", counted)
    found = read_corpus(text, most=9, report=rows.append)
    assert [found.types[n] for n in found.tokens] == [
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "</s>",
        "one",
        "two",
    ]
    assert found.counts.tolist() == [1, 2, 2, 1, 1, 1, 1]
    assert len(blocks) == 1
    assert any("numbering the words of" in row["text"] for row in rows)
