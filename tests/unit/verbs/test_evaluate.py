"""Which pictures a network is measured on."""

from __future__ import annotations

import pytest
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
    assert epochal.evaluate(run, data="digits", split="train", device="cpu")["pictures"] == 1442, "all, where asked for"


def test_they_are_drawn_by_the_runs_seed(run: epochal.Run) -> None:
    from epochal.verbs.trained import find_trained

    asked = find_trained(run, device="cpu")
    assert asked.subset == (60, 3)
    data = with_fewer(open_data("digits"), 60, 3)
    right = asked.classifier.examine(data.train).metrics()["top1"]
    assert epochal.evaluate(run, split="train", device="cpu")["top1"] == right
