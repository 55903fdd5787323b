"""Word vectors through the commands: measured, asked, handed on, and options that say nothing of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.tiny import TINY_WORDS

import epochal
from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.engine.group import ALONE
from epochal.interop.vectors import Vectors
from epochal.interop.vectors_file import write_vectors
from epochal.verbs.launch import device_for


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs")
    return epochal.train("word2vec", recipe=TINY_WORDS, device="cpu", runs=folder)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    words = ("king", "queen", "man", "woman", "all")
    rows = np.array([[3, 0, 1], [3, 3, 1], [0, 0, 1], [0, 3, 1], [1, 1, 1]], np.float32)
    write_vectors(tmp_path / "vectors", Vectors(words, rows), "word2vec", {})
    return tmp_path / "vectors"


@pytest.mark.parametrize("options", [{"data": "text:/nowhere"}, {"split": "train"}, {"crops": 10}])
def test_evaluate_refuses_what_says_nothing_of_words(run: Run, options: dict) -> None:
    with pytest.raises(InputFault, match=f"--{next(iter(options))} says nothing of word vectors"):
        epochal.evaluate(run, **options)


def test_export_and_predict_refuse_what_says_nothing_of_words(run: Run, tmp_path: Path) -> None:
    with pytest.raises(InputFault, match="--layout says nothing"):
        epochal.export(run, "word2vec", out=tmp_path / "v", layout="torchvision")
    for options in ({"crops": 10}, {"device": "cuda"}):
        with pytest.raises(InputFault, match="says nothing of word vectors"):
            epochal.predict(run, ["class"], **options)


@pytest.mark.parametrize("options", [{"workers": 2}, {"micro_batches": 2}])
def test_train_refuses_what_is_for_pictures(options: dict, tmp_path: Path) -> None:
    with pytest.raises(InputFault, match="is for pictures, and word2vec learns from text"):
        epochal.train("word2vec", recipe=TINY_WORDS, device="cpu", runs=tmp_path, **options)
    assert not epochal.runs(tmp_path)


def test_a_vocabulary_is_found_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("here", "there"):
        (tmp_path / folder).mkdir()
    (tmp_path / "here" / "words.txt").write_text("the\nclass\nof\na\n")
    monkeypatch.chdir(tmp_path / "here")
    run = epochal.train(
        "word2vec",
        recipe=TINY_WORDS,
        overrides=["vocabulary=words.txt", "sample=0"],
        device="cpu",
        runs=tmp_path / "runs",
    )
    monkeypatch.chdir(tmp_path / "there")
    assert run.record()["recipe"]["vocabulary"] == str(tmp_path / "here" / "words.txt")
    assert epochal.evaluate(run)["loss"] == pytest.approx(run.record()["results"]["loss"])
    (tmp_path / "here" / "words.txt").unlink()
    with pytest.raises(InputFault, match=r"words.txt cannot be read: No such file"):
        epochal.evaluate(run)


def test_sections_called_like_the_totals_or_like_one_another_are_told_apart(file: Path, tmp_path: Path) -> None:
    (tmp_path / "a").write_text(": all\nman king woman queen\n: family\nman king woman queen\n")
    (tmp_path / "b").write_text(": family\nman woman king man\n")
    found = epochal.evaluate(file, analogies=[tmp_path / "a", tmp_path / "b"])["3CosAdd"]
    assert list(found) == ["all", "semantic", "syntactic", "all (2)", "family", "family (2)"]
    assert (found["all"]["seen"], found["all"]["right"]) == (3, 2)
    assert (found["all (2)"]["seen"], found["family"]["right"], found["family (2)"]["right"]) == (1, 1, 0)


def test_pairs_of_two_files_with_one_name_are_told_apart(file: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "set.txt").write_text("king queen 3\nman woman 2\nking woman 1\n")
    found = epochal.evaluate(file, pairs=[tmp_path / "a" / "set.txt", tmp_path / "b" / "set.txt"])
    assert list(found["pairs"]) == ["set", "set (2)"]


def test_what_predict_cannot_answer_says_what_was_expected(file: Path) -> None:
    answered, unknown, broken = epochal.predict(file, ["king - man + woman", "kingg", "king -"])
    assert answered.classes[0][0] == "queen"
    assert "no vector for 'kingg'" in unknown.fault
    assert "expected: a word of the vocabulary; the nearest: king" in unknown.fault
    assert "expected: a word, or words with + and -" in broken.fault


def test_a_sum_that_points_nowhere_and_a_word_like_no_other_are_told(file: Path) -> None:
    nowhere, foreign = epochal.predict(file, ["king - king", "привет"])
    assert "points nowhere" in nowhere.fault
    assert "expected: a word of the vocabulary\n" in foreign.fault, "not the whole vocabulary"


def test_what_a_file_says_of_itself_is_told(file: Path) -> None:
    file.write_text("3 1\na 1\nb 2\na 3\n")
    assert any("such as 'a'" in note for note in epochal.export(file, "safetensors", out=file.with_name("o")).notes)


def test_the_numbering_of_a_text_is_reported_the_first_time(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("one two three four five six\n" * 300)
    for is_first in (True, False):
        rows: list[dict] = []
        epochal.train(
            "word2vec", recipe=TINY_WORDS.replace(min_count=1), data=f"text:{tmp_path}/text", device="cpu",
            report=rows.append,
        )  # fmt: skip
        notes = [row["text"] for row in rows if row["kind"] == "note"]
        assert any("numbering the words" in note for note in notes) == is_first
        json.dumps(rows)


def test_a_file_of_vectors_is_looked_at_like_a_run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    epochal.export(run, "word2vec-bin", out=tmp_path / "mine.bin")
    looks = epochal.look(tmp_path / "mine.bin")
    of_run = epochal.look(run, out=tmp_path / "of-run")
    assert [one.view for one in looks] == [one.view for one in of_run if one.view != "curves"]
    assert all(one.path == Path("figures/mine") / f"{one.view}.png" and one.path.is_file() for one in looks)
    texts = [text.get_text() for axes in looks[0].figure.axes for text in axes.texts]
    assert any("dimensions" in text and "skip" not in text for text in texts), "who trained them is not known"
    words = epochal.load_vectors(run).words[:4]
    (drawn,) = epochal.look("mine.bin", "parallelogram", words=words, out=tmp_path / "pairs.png")
    assert drawn.path == tmp_path / "pairs.png"


def test_what_a_file_cannot_show_is_told(run: Run, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "prose").write_text("to be or\nnot to be\n")
    for asked, told in (
        ((file, "curves"), "the view 'curves' is of a training, and .* is a file of vectors"),
        ((file, "filters"), "no view called 'filters'"),
        ((tmp_path / "prose",), "prose"),
    ):
        with pytest.raises(InputFault, match=told):
            epochal.look(*asked)
    with pytest.raises(InputFault, match="no vector"):
        epochal.look(file, "map", words=["emperor"])
    with pytest.raises(InputFault, match="shows no picture of your own"):
        epochal.look(file, "map", images=["x.png"])
    assert not (tmp_path / "figures").exists()


def test_vectors_are_no_weights_of_a_network(file: Path) -> None:
    for asked in (
        lambda: epochal.predict("word2vec", ["king"], weights=file),
        lambda: epochal.evaluate("word2vec", weights=file),
        lambda: epochal.evaluate("word2vec", weights=file, pairs=[file]),
        lambda: epochal.finetune("word2vec", weights=file, data="digits"),
        lambda: epochal.compare("word2vec:paper", "word2vec:source"),
        lambda: epochal.compare("word2vec", "alexnet:paper"),
    ):
        with pytest.raises(InputFault, match="word2vec trains word vectors: there is no network to"):
            asked()


def test_a_picture_or_a_layer_of_vectors_is_none(run: Run, file: Path) -> None:
    for source in (run, file):
        with pytest.raises(InputFault, match="no view here shows a layer"):
            epochal.look(source, layer="fc1")
        with pytest.raises(InputFault, match="no view here shows a picture"):
            epochal.look(source, images=["x.png"])
        with pytest.raises(InputFault, match="--device says nothing"):
            epochal.look(source, "map", device="cuda")
    with pytest.raises(InputFault, match="--device says nothing"):
        epochal.evaluate(file, device="cuda", pairs=["word-eval"])


def test_a_text_takes_no_memory_for_pictures_and_runs_on_no_apple_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputFault, match="--memory-gb is for pictures"):
        epochal.train("word2vec", recipe=TINY_WORDS, memory_gigabytes=1.0, device="cpu", runs=tmp_path)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: True)
    assert str(device_for("word2vec", "auto", ALONE)) == "cpu"
    assert str(device_for("resnet", "auto", ALONE)) == "mps"
    with pytest.raises(InputFault, match="float64, which mps has not"):
        device_for("word2vec", "mps", ALONE)
