"""Bad input to every command: told on standard error, exit code 2, no traceback, nothing made or lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.cli.command import epochal_command, refused, trained_run
from tests.tiny import TINY

import epochal
from epochal.core.fault import InputFault, MemoryFault
from epochal.landmarks import CHRONOLOGY
from epochal.verbs import launch

NO_CUDA = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
LONG = "x" * 5000
TITLE = "\x1b]0;owned\x07"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(tmp_path_factory.mktemp("trained"))


TRAININGS = {
    "unknown landmark": (["bogus"], "no landmark is called 'bogus'"),
    "a path as a landmark": (["../../etc"], "no landmark is called '../../etc'"),
    "a hostile landmark": ([TITLE], "no landmark is called"),
    "unknown recipe": (["alexnet", "--recipe", "smal"], "nearest: small"),
    "hostile recipe": (["alexnet", "--recipe", TITLE], "no recipe called"),
    "misspelt setting": (["alexnet", "--set", "lr_=1"], "nearest: lr"),
    "no assignment": (["alexnet", "--set", "lr"], "name=value"),
    "no number": (["alexnet", "--set", "lr=abc"], "lr cannot be 'abc'"),
    "negative rate": (["alexnet", "--set", "lr=-1"], "greater than 0"),
    "large crop": (["alexnet", "--set", "crop=400"], "a crop of at most stored_size + 2 padding = 32, not 400"),
    "a crop the network does not see": (["alexnet", "--set", "network=paper"], "sees 227 pixels: crop=227"),
    "a crop too small": (["alexnet", "--set", "crop=8"], "at least 16 pixels"),
    "too few maps": (["alexnet", "--set", "maps=2,4"], "more values than 2"),
    "negative maps": (["alexnet", "--set", "maps=-2,2,2,2,2"], "each value greater than"),
    "odd maps": (["alexnet", "--set", "maps=3,2,2,2,2"], "each value a multiple of 2"),
    "maps beyond all memory": (["alexnet", "--set", "maps=1000000000000,2,2,2,2"], "each value less than"),
    "units beyond all memory": (["alexnet", "--set", "units=1000000000000"], "units cannot be"),
    "a dense layer beyond all memory": (["alexnet", "--set", "units=65536"], "at most 1,000,000,000 weights"),
    "no kernel": (["alexnet", "--set", "kernels=0,0"], "each value greater than"),
    "even kernel": (["alexnet", "--set", "kernels=4,4"], "odd number"),
    "what the network does not vary": (["alexnet", "--set", "network=cifar", "--set", "columns=1"], "columns"),
    "unknown device": (["alexnet", "--device", "tpu9"], "auto, cpu, cuda"),
    "a device that does not compute": (["alexnet", "--device", "meta"], "meta"),
    "no device": (["alexnet", "--device", ""], "auto, cpu, cuda"),
    "negative seed": (["alexnet", "--seed", "-1"], "seed cannot be -1"),
    "seed of 70 bits": (["alexnet", "--seed", str(2**70)], "seed cannot be"),
    "text as a seed": (["alexnet", "--seed", "x"], "--seed"),
    "negative workers": (["alexnet", "--workers", "-1"], "workers cannot be -1"),
    "workers beyond all machines": (["alexnet", "--workers", "100000000"], "workers cannot be"),
    "no micro-batches": (["alexnet", "--micro-batches", "0"], "micro_batches cannot be 0"),
    "never saving": (["alexnet", "--save-every", "0"], "save_steps cannot be 0"),
    "negative memory": (["alexnet", "--memory-gb", "-1"], "memory_gigabytes cannot be -1"),
    "memory that is no number": (["alexnet", "--memory-gb", "nan"], "memory_gigabytes cannot be nan"),
    "endless memory": (["alexnet", "--memory-gb", "inf"], "memory_gigabytes cannot be inf"),
    "unknown data": (["alexnet", "--data", "cifar11"], "nearest: cifar10"),
    "empty data": (["alexnet", "--data", ""], "no data set is called ''"),
    "hostile data": (["alexnet", "--data", TITLE], "no data set is called"),
    "no path": (["alexnet", "--data", "imagefolder:"], "imagefolder:PATH"),
    "a path that is not there": (["alexnet", "--data", "imagefolder:nowhere"], "nowhere does not exist"),
    "a Parquet file that is not there": (["alexnet", "--data", "parquet:nowhere"], "nowhere does not exist"),
    "an empty folder": (["alexnet", "--data", "imagefolder:empty"], "empty has no class folders"),
    "a folder without a colon": (["alexnet", "--data", "./empty"], "imagefolder:./empty"),
    "one class only": (["alexnet", "--data", "imagefolder:one"], "one class"),
    "data that is not here": (["alexnet", "--data", "cifar10", "--offline"], "EPOCHAL_DATA"),
    "a file as the folder of runs": (["alexnet", "--recipe", "smoke", "--runs", "afile"], "no run folder can be made"),
}


@pytest.fixture
def _things(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "afile").write_text("mine")
    (tmp_path / "one" / "cat").mkdir(parents=True)
    for number in range(10):
        Image.new("RGB", (20, 20), (number, 2, 3)).save(tmp_path / "one" / "cat" / f"{number}.png")


@pytest.mark.usefixtures("_things")
@pytest.mark.parametrize(("words", "told"), TRAININGS.values(), ids=TRAININGS)
def test_a_training_that_cannot_be_is_refused_before_anything_is_made(
    words: list[str], told: str, tmp_path: Path
) -> None:
    message = refused("train", *words)
    assert told in message
    assert len(message) < 1500
    assert "\x07" not in message
    assert not (tmp_path / "runs").exists()
    assert (tmp_path / "afile").read_text() == "mine"


@NO_CUDA
def test_a_device_that_is_not_here_is_refused(trained: Path) -> None:
    for words in (["train", "alexnet"], ["evaluate", trained], ["predict", trained, "x.png"], ["look", trained]):
        assert "is not on this machine" in refused(*words, "--device", "cuda")


QUESTIONS = {
    "show bogus": (["show", "bogus"], "no landmark"),
    "demo bogus": (["demo", "bogus"], "no landmark"),
    "no such run": (["evaluate", "nowhere"], "no run folder"),
    "a run's name too long": (["evaluate", LONG], "no run folder"),
    "no run at all": (["evaluate", "latest"], "there are no runs"),
    "a folder that is no run": (["resume", "empty"], "no run.json"),
    "a file that is no run": (["resume", "afile"], "no run folder"),
    "a hostile run": (["look", TITLE], "no run folder"),
    "runs nowhere": (["runs", "--runs", "nowhere"], "nowhere is no folder"),
    "runs in a file": (["runs", "--runs", "afile"], "afile is no folder"),
    "3 crops": (["evaluate", "RUN", "--crops", "3"], "1 (centre) or 10"),
    "3 crops in an answer": (["predict", "RUN", "afile", "--crops", "3"], "1 (centre) or 10"),
    "unknown split": (["evaluate", "RUN", "--split", TITLE], "held-out or train"),
    "other data nowhere": (["evaluate", "RUN", "--data", "imagefolder:nowhere"], "nowhere does not exist"),
    "nothing to predict": (["predict", "RUN"], "INPUT"),
    "a picture nowhere": (["predict", "RUN", "nowhere.png"], "nothing is at nowhere.png"),
    "a picture's name too long": (["predict", "RUN", LONG], "nothing is at"),
    "a pattern without a match": (["predict", "RUN", "*.jpg"], "a pattern that matches"),
    "a folder without pictures": (["predict", "RUN", "empty"], "holds no pictures"),
    "no classes wanted": (["predict", "RUN", "afile", "--top", "0"], "top cannot be 0"),
    "nothing on standard input": (["predict", "RUN", "-"], "standard input is empty"),
    "unknown view": (["look", "RUN", "filtres"], "nearest: filters"),
    "unknown layer": (["look", "RUN", "features", "--layer", "conv9"], "conv5"),
    "a layer for a view without": (["look", "RUN", "filters", "--layer", "conv1"], "shows no layer"),
    "a hostile layer": (["look", "RUN", "features", "--layer", TITLE], "no layer called"),
    "a picture to look at nowhere": (["look", "RUN", "features", "--image", "nowhere.png"], "nowhere.png"),
    "a folder to look at": (["look", "RUN", "features", "--image", "empty"], "empty"),
    "a text to look at": (["look", "RUN", "answers", "--image", "afile"], "afile"),
    "a picture of another kind": (["look", "RUN", "filters", "--out", "x.jpg"], ".png"),
    "all views in one file": (["look", "RUN", "--out", "x.png"], "for one view"),
    "a file as a folder": (["look", "RUN", "--out", "afile"], "afile"),
    "a place without room": (["look", "RUN", "filters", "--out", "/proc/x.png"], "/proc/x.png"),
    "a name too long": (["look", "RUN", "filters", "--out", f"{LONG}.png"], "cannot write"),
    "unknown data to check": (["data", "check", "bogus"], "no data set"),
    "a path to check nowhere": (["data", "check", "imagefolder:nowhere"], "nowhere does not exist"),
    "a path to check too long": (["data", "check", f"imagefolder:{LONG}"], "xxx"),
    "another's home": (["data", "check", "imagefolder:~nobody_by_that_name/x"], "~nobody_by_that_name"),
    "another's home to show": (["data", "show", "parquet:~nobody_by_that_name/x"], "~nobody_by_that_name"),
    "a NUL in a path": (["data", "show", "imagefolder:a\0b"], "a\\x00b"),
    "a NUL in a picture's name": (["predict", "RUN", "a\0b"], "nothing is at"),
    "a Parquet path too long": (["data", "check", f"parquet:{LONG}"], "xxx"),
    "no pictures to show": (["data", "show", "digits", "--count", "0"], "at least 1"),
    "an unknown split to show": (["data", "show", "digits", "--split", TITLE], "train or held-out"),
    "a negative seed": (["data", "show", "digits", "--seed", "-1"], "seed cannot be -1"),
    "a seed of 70 bits": (["data", "show", "digits", "--seed", str(2**70)], "seed cannot be"),
    "a picture that is no picture": (["data", "show", "digits", "--out", "x.jpg"], ".png"),
}


@pytest.mark.usefixtures("_things")
@pytest.mark.parametrize(("words", "told"), QUESTIONS.values(), ids=QUESTIONS)
def test_a_question_that_cannot_be_answered_is_refused(
    words: list[str], told: str, trained: Path, tmp_path: Path
) -> None:
    before = sorted(tmp_path.rglob("*"))
    message = refused(*(str(trained) if word == "RUN" else word for word in words))
    assert told in message
    assert len(message) < 1500
    assert sorted(tmp_path.rglob("*")) == before, "nothing is made, nothing is lost"


@pytest.mark.usefixtures("_things")
def test_a_text_is_no_picture(trained: Path, tmp_path: Path) -> None:
    answer = epochal_command("predict", trained, "afile")
    assert (answer.code, answer.out) == (2, "")
    assert "afile is no picture" in answer.err


def test_with_json_a_fault_is_json_too(tmp_path: Path) -> None:
    answer = epochal_command("train", "alexnet", "--set", "lr_=1", "--json")
    assert answer.code == 2
    fault = answer.json()["fault"]
    assert fault["exit_code"] == 2
    assert "lr_" in fault["what"]
    assert "lr" in fault["expected"]
    assert fault["to_do"]
    assert "lr_" in answer.err, "and for people as before"


def test_a_message_has_what_expected_and_to_do() -> None:
    first, *rest = refused("show", "bogus").splitlines()
    assert first == "epochal: no landmark is called 'bogus'"
    names = ", ".join(sorted(CHRONOLOGY))
    assert rest == [f"  expected: one of: {names}", "  to do: `epochal list` shows them"]


def test_a_folder_of_runs_that_is_a_file_is_told_by_every_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "afile").write_text("mine")
    monkeypatch.setenv("EPOCHAL_RUNS", str(tmp_path / "afile"))
    for words in (["runs"], ["evaluate", "latest"], ["train", "alexnet", "--recipe", "smoke"], ["demo"]):
        assert "afile" in refused(*words)
    assert epochal_command("doctor").code == 0
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_folder_of_runs_that_is_nowhere_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EPOCHAL_RUNS", str(tmp_path / "new" / "deep"))
    assert epochal_command("runs").code == 0
    assert epochal_command("doctor").code == 0
    assert not (tmp_path / "new").exists(), "asking makes nothing"
    run = epochal.train("alexnet", recipe=TINY.replace(epochs=0.1), workers=0, device="cpu")
    assert run.folder.parent == tmp_path / "new" / "deep"


def test_a_dangling_link_as_the_folder_of_runs_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "gone")
    monkeypatch.setenv("EPOCHAL_RUNS", str(tmp_path / "link"))
    assert "link" in refused("runs")


def test_memory_that_is_not_there_is_explained_before_the_first_step(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*arguments: object, **options: object) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 108000000000000 bytes.")

    monkeypatch.setattr(launch, "_train_module", lambda landmark: type("module", (), {"task": too_large}))
    with pytest.raises(MemoryFault, match="ran out of memory"):
        epochal.train("alexnet", recipe=TINY, device="cpu")


def test_a_recipe_of_another_kind_is_refused() -> None:
    class Other(epochal.Recipe):
        """Another landmark's."""

    with pytest.raises(InputFault, match="is no recipe of alexnet"):
        epochal.train("alexnet", recipe=Other())


HOSTILE_NAMES = {
    "title": TITLE,
    "newline": "two\nlines\r",
    "formula": "$x$ $\\frac{",
    "page": "<img src=x onerror=alert(1)>",
    "reversed": "\u202egnp.tac",
    "markup": "[bold red]x",
    "accents": "naïve Käse 日本語 \U0001f600",
    "long": "y" * 240,
    "no UTF-8": os.fsdecode(b"caf\xe9"),
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of pictures whose classes have hostile names, and a run trained on it."""
    folder = tmp_path_factory.mktemp("hostile")
    for place, name in enumerate(HOSTILE_NAMES.values()):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(5):
            picture = Image.new("RGB", (18, 18), (25 * place, 255 - 25 * place, 40 * number))
            picture.save(folder / "data" / name / f"{number}.png")
    recipe = TINY.replace(batch_size=16, epochs=1.0)
    spec = f"imagefolder:{folder / 'data'}"
    run = epochal.train("alexnet", recipe=recipe, data=spec, workers=0, device="cpu", runs=folder / "runs")
    return folder / "data", run.folder


def harmless(text: str) -> bool:
    """Nothing but printable characters and line ends, in UTF-8."""
    text.encode()
    return all(line.isprintable() for line in text.split("\n"))


def test_hostile_class_names_are_shown_and_not_obeyed(hostile: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = hostile
    spec = f"imagefolder:{data}"
    picture = next(data.rglob("*.png"))
    commands = [
        ["predict", run, picture, "--top", 9],
        ["predict", run, data],
        ["evaluate", run],
        ["evaluate", run, "--crops", 10],
        ["look", run, "--out", tmp_path / "pictures"],
        ["data", "show", spec, "--out", tmp_path / "some.png"],
        ["data", "check", spec],
        ["runs", "--runs", run.parent],
    ]
    for words in commands:
        for also in ([], ["--json"]):
            answer = epochal_command(*words, *also)
            assert answer.code == 0, (words, answer.err)
            assert harmless(answer.out), words
            assert harmless(answer.err), words
            if also:
                assert answer.json() is not None
    names = {row["name"] for row in epochal_command(*commands[0], "--json").json()[0]["classes"]}
    assert names == set(HOSTILE_NAMES.values()), "a program gets them as they are"
    text = epochal_command(*commands[0]).out
    for shown in (
        "\\x1b]0;owned\\x07",
        "two\\nlines\\r",
        "$x$",
        "<img src=x",
        "\\u202egnp",
        "[bold red]x",
        "caf\\udce9",
    ):
        assert shown in text


def test_other_classes_are_refused_and_shown_safely(hostile: tuple[Path, Path]) -> None:
    _, run = hostile
    message = refused("evaluate", run, "--data", "digits")
    assert "classes of digits are not those" in message
    assert harmless(message)
    with pytest.raises(InputFault):
        epochal.evaluate(run, data="digits")


def test_a_hostile_folder_is_named_safely(tmp_path: Path) -> None:
    folder = tmp_path / f"{TITLE}\n{os.fsdecode(bytes([233]))}"
    folder.mkdir()
    for words in (
        ["train", "alexnet", "--data", f"imagefolder:{folder}"],
        ["resume", folder],
        ["predict", folder, "x"],
    ):
        assert harmless(refused(*words))
    checked = epochal_command("data", "check", f"imagefolder:{folder}")
    assert checked.code == 2
    assert harmless(checked.out + checked.err)
    answer = epochal_command(
        *["train", "alexnet", "--recipe", "smoke", "--set", "epochs=0.1", "--workers", 0, "--runs", folder]
    )
    assert answer.code == 0
    assert harmless(answer.out + answer.err)
    assert harmless(epochal_command("runs", "--runs", folder).out)
