"""Which runs an experiment takes for its own, and which it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import TINY
from tests.unit.lab.made import made_run

from epochal.core.fault import DiskFault, InputFault, MemoryFault, NonFiniteFault
from epochal.core.run import Run
from epochal.lab.jobs import Job, Stock
from epochal.landmarks.alexnet import CARD

JOB = Job("alexnet", TINY, "digits", 3, "a label")


def rewritten(run: Run, **changes: Any) -> None:
    """Change a record as an editor would."""
    path = run.folder / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_finished_run_is_found_by_what_it_was_and_not_by_its_name_or_label(tmp_path: Path) -> None:
    run = made_run(tmp_path, JOB)
    found = Stock(tmp_path).finished(Job("alexnet", TINY, "digits", 3, "another label", seconds=5.0))
    assert found is not None
    assert found.folder == run.folder


@pytest.mark.parametrize(
    "other",
    [
        Job("alexnet", TINY.replace(lr=0.021), "digits", 3),
        Job("alexnet", TINY, "mnist", 3),
        Job("alexnet", TINY, "digits", 4),
    ],
    ids=["another recipe", "other data", "another seed"],
)
def test_a_run_of_another_recipe_data_or_seed_is_not_taken(other: Job, tmp_path: Path) -> None:
    made_run(tmp_path, other)
    stock = Stock(tmp_path)
    assert stock.finished(JOB) is None
    assert stock.begun(JOB) is None
    assert stock.missing([JOB]) == [JOB]
    assert stock.missing([other]) == []


def test_the_order_of_the_settings_in_a_record_does_not_matter(tmp_path: Path) -> None:
    run = made_run(tmp_path, JOB)
    settings = json.loads((run.folder / "run.json").read_text())["recipe"]
    rewritten(run, recipe=dict(reversed(settings.items())))
    assert Stock(tmp_path).finished(JOB) is not None


def test_a_record_older_than_a_setting_counts_as_with_its_default(tmp_path: Path) -> None:
    run = made_run(tmp_path, JOB)
    settings = json.loads((run.folder / "run.json").read_text())["recipe"]
    newer = ("mixup", "cutmix", "label_smoothing", "pictures", "batch_norm", "residual", "until_accuracy")
    rewritten(run, recipe={name: value for name, value in settings.items() if name not in newer})
    stock = Stock(tmp_path)
    assert stock.finished(JOB) is not None
    assert stock.finished(Job("alexnet", TINY.replace(mixup=0.2), "digits", 3)) is None


BAD = {
    "no JSON": lambda run: (run.folder / "run.json").write_text("{"),
    "no object": lambda run: (run.folder / "run.json").write_text("[]"),
    "another version": lambda run: rewritten(run, landmark_version=CARD.version + 1),
    "an unknown setting": lambda run: rewritten(run, recipe={**TINY.model_dump(mode="json"), "magic": 1}),
    "an impossible setting": lambda run: rewritten(run, recipe={**TINY.model_dump(mode="json"), "lr": -1}),
    "an unknown landmark": lambda run: rewritten(run, landmark="magic"),
    "a seed that is text": lambda run: rewritten(run, seed="3"),
    "no seed": lambda run: (run.folder / "run.json").write_text(
        json.dumps({k: v for k, v in json.loads((run.folder / "run.json").read_text()).items() if k != "seed"})
    ),
    "no results": lambda run: rewritten(run, results=None),
    "another format": lambda run: rewritten(run, format=99),
    "begun with given weights": lambda run: rewritten(run, start={"sha256": "0" * 64, "head": "new"}),
    "trained by two processes": lambda run: rewritten(run, processes=2),
    "trained in micro-batches": lambda run: rewritten(run, micro_batches=4),
    "an unknown status": lambda run: rewritten(run, status="magic"),
    "refused": lambda run: rewritten(run, status="failed", exit_code=InputFault.exit_code),
    "failed and did not say why": lambda run: rewritten(run, status="failed"),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_a_run_that_says_nothing_of_the_job_is_passed_over_and_the_others_are_found(spoil: Any, tmp_path: Path) -> None:
    spoil(made_run(tmp_path, JOB))
    neighbour = Job("alexnet", TINY, "digits", 5)
    made_run(tmp_path, neighbour)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    stock = Stock(tmp_path)
    assert stock.finished(JOB) is None
    assert stock.begun(JOB) is None
    assert not stock.ran_away(JOB)
    assert stock.missing([JOB, neighbour]) == [JOB]


@pytest.mark.parametrize(
    "record",
    [
        {"status": "interrupted", "exit_code": 143},
        {"status": "running"},
        {"status": "created"},
        {"status": "failed", "exit_code": MemoryFault.exit_code},
        {"status": "failed", "exit_code": DiskFault.exit_code},
    ],
    ids=str,
)
def test_a_run_that_stopped_on_its_way_is_gone_on_with(record: dict, tmp_path: Path) -> None:
    run = made_run(tmp_path, JOB, results=None, **record)
    stock = Stock(tmp_path)
    assert stock.finished(JOB) is None
    assert stock.begun(JOB).folder == run.folder
    assert stock.missing([JOB]) == [JOB]


def test_a_run_that_a_process_trains_right_now_is_left_alone(tmp_path: Path) -> None:
    run = made_run(tmp_path, JOB, status="running", results=None)
    with run.held():
        assert Stock(tmp_path).begun(JOB) is None
    assert Stock(tmp_path).begun(JOB) is not None


def test_a_finished_run_is_preferred_to_a_begun_one_and_a_newer_to_an_older(tmp_path: Path) -> None:
    made_run(tmp_path, JOB, top1=0.1)
    newest = made_run(tmp_path, JOB, top1=0.2)
    made_run(tmp_path, JOB, status="interrupted", results=None)
    stock = Stock(tmp_path)
    assert stock.finished(JOB).folder == newest.folder
    assert stock.begun(JOB) is None


def test_numbers_that_ran_away_are_remembered_until_a_run_finishes(tmp_path: Path) -> None:
    made_run(tmp_path, JOB, status="failed", exit_code=NonFiniteFault.exit_code, results=None)
    stock = Stock(tmp_path)
    assert stock.ran_away(JOB)
    assert stock.finished(JOB) is None
    assert stock.begun(JOB) is None
    assert not stock.ran_away(Job("alexnet", TINY, "digits", 4))
    made_run(tmp_path, JOB)
    assert not Stock(tmp_path).ran_away(JOB)


def test_missing_jobs_come_once_each_and_in_their_order(tmp_path: Path) -> None:
    jobs = [Job("alexnet", TINY, "digits", seed) for seed in (4, 2, 4, 3, 2)]
    made_run(tmp_path, JOB)
    assert [job.seed for job in Stock(tmp_path).missing(jobs)] == [4, 2]


def test_the_time_a_training_takes_is_that_of_its_other_seeds(tmp_path: Path) -> None:
    made_run(tmp_path, Job("alexnet", TINY, "digits", 1), seconds=10.0)
    made_run(tmp_path, Job("alexnet", TINY, "digits", 2), seconds=20.0)
    made_run(tmp_path, Job("alexnet", TINY, "mnist", 2), seconds=500.0)
    made_run(tmp_path, Job("alexnet", TINY.replace(lr=0.5), "digits", 2), seconds=500.0)
    made_run(tmp_path, Job("alexnet", TINY, "digits", 5), status="interrupted", seconds=500.0)
    stock = Stock(tmp_path)
    assert stock.typical_seconds(JOB) == 15.0
    assert stock.typical_seconds(Job("alexnet", TINY.replace(lr=0.4), "digits", 2)) is None


def test_a_run_that_does_not_know_its_time_is_no_fault(tmp_path: Path) -> None:
    made_run(tmp_path, Job("alexnet", TINY, "digits", 1), seconds=None)
    assert Stock(tmp_path).typical_seconds(JOB) is None


@pytest.mark.parametrize("name", ["nowhere", "x" * 5000, "a\0b"], ids=["nowhere", "too long", "NUL"])
def test_a_folder_that_is_not_there_holds_no_runs(name: str, tmp_path: Path) -> None:
    assert Stock(tmp_path / name).missing([JOB]) == [JOB]
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "afile").write_text("mine")
    with pytest.raises(InputFault, match="afile is no folder") as caught:
        Stock(tmp_path / "afile")
    assert "--runs" in caught.value.remedy
