"""Arms x seeds: which trainings an experiment needs, and in which order."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.lab.made import BETTER, FASTER, evaluations, experiment, made_run

from epochal.core.claim import Arm, Claim
from epochal.core.fault import InputFault, NonFiniteFault
from epochal.lab.experiment import Experiment, check_seeds
from epochal.lab.jobs import Job, Stock

TUNED, PLAIN = experiment(FASTER), experiment(BETTER)
ONE, OTHER = TUNED.arms


def trial(arm: Arm, lr: float) -> Job:
    return next(job for tried, job in TUNED.trials(arm) if tried == lr)


def try_out(folder: Path, arm: Arm, *scores: float | None) -> None:
    """Make an arm's trials: the accuracy each ended with, None for one whose numbers ran away."""
    for (_, job), score in zip(TUNED.trials(arm), scores, strict=False):
        if score is None:
            made_run(folder, job, [], status="failed", exit_code=NonFiniteFault.exit_code, results=None)
        else:
            made_run(folder, job, evaluations(score))


def test_an_experiment_is_what_its_claim_declares() -> None:
    for claim in (FASTER, BETTER):
        made = Experiment.of("alexnet", claim)
        assert (made.landmark, made.name, made.changed) == ("alexnet", claim.name, ())
        for name in ("arms", "metric", "data", "seeds", "sd"):
            assert getattr(made, name) == getattr(claim, name)


def test_a_variation_changes_every_arm_and_says_so() -> None:
    varied = PLAIN.varied(data="mnist", seeds=3, overrides=["lr=0.5", " units = 8"])
    assert {(arm.recipe.lr, arm.recipe.units) for arm in varied.arms} == {(0.5, 8)}
    assert [arm.recipe.dropout for arm in varied.arms] == [True, False, True]
    assert (varied.data, varied.seeds) == ("mnist", (0, 1, 2))
    assert varied.changed == ("lr=0.5", " units = 8", "data=mnist")
    assert PLAIN.arms[0].recipe.lr != 0.5


def test_what_a_variation_takes_is_reckoned_from_the_epochs_or_not_known() -> None:
    declared = ONE.recipe.epochs
    longer = TUNED.varied(data=None, seeds=None, overrides=[f"epochs={3 * declared}"])
    assert [arm.seconds for arm in longer.arms] == [3 * arm.seconds for arm in TUNED.arms]
    assert [arm.tuning.seconds for arm in longer.arms] == [arm.tuning.seconds for arm in TUNED.arms]
    for changes in ({"overrides": ["units=8"]}, {"overrides": ["epochs=9", "units=8"]}, {"data": "mnist"}):
        varied = TUNED.varied(**{"data": None, "seeds": None, "overrides": [], **changes})
        assert {arm.seconds for arm in varied.arms} == {arm.tuning.seconds for arm in varied.arms} == {None}


def test_without_a_variation_everything_stays() -> None:
    assert PLAIN.varied(data=None, seeds=None, overrides=[]) == PLAIN
    assert PLAIN.varied(data=BETTER.data, seeds=None, overrides=[]) == PLAIN, "the declared data is no change"


def test_a_folder_of_data_means_the_same_from_everywhere_and_is_shown_without_its_place(tmp_path: Path) -> None:
    varied = PLAIN.varied(data="imagefolder:photos", seeds=None, overrides=[])
    assert varied.data == f"imagefolder:{tmp_path / 'photos'}"
    there = PLAIN.varied(data=f"imagefolder:{tmp_path / 'photos'}", seeds=None, overrides=[])
    assert there.data == varied.data
    assert there.changed == ("data=imagefolder:photos",)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"overrides": ["lr_=1"]}, "lr_"),
        ({"overrides": ["units=many"]}, "units cannot be 'many'"),
        ({"overrides": ["units"]}, "is no assignment"),
        ({"overrides": [" lr =0.5"]}, "lr cannot be set in faster: it is tuned for each arm"),
        ({"seeds": 1001}, "1001 seeds include seed 1000, on which arms are tuned"),
    ],
    ids=str,
)
def test_a_variation_that_cannot_be_is_refused(asked: dict, told: str) -> None:
    with pytest.raises(InputFault, match=told):
        TUNED.varied(**{"data": None, "seeds": None, "overrides": [], **asked})


@pytest.mark.parametrize("seeds", [0, -1, 1001, 10**9])
def test_a_number_of_seeds_that_is_none_is_refused(seeds: int) -> None:
    with pytest.raises(InputFault, match=f"seeds cannot be {seeds}"):
        check_seeds(seeds)


def test_a_number_of_seeds_that_can_be_passes() -> None:
    for seeds in (None, 1, 1000):
        check_seeds(seeds)


def test_a_trial_is_the_arm_with_one_value_cut_short_on_a_seed_of_its_own() -> None:
    for arm in TUNED.arms:
        trials = TUNED.trials(arm)
        assert [tried for tried, _ in trials] == [0.1, 0.2]
        for tried, job in trials:
            assert job.recipe == arm.recipe.replace(lr=tried, epochs=1.0)
            assert (job.data, job.seed) == ("digits", 1000)
            assert arm.name in job.label
            assert f"lr={tried}" in job.label
    assert PLAIN.trials(PLAIN.arms[0]) == []


def test_the_value_of_the_best_trial_is_chosen_for_each_arm_by_itself(tmp_path: Path) -> None:
    try_out(tmp_path, ONE, 0.7, 0.6)
    try_out(tmp_path, OTHER, 0.3)
    stock = Stock(tmp_path)
    assert TUNED.chosen(ONE, stock) == {"lr": 0.1}
    assert TUNED.chosen(OTHER, stock) is None, "a trial is missing"
    assert TUNED.jobs(OTHER, stock) is None
    try_out(tmp_path, OTHER, 0.3, 0.4)
    assert TUNED.chosen(OTHER, Stock(tmp_path)) == {"lr": 0.2}
    assert PLAIN.chosen(PLAIN.arms[0], stock) == {}


def test_a_trial_whose_numbers_ran_away_is_not_chosen(tmp_path: Path) -> None:
    try_out(tmp_path, ONE, 0.2, None)
    assert TUNED.chosen(ONE, Stock(tmp_path)) == {"lr": 0.1}


def test_an_arm_that_no_value_can_train_is_named(tmp_path: Path) -> None:
    try_out(tmp_path, ONE, None, None)
    with pytest.raises(InputFault, match="with no lr did one give finite numbers"):
        TUNED.chosen(ONE, Stock(tmp_path))


def test_the_runs_that_count_have_the_chosen_value_and_the_whole_length(tmp_path: Path) -> None:
    try_out(tmp_path, ONE, 0.2, 0.3)
    jobs = TUNED.jobs(ONE, Stock(tmp_path))
    assert [(job.seed, job.recipe) for job in jobs] == [(seed, ONE.recipe.replace(lr=0.2)) for seed in (0, 1, 2)]
    assert {job.seconds for job in jobs} == {20.0}


def test_trials_come_first_and_then_the_runs_seed_by_seed(tmp_path: Path) -> None:
    assert TUNED.next_jobs(Stock(tmp_path)) == [trial(ONE, 0.1), trial(ONE, 0.2), trial(OTHER, 0.1), trial(OTHER, 0.2)]
    try_out(tmp_path, ONE, 0.5, 0.4)
    assert TUNED.next_jobs(Stock(tmp_path)) == [trial(OTHER, 0.1), trial(OTHER, 0.2)]
    try_out(tmp_path, OTHER, None, 0.4)
    runs = TUNED.next_jobs(Stock(tmp_path))
    assert [(job.seed, job.recipe.activation) for job in runs] == [
        (0, "relu"),
        (0, "tanh"),
        (1, "relu"),
        (1, "tanh"),
        (2, "relu"),
        (2, "tanh"),
    ]
    for done, job in enumerate(runs, 1):
        made_run(tmp_path, job)
        assert TUNED.next_jobs(Stock(tmp_path)) == runs[done:]


def test_arms_that_share_runs_need_them_once(tmp_path: Path) -> None:
    jobs = PLAIN.next_jobs(Stock(tmp_path))
    assert [(job.seed, job.recipe.dropout) for job in jobs] == [(0, True), (0, False), (1, True), (1, False)]
    for job in jobs:
        made_run(tmp_path, job)
    stock = Stock(tmp_path)
    base, _, ten_crops = PLAIN.arms
    assert [run.folder for run in PLAIN.runs(base, stock)] == [run.folder for run in PLAIN.runs(ten_crops, stock)]


def test_an_arms_runs_come_in_the_order_of_the_seeds(tmp_path: Path) -> None:
    jobs = PLAIN.jobs(PLAIN.arms[0], Stock(tmp_path))
    made_run(tmp_path, jobs[1])
    assert [run.record()["seed"] for run in PLAIN.runs(PLAIN.arms[0], Stock(tmp_path))] == [1]
    made_run(tmp_path, jobs[0])
    assert [run.record()["seed"] for run in PLAIN.runs(PLAIN.arms[0], Stock(tmp_path))] == [0, 1]


def test_a_claim_without_tuning_begins_with_the_runs_that_count() -> None:
    untuned = Claim(
        **{
            **{name: getattr(FASTER, name) for name in Claim.model_fields},
            "arms": tuple(arm.model_copy(update={"tuning": None}) for arm in FASTER.arms),
        }
    )
    assert len(experiment(untuned).next_jobs(Stock(Path("nowhere")))) == 6
