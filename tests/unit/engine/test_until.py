"""Training until the training pictures are answered right: where it ends, what it logs, and that it resumes."""

from __future__ import annotations

import os
import signal
from itertools import islice
from pathlib import Path

import pytest
import torch
from tests.tiny import TINY

import epochal
from epochal.core.fault import Interrupted
from epochal.core.run import Run
from epochal.data.digits import read_digits
from epochal.engine import checkpoint
from epochal.engine.checkpoint import Snapshot, fingerprint
from epochal.engine.supervised import Supervised
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.landmarks.alexnet.train import task

STEPS = 12  # an epoch: 600 digits in batches of 48
# One layer of filters learns digits at once, so that the accuracy rises from epoch to epoch.
RECIPE: AlexNetRecipe = TINY.replace(
    network="shallow", pictures=600, lr=0.003, warmup_epochs=0.0, schedule="drops", epochs=4.0
)


def trained(folder: Path, report=lambda row: None, **changes: object) -> Run:
    recipe = RECIPE.replace(**changes)
    return epochal.train("alexnet", recipe=recipe, seed=1, workers=0, device="cpu", runs=folder, report=report)


def evaluations(run: Run) -> list[dict]:
    clocks = ("seconds", "steps_per_second")
    rows = [row for row in run.metrics() if row["kind"] == "evaluation"]
    return [{name: value for name, value in row.items() if name not in clocks} for row in rows]


def bits(run: Run) -> tuple[int, str]:
    loaded = checkpoint.load(run.checkpoints)
    values = {name: value for name, value in loaded.snapshot.values.items() if name != "loop.seconds"}
    return loaded.step, fingerprint(Snapshot(loaded.snapshot.tensors, values))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """The evaluations of a training that goes to its end, an epoch after another."""
    return evaluations(trained(tmp_path_factory.mktemp("whole")))


@pytest.fixture(scope="module")
def level(whole: list[dict]) -> float:
    """What the third epoch reaches and the second does not."""
    first, second, third, *_ = (row["train_top1"] for row in whole)
    assert max(first, second) < third
    return third


@pytest.fixture(scope="module")
def early(tmp_path_factory: pytest.TempPathFactory, level: float) -> Run:
    """A training with that level as its end, which would evaluate once in four epochs only."""
    return trained(tmp_path_factory.mktemp("early"), until_accuracy=level, evaluate_epochs=4.0)


def test_it_ends_after_the_first_epoch_that_reaches_the_level(early: Run, whole: list[dict]) -> None:
    record = early.record()
    assert record["status"] == "finished"
    assert checkpoint.load(early.checkpoints).step == 3 * STEPS
    # It is the same training as the whole one up to there, evaluated and logged where it ended.
    assert evaluations(early) == [whole[2]]
    assert record["results"] == {k: v for k, v in whole[2].items() if k not in ("kind", "step", "epoch")}
    assert [row["step"] for row in early.metrics() if row["kind"] == "step"][-1] == 3 * STEPS


def test_it_goes_to_its_end_where_the_level_is_not_reached(whole: list[dict], tmp_path: Path) -> None:
    highest = max(row["train_top1"] for row in whole)
    assert highest < 0.999
    run = trained(tmp_path, until_accuracy=0.999)
    assert evaluations(run) == whole
    assert checkpoint.load(run.checkpoints).step == 4 * STEPS


def test_within_the_first_epoch_there_is_no_accuracy_yet(tmp_path: Path) -> None:
    run = trained(tmp_path, epochs=1.5, evaluate_epochs=0.5)
    first, second, third = evaluations(run)
    assert "train_top1" not in first
    assert second["step"] == STEPS
    assert third["train_top1"] == second["train_top1"], "that of the last whole epoch"


@pytest.mark.parametrize("at", [20, 36], ids=["in an epoch", "in the last evaluation"])
def test_stopped_and_resumed_it_ends_at_the_same_step_with_the_same_bits(
    early: Run, level: float, at: int, tmp_path: Path
) -> None:
    def stop(row: dict) -> None:
        if row.get("step") == at:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        trained(tmp_path, stop, until_accuracy=level, evaluate_epochs=4.0)
    (run,) = epochal.runs(tmp_path)
    assert checkpoint.list_steps(run.checkpoints) == [at]
    epochal.resume(run)
    assert evaluations(run) == evaluations(early)
    assert bits(run) == bits(early)


def tiny(**changes: object) -> Supervised:
    return task(RECIPE.replace(**changes), read_digits(), seed=1, device=torch.device("cpu"))


def test_the_accuracy_is_the_hand_count_over_the_epoch_before_each_update() -> None:
    one, twin = tiny(batch_size=150), tiny(batch_size=150)  # 4 steps an epoch
    for epoch in range(2):
        right = 0
        for number, batch in islice(enumerate(twin.batches(4 * epoch), 4 * epoch), 4):
            twin.model.train()
            with torch.no_grad():
                right += int((twin.model(batch.images).argmax(1) == batch.labels).sum())
            one.step(number, batch)
            twin.step(number, batch)
        assert one.evaluate()["train_top1"] == pytest.approx(right / 600, abs=1e-6)


def test_mixed_pictures_count_by_their_own_class() -> None:
    one, twin = tiny(batch_size=600, mixup=1.0), tiny(batch_size=600, mixup=1.0)
    batch = next(twin.batches(0))
    with torch.no_grad():
        right = int((twin.model.train()(batch.images).argmax(1) == batch.labels).sum())
    one.step(0, batch)
    assert one.evaluate()["train_top1"] == pytest.approx(right / 600, abs=1e-6)


def test_the_count_of_the_epoch_under_way_is_a_part_of_the_state() -> None:
    straight, resumed = tiny(batch_size=150), tiny(batch_size=150)
    for number, batch in enumerate(islice(straight.batches(0), 4)):
        if number == 2:
            state = straight.state()
            resumed.restore(Snapshot({k: v.clone() for k, v in state.tensors.items()}, dict(state.values)))
        straight.step(number, batch)
    for number, batch in zip((2, 3), resumed.batches(2), strict=False):
        resumed.step(number, batch)
    assert resumed.evaluate() == straight.evaluate()
