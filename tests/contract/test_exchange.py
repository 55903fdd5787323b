"""What a run is exported as is read back as the same network, in every layout that its landmark writes."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path

import pytest
import torch
from tests.cli.command import epochal_command
from tests.tiny import EXPORTED
from torch import nn

import epochal
from epochal import landmarks as table
from epochal.core.fault import InputFault
from epochal.core.recipe import Recipe
from epochal.core.run import Run
from epochal.landmarks.alexnet import networks
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet


def written(name: str) -> tuple[str, ...]:
    return import_module(f"epochal.landmarks.{name}.exchange").WRITTEN


# Word vectors have files of their own kind, and tests of them.
NAMES = [name for name in table.CHRONOLOGY if epochal.landmark(name).gives == "classifier"]
CASES = [pytest.param(name, layout, id=f"{name}-{layout}") for name in NAMES for layout in written(name)]


class NarrowTower(SingleTowerAlexNet):
    """torchvision's AlexNet with dense layers that a test can afford."""

    def __init__(self, classes: int) -> None:
        with torch.device("meta"):
            super().__init__(classes)
            self.classifier[1], self.classifier[4] = nn.Linear(9216, 32), nn.Linear(32, 32)
            self.classifier[6] = nn.Linear(32, classes)
        self.to_empty(device="cpu")
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.reset_parameters()


@pytest.fixture(scope="module", autouse=True)
def _narrow():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "SingleTowerAlexNet", NarrowTower)
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory):
    """A run that has learned something, one for all layouts that its network can have."""

    @cache
    def of(name: str, recipe: Recipe) -> Run:
        return epochal.train(name, recipe=recipe, workers=0, device="cpu", runs=tmp_path_factory.mktemp(name))

    return of


@pytest.mark.parametrize(("name", "layout"), CASES)
def test_an_export_is_read_back_as_the_same_network(name: str, layout: str, trained, tmp_path: Path) -> None:
    recipe, least = EXPORTED[name][layout]
    run = trained(name, recipe)
    own = epochal.evaluate(run, device="cpu")
    assert own["top1"] > least, "at chance all networks are alike"
    done = epochal.export(run, "safetensors", out=tmp_path / "w.safetensors", layout=layout)
    assert bool(done.notes) == (layout != "ours")
    back = epochal.evaluate(name, weights=done.path, data="digits", device="cpu")
    assert back["top1"] == own["top1"]
    assert back["loss"] == pytest.approx(own["loss"], rel=1e-5)
    for asked in (None, layout):
        weights = epochal.read_weights(done.path, name, layout=asked)
        assert weights.layout == layout
        assert weights.classes == tuple(run.record()["classes"])
        assert weights.pixels is not None
        assert not weights.unplaced
    for other in (one for one in import_module(f"epochal.landmarks.{name}.exchange").LAYOUTS if one != layout):
        with pytest.raises(InputFault, match=f"was exported in the layout {layout}, not in {other}"):
            epochal.read_weights(done.path, name, layout=other)


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_written_is_refused_with_what_can(name: str, trained, tmp_path: Path) -> None:
    recipe, _ = EXPORTED[name]["ours"]
    for layout in (*import_module(f"epochal.landmarks.{name}.exchange").LAYOUTS, "keras"):
        if layout not in written(name):
            with pytest.raises(InputFault, match="no layout to write") as caught:
                epochal.export(trained(name, recipe), out=tmp_path / "w.safetensors", layout=layout)
            assert caught.value.expected == " or ".join(written(name))
    assert not list(tmp_path.iterdir())


def test_the_help_and_the_docstring_name_every_layout_that_can_be_written() -> None:
    text = " ".join(epochal_command("export", "--help").out.replace("│", " ").split())
    for name in NAMES:
        for layout in written(name):
            assert layout in text
            assert f"`{layout}`" in (epochal.export.__doc__ or "")
