"""What every landmark's claims must be, before any of them is run. A landmark without claims yet is passed over."""

from __future__ import annotations

import io
import json
import math
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import pytest
import torch

import epochal
from epochal import landmarks as table
from epochal.core.claim import LABELS, Ablation, Arm, Claim, EpochsTo, Measure
from epochal.core.recipe import Recipe
from epochal.data.text import TextData, TextFile

WITH_CLAIMS = [name for name in table.CHRONOLOGY if find_spec(f"epochal.landmarks.{name}.claims")]
CLAIMS = [
    pytest.param(name, claim, id=f"{name}/{claim.name}") for name in WITH_CLAIMS for claim in epochal.claims(name)
]
# What a training can be judged by: what its evaluations say.
EVALUATED = ("top1", "top5", "train_top1")


def arms_of(name: str) -> list[Any]:
    """Every arm of a landmark with the seeds it gets, each recipe once."""
    claims = epochal.claims(name)
    arms = [arm for claim in claims if claim.label != "X" for arm in claim.arms]
    arms += epochal.ablation(name).arms
    return list({arm.recipe: arm for arm in arms}.values())


ARMS = [pytest.param(name, arm, id=f"{name}: {arm.name}") for name in WITH_CLAIMS for arm in arms_of(name)]


def test_some_landmark_has_claims() -> None:
    assert "alexnet" in WITH_CLAIMS


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_the_names_are_unique_and_one_claim_is_the_papers_own_experiment(name: str) -> None:
    claims = epochal.claims(name)
    assert len({claim.name for claim in claims}) == len(claims)
    assert any(claim.label == "N" for claim in claims)


@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_a_claim_says_what_where_how_much_and_at_what_price(name: str, claim: Claim) -> None:
    for text in (claim.says, claim.source, claim.reported, claim.budget):
        assert len(text) > 5
        assert text == text.strip()
    assert not claim.says.endswith("."), "it stands in sentences and tables"
    assert any(word in claim.source for word in ("Section", "Table", "Figure", "Equation", "abstract"))
    assert claim.label in LABELS
    assert claim.expectations
    assert claim.sd > 0
    if claim.label == "N":
        assert len(claim.seeds) >= 3
        assert claim.notes, "no small experiment is without a confound"
    if claim.label == "S":
        assert len(claim.seeds) >= 2, "one seed has no interval"


@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_every_arm_is_asked_about_and_no_two_are_measured_alike(name: str, claim: Claim) -> None:
    asked = {getattr(one, part, None) for one in claim.expectations for part in ("arm", "than", "over")}
    assert {arm.name for arm in claim.arms} <= asked
    assert len({(arm.recipe, claim.metric_of(arm)) for arm in claim.arms}) == len(claim.arms)


@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_the_metric_is_one_that_the_training_evaluates(name: str, claim: Claim) -> None:
    for arm in claim.arms:
        metric = claim.metric_of(arm)
        if isinstance(metric, EpochsTo):
            assert metric.name in EVALUATED
            # Looked at in every epoch, or the interpolation would be coarser than what is compared.
            assert arm.recipe.evaluate_epochs <= 1.0
            until = getattr(arm.recipe, "until_accuracy", None)
            assert until is None or until >= metric.level, "it must not end before it gets there"
        if isinstance(metric, Measure):
            assert metric.name in import_module(f"epochal.landmarks.{name}.measures").FUNCTIONS
        if arm.tuning is not None:
            assert arm.tuning.by in EVALUATED
            assert arm.tuning.setting in type(arm.recipe).model_fields
            assert len(set(arm.tuning.values)) == len(arm.tuning.values) >= 3
            for tried in arm.tuning.values:
                trial = arm.recipe.replace(**{**arm.tuning.changes, arm.tuning.setting: tried})
                assert trial.epochs >= 1.0 or arm.tuning.by != "train_top1", "an epoch gives its accuracy at its end"


@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_the_data_is_known(name: str, claim: Claim) -> None:
    known = {row.name for row in epochal.list_data()}
    assert claim.data in known or claim.data.partition(":")[0] in ("imagefolder", "parquet")


@pytest.mark.parametrize(("name", "claim"), CLAIMS)
def test_a_claim_can_be_read_by_programs(name: str, claim: Claim) -> None:
    written = json.loads(claim.model_dump_json())
    for arm in written["arms"]:
        arm["recipe"] = table.load(name).RECIPE.parse(arm["recipe"])
    assert Claim.model_validate(written) == claim


def built(name: str, recipe: Recipe) -> torch.nn.Module:
    with torch.device("meta"):  # where weights take no memory
        return import_module(f"epochal.landmarks.{name}.networks").network(recipe, 3)


LETTERS = TextFile("some words", lambda: io.BytesIO(b"a b c d e f g h\n" * 60))


def learned(name: str, recipe: Recipe) -> float:
    """The loss of the recipe's first step on a few words, narrow and with all of them kept."""
    changes = {"dimension": 8, "min_count": 1, "sample": 0.0, "stretch": 40, "step": 80, "phrases": 0}
    task = import_module(f"epochal.landmarks.{name}.train").task(
        recipe.replace(**changes), TextData("letters", (LETTERS,), "0" * 64), seed=0, device=torch.device("cpu")
    )
    return task.step(0, next(task.batches(0)))["loss"].item()


@pytest.mark.parametrize(("name", "arm"), ARMS)
def test_every_arms_recipe_builds_its_network_and_training(name: str, arm: Arm) -> None:
    if epochal.landmark(name).learns_from == "text":
        assert 0 < learned(name, arm.recipe) < math.inf
        return
    model = built(name, arm.recipe)
    assert sum(parameter.numel() for parameter in model.parameters()) > 0
    assert import_module(f"epochal.landmarks.{name}.train").optimizer(arm.recipe, model).param_groups


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_the_recipes_of_claims_beyond_reach_build_too(name: str) -> None:
    for arm in [arm for claim in epochal.claims(name) if claim.label == "X" for arm in claim.arms]:
        if epochal.landmark(name).learns_from == "text":
            assert 0 < learned(name, arm.recipe) < math.inf
        else:
            assert sum(parameter.numel() for parameter in built(name, arm.recipe).parameters()) > 0


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_an_ablation_changes_something_in_every_arm_under_a_name_of_its_own(name: str) -> None:
    ablation: Ablation = epochal.ablation(name)
    names = [arm.name for arm in ablation.arms]
    assert len(set(names)) == len(names)
    assert ablation.removals
    assert ablation.additions
    assert ablation.baselines
    recipes = [arm.recipe for arm in ablation.arms]
    assert len(set(recipes)) == len(recipes), "no two arms are the same training"
    assert len(ablation.seeds) >= 3
    assert ablation.budget
    base = ablation.base.recipe.model_dump()
    for arm in ablation.arms[1:]:
        assert {key for key, value in arm.recipe.model_dump().items() if value != base[key]}, arm.name


@pytest.mark.parametrize("name", WITH_CLAIMS)
def test_an_ablations_arms_learn_for_as_long_from_as_many_pictures(name: str) -> None:
    """One change at a time: none of them is more training."""
    ablation = epochal.ablation(name)
    same = ("epochs", "batch_size", "pictures", "crop", "stored_size", "precision", "evaluate_epochs")
    for arm in ablation.arms:
        assert {key: getattr(arm.recipe, key, None) for key in same} == {
            key: getattr(ablation.base.recipe, key, None) for key in same
        }, arm.name
