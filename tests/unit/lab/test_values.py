"""From a run to a number."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.tiny import TINY, TINY_DROPOUT
from tests.unit.lab.made import evaluations, made_run
from torch import nn

from epochal.core.claim import EpochsTo, ErrorRate, Measure
from epochal.core.fault import InputFault
from epochal.core.recipe import Recipe
from epochal.core.run import Run
from epochal.data.statistics import PixelStatistics
from epochal.engine.classifier import Classifier
from epochal.engine.scene import Scene
from epochal.lab import values
from epochal.lab.jobs import Job
from epochal.lab.values import value
from epochal.landmarks.dropout import measures
from epochal.verbs import scene as scenes

JOB = Job("alexnet", TINY, "digits", 3)
THREE_QUARTERS = EpochsTo(name="train_top1", level=0.75)


@pytest.mark.parametrize(
    ("reached", "epochs"),
    [
        ((0.5, 0.7, 0.8, 0.9), 2.5),
        ((0.5, 0.75, 0.8), 2.0),
        ((0.65, 0.70, 0.90), 2.25),
        ((0.8, 0.9), 1.0),  # not before the first look
        ((0.5, 0.8, 0.6, 0.9), 1.0 + 0.25 / 0.3),  # the first time counts
        ((0.6, 0.5, 0.75), 3.0),
    ],
    ids=str,
)
def test_the_epochs_to_a_level_are_interpolated_between_evaluations(
    reached: tuple[float, ...], epochs: float, tmp_path: Path
) -> None:
    number, bounded = value(made_run(tmp_path, JOB, evaluations(*reached)), THREE_QUARTERS)
    assert number == pytest.approx(epochs)
    assert not bounded


def test_evaluations_need_not_be_an_epoch_apart(tmp_path: Path) -> None:
    run = made_run(tmp_path, JOB, evaluations(0.5, 0.7, 0.8, every=4.0))
    assert value(run, THREE_QUARTERS) == (pytest.approx(10.0), False)


def test_a_level_that_was_not_reached_gives_a_lower_bound(tmp_path: Path) -> None:
    assert value(made_run(tmp_path, JOB, evaluations(0.5, 0.7, 0.74)), THREE_QUARTERS) == (3.0, True)


def test_evaluations_without_the_metric_are_passed_over(tmp_path: Path) -> None:
    rows = evaluations(0.3, 0.5, 0.7, 0.8)
    del rows[0]["train_top1"]
    rows[1]["train_top1"] = None
    rows.insert(2, {"kind": "step", "step": 70, "epoch": 2.3, "train_top1": 0.99})
    assert value(made_run(tmp_path, JOB, rows), THREE_QUARTERS) == (pytest.approx(3.5), False)


def test_a_log_without_the_metric_is_named(tmp_path: Path) -> None:
    run = made_run(tmp_path, JOB, evaluations(0.5, name="top5"))
    with pytest.raises(InputFault, match=f"{run.name} has no train_top1") as caught:
        value(run, THREE_QUARTERS)
    assert caught.value.remedy


def test_the_error_rate_is_what_the_run_ended_with_in_per_cent(tmp_path: Path) -> None:
    run = made_run(tmp_path, JOB, evaluations(0.5, 0.9), top1=0.875)
    assert value(run, ErrorRate()) == (12.5, False)


def test_the_error_on_the_training_pictures_is_measured_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run(tmp_path, JOB, top1=0.5)
    monkeypatch.setattr(values, "evaluate", lambda one, **options: {"top1": 0.9 if options["split"] == "train" else 0})
    assert value(run, ErrorRate(split="train"), device="cpu") == (pytest.approx(10.0), False)
    assert value(run, ErrorRate(), device="cpu") == (50.0, False)
    assert run.record()["measured"] == {"top1, training pictures": 0.9}
    assert ErrorRate(split="train").says == "training error, %"


def test_ten_crops_are_measured_once_and_kept_with_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made_run(tmp_path, JOB, top1=0.5, measured={"something else": 0.25})
    asked = []

    def measure(one: Run, **options: object) -> dict[str, float]:
        asked.append((one.folder, options))
        return {"top1": 0.75, "top5": 1.0}

    monkeypatch.setattr(values, "evaluate", measure)
    for _ in range(2):
        assert value(run, ErrorRate(crops=10), device="cpu", offline=True) == (25.0, False)
    assert asked == [(run.folder, {"crops": 10, "split": "held-out", "device": "cpu", "offline": True})]
    assert run.record()["measured"] == {"something else": 0.25, "top1, 10 crops": 0.75}
    assert run.record()["results"]["top1"] == 0.5
    assert value(run, ErrorRate()) == (50.0, False)


def test_what_a_landmarks_own_function_finds_is_measured_once_and_kept_with_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made_run(tmp_path, Job("dropout", TINY_DROPOUT, "digits", 3), measured={"top1, 10 crops": 0.25})
    asked = []

    def measure(scene: Scene, recipe: Recipe, metrics: list[dict]) -> float:
        asked.append((scene.held_out.labels.shape, recipe, metrics))
        return 4.5

    digits = tuple(map(str, range(10)))
    nothing = PixelStatistics(torch.zeros(16, 16, 3), torch.zeros(3), torch.eye(3))
    device = torch.device("cpu")
    classifier = Classifier(nn.Flatten(), digits, nothing, 16, 0, 16, 255.0, "fp32", device)
    monkeypatch.setattr(scenes, "load_classifier", lambda one, device: (classifier, 60, ()))
    monkeypatch.setitem(measures.FUNCTIONS, "widths, m", measure)
    for _ in range(2):
        assert value(run, Measure(name="widths, m"), device="cpu", offline=True) == (4.5, False)
    assert asked == [((355,), TINY_DROPOUT, run.metrics())]
    assert run.record()["measured"] == {"top1, 10 crops": 0.25, "widths, m": 4.5}


def test_what_a_landmark_does_not_measure_is_refused(tmp_path: Path) -> None:
    run = made_run(tmp_path, Job("dropout", TINY_DROPOUT, "digits", 3))
    with pytest.raises(InputFault, match="dropout measures no 'height, m'") as caught:
        value(run, Measure(name="height, m"))
    assert "active hidden units, %" in caught.value.expected
