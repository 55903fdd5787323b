"""What every landmark must be and do. A later landmark adds a row to `tests.tiny.TINIES` and nothing here."""

from __future__ import annotations

import re
import socket
from importlib import import_module
from itertools import islice
from pathlib import Path

import pytest
import torch
from tests.tiny import TINIES

import epochal
from epochal import landmarks as table
from epochal.core.recipe import Recipe
from epochal.core.run import Run
from epochal.engine import checkpoint, random
from epochal.engine.fit import Task
from epochal.verbs.launch import opener
from epochal.verbs.look import views

NAMES = table.CHRONOLOGY
FILES = ("README.md", "__init__.py", "look.py", "model.py", "recipe.py", "train.py")
CLOCKS = ("seconds", "steps_per_second")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*arguments, **options):
        raise AssertionError("a landmark's default must work without a network")

    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket.socket, "connect", refused)


def small_task(name: str, seed: int = 0, **changes) -> Task:
    package = table.load(name)
    recipe = TINIES[name].replace(**changes)
    data = opener(name)(package.CARD.default_data)
    task = import_module(f"epochal.landmarks.{name}.train").task(
        recipe, data, seed=seed, device=torch.device("cpu"), workers=0
    )
    assert isinstance(task, Task)
    return task


def weights(run: Run) -> dict[str, torch.Tensor]:
    return checkpoint.load(run.checkpoints).snapshot.under("task").tensors


def test_every_landmark_has_a_tiny_recipe() -> None:
    assert set(TINIES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_complete(name: str) -> None:
    card = epochal.landmark(name)
    assert card.name == name
    assert 2012 <= card.paper.year <= 2019
    assert card.paper.url.startswith("https://")
    assert card.paper.authors
    assert card.idea.endswith(".")
    assert card.deviations, "no implementation is the paper: say where"
    assert card.presets
    assert card.version >= 1
    earlier = NAMES[: NAMES.index(name)]
    assert set(card.builds_on) <= set(earlier), "a paper builds on earlier ones"


@pytest.mark.parametrize("name", NAMES)
def test_the_folder_has_the_files_of_every_landmark(name: str) -> None:
    folder = Path(table.__file__).parent / name
    missing = [file for file in FILES if not (folder / file).is_file()]
    assert not missing


@pytest.mark.parametrize("name", NAMES)
def test_the_folders_page_names_every_file(name: str) -> None:
    folder = Path(table.__file__).parent / name
    page = (folder / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    assert {file for file in files if f"`{file}`" not in page} == set()
    assert set(re.findall(r"`([a-z_0-9]+\.py)`", page)) <= files, "and no file that is not there"


@pytest.mark.parametrize("name", NAMES)
def test_the_recipes_have_the_common_names_and_every_setting_its_meaning_and_source(name: str) -> None:
    recipes = epochal.recipes(name)
    assert {"smoke", "small", "paper"} <= set(recipes)
    for row in next(iter(recipes.values())).settings():
        assert row["meaning"], row["name"]
        assert row["source"], row["name"]
    for recipe in recipes.values():
        assert isinstance(recipe, Recipe)
        assert type(recipe).parse(recipe.model_dump(mode="json")) == recipe, "a recipe survives its record"


@pytest.mark.parametrize("name", NAMES)
def test_every_view_is_described(name: str) -> None:
    assert all(import_module(f"epochal.landmarks.{name}.look").VIEWS.values())


@pytest.mark.parametrize("name", NAMES)
def test_one_step_changes_every_trainable_tensor(name: str) -> None:
    task = small_task(name)
    before = {key: tensor.clone() for key, tensor in task.state().under("model").tensors.items()}
    task.step(0, next(task.batches(0)))
    after = task.state().under("model").tensors
    unchanged = [key for key in before if torch.equal(before[key], after[key])]
    assert not unchanged


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_changes_nothing(name: str) -> None:
    task = small_task(name)
    before = checkpoint.fingerprint(task.state() | random.capture(task.device))
    first, second = task.evaluate(), task.evaluate()
    assert first == second
    assert checkpoint.fingerprint(task.state() | random.capture(task.device)) == before


@pytest.mark.parametrize("name", NAMES)
def test_batches_are_a_function_of_the_step(name: str) -> None:
    task = small_task(name)
    batch = next(islice(task.batches(0), 33, 34))
    again = next(task.batches(33))
    for field, value in vars(batch).items():
        other = getattr(again, field)
        assert torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other, field


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(name: str) -> None:
    recipe = TINIES[name].replace(epochs=0.5)
    first, second, other = (
        weights(epochal.train(name, recipe=recipe, seed=seed, workers=0, device="cpu")) for seed in (4, 4, 5)
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not all(torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_run_can_be_evaluated_looked_into_and_asked(name: str) -> None:
    run = epochal.train(name, recipe=TINIES[name], workers=0, device="cpu")
    record = run.record()
    assert record["status"] == "finished"
    assert record["landmark_version"] == epochal.landmark(name).version
    assert len(record["data_digest"]) == 64
    assert record["environment"]["torch"]
    result = epochal.evaluate(run, device="cpu")
    for metric, value in record["results"].items():
        if not metric.startswith("train_"):  # what only the training saw
            assert result[metric] == pytest.approx(value, abs=1e-6), metric
    looks = epochal.look(run, device="cpu")
    assert {one.view for one in looks} == set(views(name))
    assert all(one.path.read_bytes().startswith(b"\x89PNG") for one in looks)


@pytest.mark.gpu
@pytest.mark.parametrize("name", NAMES)
def test_a_run_on_a_gpu_learns_and_says_the_same_on_a_cpu(name: str) -> None:
    run = epochal.train(name, recipe=TINIES[name], workers=0, device="cuda")
    there, here = (epochal.evaluate(run, device=device) for device in ("cuda", "cpu"))
    for metric, value in run.record()["results"].items():
        if not metric.startswith("train_"):
            assert there[metric] == pytest.approx(value, abs=1e-4), metric
            assert here[metric] == pytest.approx(value, rel=0.02, abs=0.02), metric
    assert {one.view for one in epochal.look(run, device="cuda")} == set(views(name))


@pytest.mark.parametrize("name", NAMES)
def test_the_demo_answers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(table.load(name).RECIPES, "smoke", TINIES[name])
    done = epochal.demo(name)
    assert done.top1 is None or 0 <= done.top1 <= 1
    assert done.answer.endswith(".")
    assert done.looks
    assert any(str(done.run.folder) in command for command in done.next_commands)
