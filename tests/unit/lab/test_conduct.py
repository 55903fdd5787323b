"""Stages of an experiment: trials, then runs, until nothing is missing. The trainings are made by hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.lab.made import BETTER, FASTER, evaluations, experiment, made_run

from epochal.core.fault import Fault, InputFault, NonFiniteFault
from epochal.lab import conduct as module
from epochal.lab.conduct import conduct, measured
from epochal.lab.jobs import Job, Stock

TUNED, PLAIN = experiment(FASTER), experiment(BETTER)


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> list[list[Job]]:
    """The jobs that each stage was asked to do, with `do` standing for the processes that would."""
    asked: list[list[Job]] = []

    def execute(jobs: list[Job], stock: Stock, where: Any, **options: Any) -> list[dict[str, Any]]:
        asked.append(jobs)
        return [failure for job in jobs if (failure := _do(stock.folder, job)) is not None]

    monkeypatch.setattr(module, "execute", execute)
    return asked


# What a training comes to, by its job; a test may put another one here.
_outcomes: dict[str, Callable[[Path, Job], dict[str, Any] | None]] = {}


def _do(folder: Path, job: Job) -> dict[str, Any] | None:
    for part, outcome in _outcomes.items():
        if part in job.label:
            return outcome(folder, job)
    slow = 4 if job.recipe.activation == "tanh" else 1
    made_run(folder, job, evaluations(*[0.5] * slow * (job.seed + 1), 1.0))
    return None


def runs_away(folder: Path, job: Job) -> dict[str, Any]:
    what = "step 3: the loss is not finite"
    made_run(folder, job, [], status="failed", exit_code=NonFiniteFault.exit_code, reason=what, results=None)
    return {"label": job.label, "what": what, "expected": "finite numbers", "remedy": "lower the rate"}


@pytest.fixture(autouse=True)
def _ordinary_outcomes() -> Any:
    _outcomes.clear()
    yield
    _outcomes.clear()


def conducted(one: Any, folder: Path) -> Stock:
    return conduct(one, folder, [], offline=True, report=lambda row: None)


def test_trials_are_done_before_the_runs_and_nothing_twice(stages: list[list[Job]], tmp_path: Path) -> None:
    stock = conducted(TUNED, tmp_path)
    assert [len(jobs) for jobs in stages] == [4, 6]
    assert {job.seed for job in stages[0]} == {1000}
    assert [job.seed for job in stages[1]] == [0, 0, 1, 1, 2, 2]
    conducted(TUNED, tmp_path)
    assert len(stages) == 2, "everything was there"
    numbers = measured(TUNED, stock, device="cpu", offline=True)
    assert [(one.arm, one.bounded, one.tuned) for one in numbers] == [
        ("one", (False,) * 3, {"lr": 0.2}),
        ("other", (False,) * 3, {"lr": 0.2}),
    ]
    # Half a step from 0.5 to 1.0 after 1, 2, 3 epochs, and after 4, 8, 12.
    assert [one.values for one in numbers] == [(1.5, 2.5, 3.5), (4.5, 8.5, 12.5)]


def test_a_trial_that_runs_away_is_an_answer(stages: list[list[Job]], tmp_path: Path) -> None:
    _outcomes["one, lr=0.2"] = runs_away
    stock = conducted(TUNED, tmp_path)
    assert [len(jobs) for jobs in stages] == [4, 6]
    assert [one.tuned for one in measured(TUNED, stock, device="cpu", offline=True)] == [{"lr": 0.1}, {"lr": 0.2}]


def test_an_arm_that_no_value_trains_is_told_after_its_trials(stages: list[list[Job]], tmp_path: Path) -> None:
    _outcomes["tanh"] = _outcomes["other"] = runs_away
    with pytest.raises(InputFault, match="with no lr did other give finite numbers"):
        conducted(TUNED, tmp_path)
    assert len(stages) == 1


def test_a_run_that_runs_away_is_told_with_its_reason_after_the_others_are_done(
    stages: list[list[Job]], tmp_path: Path
) -> None:
    _outcomes["without, seed 0"] = runs_away
    with pytest.raises(InputFault) as caught:
        conducted(PLAIN, tmp_path)
    assert caught.value.what == "better: without, seed 0: step 3: the loss is not finite"
    assert "--set" in caught.value.remedy
    assert len(Stock(tmp_path).missing(stages[0])) == 1


def test_a_run_that_vanishes_ends_the_experiment_instead_of_being_trained_for_ever(
    stages: list[list[Job]], tmp_path: Path
) -> None:
    def vanishes(folder: Path, job: Job) -> None:
        shutil.rmtree(made_run(folder, job).folder)

    _outcomes["without, seed 1"] = vanishes
    with pytest.raises(Fault, match="no finished run of it"):
        conducted(PLAIN, tmp_path)
    assert len(stages) == 1


def test_a_folder_that_someone_else_fills_meanwhile_is_read_again(stages: list[list[Job]], tmp_path: Path) -> None:
    def quick_neighbour(folder: Path, job: Job) -> None:
        for one in PLAIN.next_jobs(Stock(folder)):
            made_run(folder, one)

    _outcomes["base, seed 0"] = quick_neighbour
    stock = conducted(PLAIN, tmp_path)
    assert stock.missing(stages[0]) == []
