"""Fine-tuning, frozen features and training from scratch side by side."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from tests.tiny import TINY

import epochal
from epochal.core.fault import InputFault, Interrupted
from epochal.core.run import Run

WAYS = ["fine-tuned", "frozen", "scratch"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run on digits whose recipe shapes all that follows; nobody may change it."""
    recipe = TINY.replace(epochs=0.1, batch_size=8)
    return epochal.train("alexnet", recipe=recipe, seed=5, workers=0, device="cpu", runs=tmp_path_factory.mktemp("a"))


@pytest.fixture(scope="module")
def shades(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of two classes, ten pictures each."""
    folder = tmp_path_factory.mktemp("b") / "light & dark"
    for name, level in (("light", 200), ("dark", 40)):
        (folder / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (16, 16), (level + number,) * 3).save(folder / name / f"{number}.png")
    return f"imagefolder:{folder}"


def compared(source: Any, data: str, **options: Any) -> Any:
    options = {"overrides": ["epochs=1", "evaluate_epochs=0.5"], "workers": 0, "device": "cpu"} | options
    return epochal.finetune("alexnet", weights=source, data=data, **options)


@pytest.fixture(scope="module")
def done(source: Run, shades: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A comparison with two seeds."""
    folder = tmp_path_factory.mktemp("c")
    return compared(source, shades, seeds=2, runs=folder / "runs", out=folder / "results")


def test_the_ways_stand_side_by_side(done: Any) -> None:
    assert [row["way"] for row in done.rows] == WAYS
    tuned, frozen, scratch = done.rows
    assert (tuned["epochs"], frozen["epochs"], scratch["epochs"]) == (1.0, 1.0, 1.5), "scratch has more time"
    assert tuned["trained_parameters"] == tuned["parameters"] == scratch["trained_parameters"]
    assert frozen["trained_parameters"] == 2 * (TINY.units + 1)
    assert frozen["frozen"] == ["body"]
    assert (tuned["recipe"]["lr"], tuned["recipe"]["head_rate"]) == pytest.approx((TINY.lr / 3, 3.0))
    assert (scratch["recipe"]["lr"], scratch["recipe"]["head_rate"]) == (TINY.lr, 1.0)


def test_what_is_compared_are_the_runs_own_results_paired_by_seed(done: Any) -> None:
    values = {way: [run.record()["results"]["top1"] for run in runs] for way, runs in done.runs.items()}
    for row in done.rows:
        assert row["mean"] == pytest.approx(sum(values[row["way"]]) / 2)
        assert [run["results"]["top1"] for run in row["runs"]] == values[row["way"]]
    assert "against_scratch" not in done.rows[2]
    differences = [a - b for a, b in zip(values["fine-tuned"], values["scratch"], strict=True)]
    found = done.rows[0]["against_scratch"]
    assert found["difference"] == pytest.approx(sum(differences) / 2)
    assert found["low"] <= found["difference"] <= found["high"]


def test_the_runs_are_ordinary_and_say_how_they_began(done: Any) -> None:
    for way, runs in done.runs.items():
        records = [run.record() for run in runs]
        assert [record["seed"] for record in records] == [0, 1]
        assert {record["recipe_name"] for record in records} == {way}
        assert all(("start" in record) == (way != "scratch") for record in records)
        assert all(epochal.evaluate(run, device="cpu")["top1"] == run.record()["results"]["top1"] for run in runs)


def test_the_record_has_all_that_a_reader_needs_and_no_path_of_the_machine(done: Any, source: Run, shades: str) -> None:
    text = done.record.read_text()
    record = json.loads(text)
    assert done.record.name == "transfer_light-dark.json"
    assert str(source.folder.parent) not in text
    assert shades.partition(":")[2] not in text
    assert record["data"] == "imagefolder:light & dark"
    assert (record["train"], record["held_out"], record["seeds"]) == (16, 4, [0, 1])
    assert record["weights"]["source"] == source.name
    assert len(record["weights"]["sha256"]) == len(record["data_digest"]) == 64
    assert record["changed"] == {"all": ["epochs=1", "evaluate_epochs=0.5"], "scratch": []}
    assert record["hardware"][0]["torch"]
    assert all(len(run["evaluations"]) >= 2 for row in record["rows"] for run in row["runs"])
    with Image.open(done.picture) as picture:
        assert picture.format == "PNG"


def test_what_is_there_already_is_used_and_only_what_is_missing_is_done(
    source: Run, shades: str, tmp_path: Path
) -> None:
    first = compared(source, shades, ways=("fine-tuned", "scratch"))
    states: list[tuple[str, str]] = []

    def note(row: dict[str, Any]) -> None:
        if row["kind"] == "way":
            states.append((row["way"], row["state"]))

    again = compared(source, shades, report=note)
    assert states == [("fine-tuned", "there already"), ("frozen", "begins"), ("scratch", "there already")]
    assert again.rows[0]["mean"] == first.rows[0]["mean"]
    assert len(epochal.runs()) == 3
    other = compared(source, shades, ways=("fine-tuned",), overrides=["epochs=1", "lr=0.5"])
    assert len(epochal.runs()) == 4, "another recipe is another run"
    assert other.rows[0]["recipe"]["lr"] == 0.5


def test_a_training_from_scratch_is_never_taken_for_a_fine_tuning(source: Run, shades: str) -> None:
    """The same recipe, data and seed: only the beginning differs."""
    same = ["epochs=1", "lr=0.01", "head_rate=1"]
    compared(source, shades, ways=("scratch",), overrides=same, scratch=["epochs=1"])
    compared(source, shades, ways=("fine-tuned",), overrides=same)
    runs = epochal.runs()
    assert len(runs) == 2
    assert runs[0].record()["recipe"] == runs[1].record()["recipe"]


def test_a_stopped_comparison_goes_on_where_it_was(source: Run, shades: str, tmp_path: Path) -> None:
    mine = Run(Path(shutil.copytree(source.folder, tmp_path / source.name)))

    def stop(row: dict[str, Any]) -> None:
        if row["kind"] == "evaluation" and row["step"] == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        compared(mine, shades, ways=("fine-tuned",), report=stop)
    (run,) = epochal.runs()
    assert run.status() == "interrupted"
    done = compared(mine, shades, ways=("fine-tuned",))
    assert [one.folder for one in done.runs["fine-tuned"]] == [run.folder]
    assert len(epochal.runs()) == 1


def test_settings_for_scratch_alone_change_nothing_else(source: Run, shades: str) -> None:
    done = compared(source, shades, ways=("frozen", "scratch"), scratch=["epochs=3", "lr=0.05"], freeze=("conv1",))
    frozen, scratch = done.rows
    assert (frozen["epochs"], frozen["frozen"]) == (1.0, ["conv1"])
    assert (scratch["epochs"], scratch["recipe"]["lr"], scratch["frozen"]) == (3.0, 0.05, [])
    assert json.loads(done.record.read_text())["changed"]["scratch"] == ["epochs=3", "lr=0.05"]


def test_a_recipe_of_ones_own_is_taken_as_it_is(source: Run, shades: str) -> None:
    own = TINY.replace(epochs=0.5, batch_size=4, lr=0.03)
    done = compared(source, shades, ways=("fine-tuned", "scratch"), recipe=own, overrides=[])
    tuned, scratch = done.rows
    assert (tuned["recipe"]["batch_size"], tuned["recipe"]["lr"]) == pytest.approx((4, 0.01))
    assert (scratch["recipe"]["lr"], scratch["epochs"]) == (0.03, 0.75)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ways": ("frozzen",)}, "no way 'frozzen'"),
        ({"ways": ()}, "no way was given"),
        ({"freeze": ()}, "has no layer to keep"),
        ({"freeze": ("conv7",)}, "no layer called 'conv7'"),
        ({"seeds": 0}, "seeds cannot be 0"),
        ({"overrides": ["epoch=3"]}, "no setting is called 'epoch'"),
        ({"head": "other"}, "the head cannot be 'other'"),
        ({"weights": "nothing-there"}, "nothing-there"),
        ({"recipe": "smal"}, "no recipe called 'smal'"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    source: Run, shades: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputFault, match=message):
        compared(options.pop("weights", source), shades, **options)
    assert epochal.runs() == []


def test_a_single_class_is_refused(source: Run, tmp_path: Path) -> None:
    (tmp_path / "one" / "cat").mkdir(parents=True)
    for number in range(3):
        Image.new("RGB", (16, 16)).save(tmp_path / "one" / "cat" / f"{number}.png")
    with pytest.raises(InputFault, match="only one class"):
        compared(source, f"imagefolder:{tmp_path / 'one'}")
