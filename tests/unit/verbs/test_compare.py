"""Two runs, recipes or networks side by side."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from tests.cli.command import epochal_command, refused, trained_run

import epochal
from epochal.core.fault import InputFault
from epochal.landmarks.alexnet.anatomy import initialisation
from epochal.landmarks.alexnet.networks import network


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; nobody may change it."""
    return trained_run(tmp_path_factory.mktemp("trained"))


def pairs(found: epochal.Comparison) -> dict[str, str | None]:
    return {a.name: b and b.name for a, b in found.rows if a}


def test_the_paper_and_torchvision_have_the_parameters_of_the_card() -> None:
    found = epochal.compare("alexnet:paper", "alexnet:torchvision")
    presets = epochal.landmark("alexnet").presets
    assert (found.a.parameters, found.b.parameters) == (presets["paper"], presets["torchvision"])
    assert found.a.multiply_adds == 724_406_816
    assert found.a.classes == found.b.classes == 1000
    beside = pairs(found)
    assert [beside[f"conv{n}"] for n in range(1, 6)] == [f"features.{n}" for n in (0, 3, 6, 8, 10)]
    assert [beside[f"fc{n}"] for n in (6, 7, 8)] == ["classifier.1", "classifier.4", "classifier.6"]
    assert beside["norm1"] is None
    assert beside["drop7"] is None
    assert [b.name for a, b in found.rows if a is None] == ["avgpool", "classifier.0"]
    assert found.settings is None, "torchvision's training is not ours to tell"
    assert found.b.recipe is None
    assert "uniform" in found.b.initialisation


def test_nothing_is_drawn_and_nothing_is_computed() -> None:
    before = torch.get_rng_state()
    found = epochal.compare("alexnet:source", "alexnet:paper")
    assert torch.equal(torch.get_rng_state(), before)
    assert pairs(found)["cnorm2"] is None, "the paper does not mention it"
    assert pairs(found)["norm2"] == "norm2"


@pytest.mark.parametrize("name", epochal.recipes("alexnet"))
def test_a_recipe_compared_with_itself_has_no_difference(name: str) -> None:
    found = epochal.compare(f"alexnet:{name}", epochal.recipe("alexnet", name), classes=7)
    assert all(a == b for a, b in found.rows)
    assert found.settings == ()
    assert found.a == found.b
    assert found.b.name == f"alexnet:{name}"
    with torch.device("meta"):
        model = network(epochal.recipe("alexnet", name), 7)
    assert found.a.parameters == sum(parameter.numel() for parameter in model.parameters())


def test_only_settings_that_differ_are_told_with_their_meaning() -> None:
    left = epochal.recipe("alexnet", "small")
    found = epochal.compare(left, left.replace(lr=0.01, without="conv4", mirror=False))
    meanings = {row["name"]: row["meaning"] for row in left.settings()}
    assert [(d.name, d.a, d.b) for d in found.settings] == [
        ("without", "none", "conv4"),
        ("mirror", "true", "false"),
        ("lr", "0.05", "0.01"),
    ]
    assert all(d.meaning == meanings[d.name] for d in found.settings)
    assert found.b.name == "alexnet:own"
    assert pairs(found)["conv4"] is None
    assert pairs(found)["conv5"] == "conv5"


def test_a_layer_of_another_kind_stands_beside_the_one_it_takes_the_place_of() -> None:
    found = epochal.compare("alexnet:small", epochal.recipe("alexnet", "small").replace(activation="tanh"))
    assert all(a and b for a, b in found.rows)
    assert {(a.kind, b.kind) for a, b in found.rows if a.name.startswith("relu")} == {("ReLU", "Tanh")}


def test_a_run_brings_its_classes_and_its_results(trained: Path) -> None:
    record = json.loads((trained / "run.json").read_text())
    for found in (epochal.compare(trained, "alexnet:smoke"), epochal.compare("alexnet:smoke", trained)):
        run, recipe = (found.a, found.b) if found.a.results else (found.b, found.a)
        assert (run.classes, recipe.classes) == (10, 10)
        assert run.name == trained.name
        assert recipe.results is None
        assert run.results["top1"] == record["results"]["top1"]
        assert run.results["seconds"] == record["seconds"]
        assert (run.results["epochs"], run.results["status"], run.results["data"]) == (2.0, "finished", "digits")
        assert {d.name for d in found.settings} >= {"maps", "kernels", "units", "lrn"}
    assert epochal.compare(trained, "alexnet:smoke", classes=33).b.classes == 33


def test_a_run_that_is_not_finished_tells_what_it_has_reached(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "runs" / "stopped"))
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"status": "running", "results": None, "seconds": None}))
    found = epochal.compare("stopped", "latest")
    assert found.a.results["status"] == "stopped"
    assert found.a.results["top1"] == record["results"]["top1"], "of its last evaluation"
    (run / "metrics.jsonl").unlink()
    bare = epochal.compare("stopped", "alexnet:paper").a.results
    assert bare["epochs"] is None
    assert "top1" not in bare


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["alexnet:papr", "alexnet:small"], "nearest: paper"),
        (["alexnet:small", "alexnet:torchvison"], "nearest: torchvision"),
        (["alexnet", "alexnet:small"], "alexnet:paper"),
        (["vgg:paper", "alexnet:small"], "no landmark"),
        (["nowhere", "alexnet:small"], "no run folder"),
        (["latest", "alexnet:small"], "there are no runs"),
        (["alexnet:\x1b[31m", "alexnet:small"], "no recipe or network"),
        (["alexnet:small", "alexnet:paper", "--classes", "0"], "a network of 0 classes"),
        (["alexnet:small", "alexnet:paper", "--out", "x.jpg"], ".png"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_compared_is_refused(words: list[str], told: str) -> None:
    assert told in refused("compare", *words)


def test_a_damaged_run_is_refused(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "damaged"))
    record = json.loads((run / "run.json").read_text())
    for change in ({"classes": []}, {"recipe": {"lr": "fast"}}, {"recipe": {"speed": 1}}, {"landmark": "vgg"}):
        (run / "run.json").write_text(json.dumps(record | change))
        with pytest.raises(InputFault):
            epochal.compare(run, "alexnet:small")


def test_the_command_tells_people_and_programs_the_same(trained: Path, tmp_path: Path) -> None:
    words = ["compare", trained, "alexnet:torchvision", "--out", tmp_path / "both.png"]
    told = epochal_command(*words, "--json").json()
    assert set(told) == {"a", "b", "layers", "settings", "path"}
    assert told["b"]["parameters"] == sum(row["b"]["parameters"] for row in told["layers"] if row["b"])
    assert told["path"] == str(tmp_path / "both.png")
    assert Path(told["path"]).read_bytes().startswith(b"\x89PNG")
    text = epochal_command(*words).out
    for piece in (trained.name, "conv1 / features.0", f"{told['b']['parameters']:,}", "uniform", "top1", "10 classes"):
        assert piece in text
    assert "no settings to compare" in text
    again = epochal_command("compare", trained, trained).out
    assert "All settings are the same." in again
    assert "the same" in again


def test_two_runs_are_drawn_with_their_training(trained: Path) -> None:
    figure = epochal.compare(trained, trained).figure()
    assert len(figure.axes) == 3
    assert len(epochal.compare(trained, "alexnet:smoke").figure().axes) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "normal, deviation sqrt(2 / fan-in); biases 0"),
        ({"init_sd": 0.02, "init_middle_sd": 0.02, "init_bias": 0.5}, "normal, deviation 0.02; biases 0.5 in conv2, "),
        ({"init_sd": 0.02}, "normal, deviation 0.02, sqrt(2 / fan-in) in conv3, conv4 and conv5; biases 0"),
    ],
    ids=str,
)
def test_the_sentence_on_the_start_is_how_it_is(changes: dict, said: str) -> None:
    recipe = epochal.recipe("alexnet", "smoke").replace(**changes)
    assert initialisation(recipe).startswith(said)
    model = network(recipe, 10)
    for name, expected in (("conv2", recipe.init_sd), ("conv4", recipe.init_middle_sd), ("fc7", recipe.init_sd)):
        weight = model.get_parameter(f"{name}.weight").detach()
        expected = expected or (2 / weight[0].numel()) ** 0.5
        assert float(weight.std()) == pytest.approx(expected, rel=0.1)
        assert float(model.get_parameter(f"{name}.bias").detach()[0]) == recipe.init_bias
