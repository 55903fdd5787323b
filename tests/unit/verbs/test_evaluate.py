"""Which pictures a network is measured on."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from tests.tiny import TINY_RESNET

import epochal
from epochal.data.source import open_data
from epochal.data.subset import with_fewer


@pytest.fixture
def run() -> epochal.Run:
    recipe = TINY_RESNET.replace(pictures=60, epochs=1.0, batch_size=20)
    return epochal.train("resnet", recipe=recipe, seed=3, workers=0, device="cpu")


def test_the_training_pictures_of_a_run_are_those_that_it_learned_from(run: epochal.Run) -> None:
    assert epochal.evaluate(run, split="train", device="cpu")["pictures"] == 60
    assert epochal.evaluate(run, device="cpu")["pictures"] == 355
    named = epochal.evaluate(run, data="digits", split="train", device="cpu")
    assert named["pictures"] == 60, "its own set is its own by any name"


def test_of_another_set_all_training_pictures_are_meant(run: epochal.Run, tmp_path: Path) -> None:
    for name in run.record()["classes"]:
        (tmp_path / "other" / name).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (8, 8), (40 * number,) * 3).save(tmp_path / "other" / name / f"{number}.png")
    found = epochal.evaluate(run, data=f"imagefolder:{tmp_path / 'other'}", split="train", device="cpu")
    assert found["pictures"] == 50


def test_they_are_drawn_by_the_runs_seed(run: epochal.Run) -> None:
    from epochal.verbs.trained import find_trained

    asked = find_trained(run, device="cpu")
    assert asked.subset == (60, 3)
    data = with_fewer(open_data("digits"), 60, 3)
    right = asked.classifier.examine(data.train).metrics()["top1"]
    assert epochal.evaluate(run, split="train", device="cpu")["top1"] == right
