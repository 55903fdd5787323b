"""Arms that may run away, and jobs that want the signal recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from epochal.core.claim import Arm, Claim, EpochsTo, ErrorRate, Less, Measure, Ratio, Reaches, Within
from epochal.core.fault import InputFault, NonFiniteFault
from epochal.core.run import Run
from epochal.core.verdict import Measured
from epochal.lab.jobs import Job, Stock
from epochal.lab.judge import judge
from epochal.lab.values import ran_away, value
from epochal.landmarks.batchnorm import CARD
from epochal.landmarks.batchnorm.recipe import MNIST

SEEDS = (0, 1, 2, 3, 4)


def made(folder: Path, **changes: Any) -> Run:
    record = {
        "landmark": "batchnorm",
        "landmark_version": CARD.version,
        "recipe": MNIST.model_dump(mode="json"),
        "data": "mnist",
        "seed": 0,
        "classes": list("0123456789"),
        **changes,
    }
    run = Run.create(folder, "run", record)
    run.update(status=changes.get("status", "finished"))
    return run


def away(folder: Path) -> Run:
    return made(folder, status="failed", exit_code=NonFiniteFault.exit_code, reason="step 3: the loss is not finite")


def job(**changes: Any) -> Job:
    return Job("batchnorm", MNIST, "mnist", 0, **changes)


def test_a_run_that_ran_away_has_done_only_a_job_that_says_so(tmp_path: Path) -> None:
    run = away(tmp_path)
    stock = Stock(tmp_path)
    assert stock.finished(job()) is None
    assert stock.ran_away(job())
    assert stock.missing([job()]) == [job()]
    found = stock.finished(job(may_run_away=True))
    assert found is not None
    assert found.folder == run.folder
    assert stock.missing([job(may_run_away=True)]) == []


def test_a_job_that_wants_the_signal_is_done_by_a_run_that_recorded_it_and_one_that_does_not_by_both(
    tmp_path: Path,
) -> None:
    made(tmp_path, results={"top1": 0.5})
    assert Stock(tmp_path).finished(job()) is not None
    assert Stock(tmp_path).finished(job(signal_steps=500)) is None
    recording = made(tmp_path, results={"top1": 0.5}, signal_steps=500)
    stock = Stock(tmp_path)
    assert stock.finished(job(signal_steps=500)).folder == recording.folder
    assert stock.finished(job(signal_steps=100)) is None
    assert stock.finished(job()) is not None


def test_what_ran_away_counts_with_the_error_of_guessing_and_never_reached_a_level(tmp_path: Path) -> None:
    run = away(tmp_path)
    assert ran_away(run)
    assert value(run, ErrorRate()) == (pytest.approx(90.0), False)
    assert value(run, EpochsTo(name="top1", level=0.5)) == (MNIST.epochs, True)
    with pytest.raises(InputFault, match="ran away"):
        value(run, Measure(name="anything"))
    assert not ran_away(made(tmp_path, results={"top1": 0.5}))


def claim(*expectations: Any) -> Claim:
    return Claim(
        name="x5",
        says="it diverges",
        source="Section 4",
        reported="it did",
        label="S",
        metric=ErrorRate(),
        arms=(Arm(name="fast", recipe=MNIST.replace(lr=1.0), may_run_away=True), Arm(name="slow", recipe=MNIST)),
        expectations=expectations,
        data="mnist",
        seeds=SEEDS,
        sd=1.0,
        budget="none",
    )


def measured(*away: bool, fast: float = 90.0) -> tuple[Measured, ...]:
    values = tuple(90.0 if ran else fast for ran in away)
    slow = tuple(10.0 + seed for seed in range(len(away)))
    none = (False,) * len(away)
    return (
        Measured(arm="fast", values=values, bounded=none, tuned={}, ran_away=away),
        Measured(arm="slow", values=slow, bounded=none, tuned={}),
    )


@pytest.mark.parametrize(
    ("away", "fast", "answer"),
    [
        ((True,) * 5, 90.0, "holds"),
        ((True, True, True, True, False), 89.0, "holds"),
        ((True,) * 3, 90.0, "undecided"),
        ((True, False, False, False, False), 20.0, "undecided"),
    ],
)
def test_conventions_have_no_interval_and_are_judged_by_counting(away: tuple, fast: float, answer: str) -> None:
    expected = claim(Within(arm="fast", low=85.0, high=95.0), Less(arm="slow", than="fast", by=20.0))
    verdict = judge(expected, measured(*away, fast=fast))
    assert verdict.answer == answer
    for finding in verdict.findings:
        assert (finding.low, finding.high) == (None, None)
        assert "ran away" in finding.why


def test_a_ratio_to_a_convention_is_undecided_and_an_upper_bound_can_fail() -> None:
    assert judge(claim(Ratio(arm="fast", over="slow", least=2.0)), measured(*[True] * 5)).answer == "undecided"
    assert judge(claim(Reaches(arm="fast", level=50.0)), measured(*[True] * 5)).answer == "fails"
    assert judge(claim(Within(arm="slow", low=5.0, high=20.0)), measured(*[True] * 5)).answer == "holds"
