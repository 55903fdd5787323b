"""A claim is refused where it contradicts itself, and survives being written down."""

from __future__ import annotations

import json
import subprocess
import sys

import pydantic
import pytest
from tests.tiny import TINY

from epochal.core.claim import (
    LABELS,
    Ablation,
    Arm,
    Claim,
    EpochsTo,
    ErrorRate,
    Less,
    Measure,
    Ratio,
    Reaches,
    Tuning,
    Within,
)
from epochal.core.verdict import Finding, Measured, Verdict, overall
from epochal.landmarks.alexnet.recipe import AlexNetRecipe

TUNING = Tuning(setting="lr", values=(0.1, 0.2), by="train_top1", changes={"epochs": 1.0})
CLAIM = Claim(
    name="faster",
    says="the one is faster than the other",
    source="Section 3.1",
    reported="6 times",
    label="N",
    metric=EpochsTo(name="train_top1", level=0.75),
    arms=(
        Arm(name="one", recipe=TINY, tuning=TUNING, seconds=5.0),
        Arm(name="other", recipe=TINY.replace(activation="tanh"), metric=ErrorRate(crops=10)),
    ),
    expectations=(
        Ratio(arm="other", over="one", least=3.0),
        Less(arm="one", than="other", by=0.5),
        Reaches(arm="one", level=9.0),
        Within(arm="other", low=1.0, high=2.0),
    ),
    data="cifar10",
    seeds=(0, 1, 2),
    sd=0.1,
    budget="40 epochs",
    notes=("a confound",),
)


def changed(**fields: object) -> Claim:
    return Claim(**{**{name: getattr(CLAIM, name) for name in Claim.model_fields}, **fields})


@pytest.mark.parametrize(
    "expectation",
    [
        Less(arm="onne", than="other"),
        Less(arm="one", than="onne"),
        Ratio(arm="onne", over="one", least=2.0),
        Ratio(arm="one", over="onne", least=2.0),
        Reaches(arm="onne", level=1.0),
        Within(arm="onne", low=1.0, high=2.0),
    ],
    ids=lambda expectation: expectation.kind,
)
def test_an_expectation_of_an_arm_that_is_not_there_is_refused(expectation: object) -> None:
    with pytest.raises(pydantic.ValidationError, match="no arm is called onne"):
        changed(expectations=(expectation,))


def test_two_arms_of_one_name_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="two arms have one name"):
        changed(arms=(CLAIM.arms[0], CLAIM.arms[0]))


def test_tuning_on_a_seed_that_counts_is_refused() -> None:
    assert TUNING.seed not in CLAIM.seeds
    with pytest.raises(pydantic.ValidationError, match="tuned on a seed that counts"):
        changed(seeds=(0, 1, TUNING.seed))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"seeds": (0, 1, 1)}, "counts twice"),
        ({"seeds": ()}, "at least 1 item"),
        ({"name": "Faster!"}, "pattern"),
        ({"label": "Y"}, "'N', 'S' or 'X'"),
        ({"sd": float("nan")}, "finite"),
        ({"colour": "red"}, "Extra inputs"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(fields: dict, told: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=told):
        changed(**fields)


def test_parts_that_make_no_sense_are_refused() -> None:
    with pytest.raises(pydantic.ValidationError, match="greater than 0"):
        Ratio(arm="one", over="other", least=0.0)
    with pytest.raises(pydantic.ValidationError, match="at least 1 item"):
        Tuning(setting="lr", values=(), by="train_top1")
    with pytest.raises(pydantic.ValidationError, match="1 or 10"):
        ErrorRate(crops=5)


def test_a_claim_cannot_be_changed() -> None:
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        CLAIM.sd = 3.0  # type: ignore[misc]
    assert len({CLAIM.metric, CLAIM.arms[1].metric, EpochsTo(name="train_top1", level=0.75)}) == 2


def test_a_claim_survives_json_its_recipes_read_by_their_landmark() -> None:
    written = json.loads(CLAIM.model_dump_json())
    assert written["arms"][1]["recipe"]["activation"] == "tanh", "whole recipes, not what all recipes share"
    for arm in written["arms"]:
        arm["recipe"] = AlexNetRecipe.parse(arm["recipe"])
    assert Claim.model_validate(written) == CLAIM


def test_expectations_and_metrics_are_told_apart_by_their_kind() -> None:
    for expectation in CLAIM.expectations:
        fields = json.loads(expectation.model_dump_json())
        assert changed(expectations=(fields,)).expectations == (expectation,)
        fields["kind"] = "magic"
        with pytest.raises(pydantic.ValidationError, match="magic"):
            changed(expectations=(fields,))


def test_expectations_and_metrics_say_what_they_mean() -> None:
    assert [expectation.says() for expectation in CLAIM.expectations] == [
        "other at least 3 times one",
        "one below other by more than 0.5",
        "one at most 9",
        "other from 1 to 2",
    ]
    assert Less(arm="one", than="other").says() == "one below other"
    assert [CLAIM.metric_of(arm).says for arm in CLAIM.arms] == [
        "epochs until train_top1 is 0.75",
        "held-out error, %, average of 10 crops",
    ]
    assert ErrorRate().says == "held-out error, %"
    assert set(LABELS) == {"N", "S", "X"}


def test_an_ablation_lists_its_base_first() -> None:
    arms = [Arm(name=name, recipe=TINY) for name in ("base", "less", "more", "flat")]
    ablation = Ablation(
        base=arms[0],
        removals=(arms[1],),
        additions=(arms[2],),
        baselines=(arms[3],),
        metric=ErrorRate(),
        data="digits",
        seeds=(0, 1),
        sd=0.5,
        budget="none",
    )
    assert ablation.arms == tuple(arms)


def finding(answer: str) -> Finding:
    return Finding(says="a", what="b", estimate=1.0, low=None, high=2.0, answer=answer)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (["holds"], "holds"),
        (["holds", "holds"], "holds"),
        (["holds", "undecided"], "undecided"),
        (["undecided", "fails", "holds"], "fails"),
        (["fails", "fails"], "fails"),
        ([], "undecided"),
    ],
    ids=str,
)
def test_a_claim_holds_if_all_expectations_do_and_fails_if_one_does(answers: list[str], expected: str) -> None:
    assert overall(tuple(map(finding, answers))) == expected


def test_a_verdict_survives_json() -> None:
    measured = Measured(arm="one", values=(1.0, 2.5), bounded=(False, True), tuned={"lr": 0.1})
    verdict = Verdict(claim="faster", answer="undecided", measured=(measured,), findings=(finding("undecided"),))
    assert Verdict.model_validate_json(verdict.model_dump_json()) == verdict
    with pytest.raises(pydantic.ValidationError, match="finite"):
        Measured(arm="one", values=(float("nan"),), bounded=(False,), tuned={})


def test_less_with_a_negative_margin_says_that_it_is_not_far_above() -> None:
    assert Less(arm="a", than="b", by=-0.1).says() == "a less than 0.1 above b"


def test_a_metric_of_the_landmarks_own_says_its_name_and_survives_json() -> None:
    metric = Measure(name="active units, %")
    assert metric.says == "active units, %"
    arm = Arm(name="one", recipe=TINY, metric=metric)
    assert Arm.model_validate({**arm.model_dump(), "recipe": TINY}).metric == metric


def test_claims_load_neither_torch_nor_numpy() -> None:
    program = (
        "import sys, epochal.core.claim, epochal.core.verdict, epochal.landmarks.alexnet.claims\n"
        "print([name for name in ('torch', 'numpy', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
