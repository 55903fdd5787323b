"""What an experiment would take: counted, timed, and told without doing anything."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.lab.made import BETTER, FASTER, evaluations, experiment, made_run

import epochal
from epochal.core.claim import Claim
from epochal.lab.jobs import Stock
from epochal.lab.judge import detectable
from epochal.lab.plan import plan

TUNED, PLAIN = experiment(FASTER), experiment(BETTER)


def test_trials_and_runs_are_counted_and_timed(tmp_path: Path) -> None:
    planned = plan(TUNED, Stock(tmp_path), at_once=2)
    assert (planned.trials, planned.runs, planned.finished) == (4, 6, 0)
    assert planned.seconds == (4 * 7.0 + 3 * 20.0 + 3 * 60.0) / 2
    assert planned.arms == ("one", "other")
    assert planned.seeds == 3
    assert planned.metric == "epochs until train_top1 is 0.75"
    assert planned.sd == 0.1
    assert planned.detectable == detectable(0.1, 3)


def test_what_is_there_already_is_not_counted_as_time(tmp_path: Path) -> None:
    for arm in TUNED.arms:
        for _, job in TUNED.trials(arm):
            made_run(tmp_path, job, evaluations(0.5))
    planned = plan(TUNED, Stock(tmp_path), at_once=1)
    assert (planned.trials, planned.runs, planned.finished) == (4, 6, 4)
    assert planned.seconds == 3 * 20.0 + 3 * 60.0
    made_run(tmp_path, TUNED.next_jobs(Stock(tmp_path))[0], seconds=11.0)
    planned = plan(TUNED, Stock(tmp_path), at_once=1)
    assert planned.finished == 5
    assert planned.seconds == 2 * 11.0 + 3 * 60.0, "the time that it took here, where it is known"


def test_a_trial_whose_numbers_ran_away_is_done(tmp_path: Path) -> None:
    _, job = TUNED.trials(TUNED.arms[0])[0]
    made_run(tmp_path, job, [], status="failed", exit_code=3, results=None)
    planned = plan(TUNED, Stock(tmp_path), at_once=1)
    assert planned.finished == 1
    assert planned.seconds == 3 * 7.0 + 3 * 20.0 + 3 * 60.0


def test_arms_that_share_runs_count_them_once(tmp_path: Path) -> None:
    planned = plan(PLAIN, Stock(tmp_path), at_once=1)
    assert (planned.trials, planned.runs, planned.finished) == (0, 4, 0)
    assert planned.seconds == 4 * 20.0
    for job in PLAIN.next_jobs(Stock(tmp_path)):
        made_run(tmp_path, job)
    planned = plan(PLAIN, Stock(tmp_path), at_once=1)
    assert (planned.runs, planned.finished, planned.seconds) == (4, 4, 0.0)


def test_no_more_cores_are_reckoned_with_than_there_are_runs(tmp_path: Path) -> None:
    few = PLAIN.varied(data=None, seeds=1, overrides=[])
    assert plan(few, Stock(tmp_path), at_once=64).seconds == 2 * 20.0 / 2


def test_an_unknown_time_is_not_guessed(tmp_path: Path) -> None:
    arms = tuple(arm.model_copy(update={"seconds": None}) for arm in BETTER.arms)
    unknown = experiment(Claim(**{**{name: getattr(BETTER, name) for name in Claim.model_fields}, "arms": arms}))
    assert plan(unknown, Stock(tmp_path), at_once=1).seconds is None


def test_one_seed_shows_nothing(tmp_path: Path) -> None:
    assert plan(PLAIN.varied(data=None, seeds=1, overrides=[]), Stock(tmp_path)).detectable is None


def test_every_claim_of_a_landmark_is_planned_but_those_beyond_reach() -> None:
    planned = epochal.plan_check("alexnet")
    assert [claim for claim, _ in planned] == list(epochal.claims("alexnet"))
    assert all((one is None) == (claim.label == "X") for claim, one in planned)


def test_claims_share_their_runs_with_the_ablation(tmp_path: Path) -> None:
    """So that whoever checks the claims has most of the ablation."""
    everything = epochal.plan_ablation("alexnet", runs=tmp_path)
    assert everything.runs == len(everything.arms) * everything.seeds
    (overlap, _), (crops, _) = (epochal.plan_check(f"alexnet/{name}")[0] for name in ("overlap", "crops"))
    base = epochal.ablation("alexnet").base
    assert overlap.arms[0].recipe == crops.arms[0].recipe == crops.arms[1].recipe == base.recipe


@pytest.mark.parametrize(
    "words", [["check", "alexnet"], ["check", "alexnet/relu"], ["ablate", "alexnet", "--seeds", "2"]], ids=" ".join
)
def test_a_plan_takes_less_than_a_second_loads_no_torch_and_makes_nothing(words: list[str], tmp_path: Path) -> None:
    runs, empty = tmp_path / "there", tmp_path / "empty"
    empty.mkdir()
    claims = [claim for claim in epochal.claims("alexnet") if claim.label == "S"]
    for claim in claims[:2]:  # some runs to look through
        one = experiment(claim)
        for job in [job for arm in one.arms for job in one.jobs(arm, Stock(runs)) or []]:
            made_run(runs, job)
    program = (
        "import json, sys, epochal.cli\n"
        f"sys.argv = {['epochal', *words, '--plan', '--json', '--runs', str(runs)]!r}\n"
        "try:\n    epochal.cli.main()\n"
        "finally:\n    print([m for m in ('torch', 'matplotlib', 'sklearn') if m in sys.modules], file=sys.stderr)"
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=empty,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (done.returncode, done.stderr.strip()) == (0, "[]")
    answer = json.loads(done.stdout)
    if words == ["check", "alexnet"]:
        assert len(answer) == len(epochal.claims("alexnet"))
        assert sum(row["plan"]["finished"] for row in answer if row["plan"]) >= 10
    assert list(empty.iterdir()) == []
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert spent < 1.0


def test_a_plan_for_a_folder_that_is_not_there_makes_none(tmp_path: Path) -> None:
    epochal.plan_check("alexnet", runs=tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []
