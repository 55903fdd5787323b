"""From numbers to verdicts, against scipy's distributions and by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from tests.unit.lab.made import BETTER

from epochal.core.claim import Claim, Expectation, Less, Ratio, Reaches, Within
from epochal.core.verdict import Finding, Measured
from epochal.lab.judge import detectable, interval, judge


def found(expectation: Expectation, *arms: tuple, bounded: dict[str, list[bool]] | None = None) -> Finding:
    """What comes of one expectation with these values for the arms `base` and `without`."""
    measured = tuple(
        Measured(
            arm=name,
            values=tuple(values),
            bounded=tuple((bounded or {}).get(name, [False] * len(values))),
            tuned={},
        )
        for name, values in zip(("base", "without"), arms, strict=False)
    )
    claim = Claim(**{**{n: getattr(BETTER, n) for n in Claim.model_fields}, "expectations": (expectation,)})
    verdict = judge(claim, measured)
    assert verdict.claim == "better"
    assert verdict.measured == measured
    (finding,) = verdict.findings
    assert verdict.answer == finding.answer
    return finding


@pytest.mark.parametrize("values", [[1.0, 2.0], [3.0, -1.0, 4.0], [0.1, 0.2, 0.15, 0.3, 0.05, 0.22]], ids=len)
def test_the_interval_is_students(values: list[float]) -> None:
    mean, low, high = interval(values)
    expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert mean == pytest.approx(np.mean(values))
    assert (low, high) == pytest.approx(expected)


def test_one_value_has_no_interval() -> None:
    assert interval([3.5]) == (3.5, None, None)


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert interval([2.0, 2.0, 2.0]) == (2.0, 2.0, 2.0)


@pytest.mark.parametrize("seeds", [2, 3, 5, 10, 30])
@pytest.mark.parametrize("paired", [True, False])
def test_a_true_effect_as_large_as_planned_is_shown_in_four_of_five_experiments(seeds: int, paired: bool) -> None:
    sd = 0.7
    effect = detectable(sd, seeds, paired=paired)
    assert effect is not None
    generator = np.random.default_rng(1)
    runs = generator.normal(effect, sd, (20_000, seeds))
    if paired:  # the difference of two runs
        runs -= generator.normal(0, sd, runs.shape)
    mean, half = runs.mean(1), stats.t.ppf(0.975, seeds - 1) * stats.sem(runs, axis=1)
    assert np.mean(mean - half > 0) == pytest.approx(0.80, abs=0.015)


def test_one_seed_can_show_nothing() -> None:
    assert detectable(0.5, 1) is None


def test_the_effect_that_can_be_shown_grows_with_the_spread_and_shrinks_with_the_seeds() -> None:
    assert detectable(1.0, 3) == pytest.approx(2 * detectable(0.5, 3))
    assert detectable(1.0, 3) > detectable(1.0, 4) > detectable(1.0, 50)


# Differences of about 1: three seeds with a spread of 0.1 give an interval of about 0.75 to 1.25.
LESS = (9.0, 9.0, 9.0), (9.9, 10.0, 10.1)


@pytest.mark.parametrize(
    ("expectation", "answer"),
    [
        (Less(arm="base", than="without"), "holds"),
        (Less(arm="base", than="without", by=0.5), "holds"),
        (Less(arm="base", than="without", by=1.0), "undecided"),
        (Less(arm="base", than="without", by=2.0), "fails"),
        (Less(arm="without", than="base"), "fails"),
    ],
    ids=str,
)
def test_less_is_judged_by_the_interval_of_the_paired_differences(expectation: Less, answer: str) -> None:
    finding = found(expectation, *LESS)
    assert finding.answer == answer
    sign = 1 if expectation.arm == "base" else -1
    low, high = sorted(sign * end for end in stats.t.interval(0.95, 2, loc=1.0, scale=0.1 / math.sqrt(3)))
    assert (finding.estimate, finding.low, finding.high) == pytest.approx((sign, low, high))
    assert finding.what == f"{expectation.than} minus {expectation.arm}"
    assert finding.says == expectation.says()


def test_pairing_finds_what_the_spread_over_seeds_would_hide() -> None:
    base = (10.0, 14.0, 18.0)
    assert found(Less(arm="base", than="without"), base, tuple(v + 0.5 for v in (9.9, 14.0, 18.1))).answer == "holds"
    assert found(Less(arm="base", than="without"), base, (18.5, 10.5, 14.5)).answer == "undecided"


@pytest.mark.parametrize(("least", "answer"), [(3.0, "holds"), (4.0, "undecided"), (6.0, "fails")])
def test_a_ratio_is_judged_on_logarithms(least: float, answer: str) -> None:
    base, without = (2.0, 3.0, 4.0), (8.0 * 1.1, 12.0, 16.0 / 1.1)
    finding = found(Ratio(arm="without", over="base", least=least), base, without)
    logs = np.log(np.array(without) / np.array(base))
    ends = stats.t.interval(0.95, 2, loc=logs.mean(), scale=stats.sem(logs))
    assert finding.answer == answer
    assert (finding.estimate, finding.low, finding.high) == pytest.approx((4.0, math.exp(ends[0]), math.exp(ends[1])))
    assert finding.what == "without over base"


def test_a_ratio_turned_round_has_the_interval_turned_round() -> None:
    arms = (2.0, 3.0, 4.1), (8.3, 12.0, 16.0)
    one = found(Ratio(arm="without", over="base", least=3.0), *arms)
    other = found(Ratio(arm="base", over="without", least=0.2), *arms)
    assert (one.low * other.high, one.high * other.low, one.estimate * other.estimate) == pytest.approx((1, 1, 1))


def test_an_error_of_zero_is_in_no_ratio() -> None:
    finding = found(Ratio(arm="without", over="base", least=3.0), (0.0, 1.0), (1.0, 1.0))
    assert finding.answer == "undecided"
    assert "zero" in finding.why


@pytest.mark.parametrize(("level", "answer"), [(11.0, "holds"), (10.0, "undecided"), (9.0, "fails")])
def test_reaching_a_level_is_judged_by_the_interval_of_the_values(level: float, answer: str) -> None:
    values = (9.9, 10.0, 10.1)
    finding = found(Reaches(arm="base", level=level), values, values)
    assert finding.answer == answer
    ends = stats.t.interval(0.95, 2, loc=10.0, scale=0.1 / math.sqrt(3))
    assert (finding.estimate, finding.low, finding.high) == pytest.approx((10.0, *ends))


@pytest.mark.parametrize(
    ("low", "high", "answer"),
    [(9.0, 11.0, "holds"), (10.0, 11.0, "undecided"), (9.9, 10.1, "undecided"), (11.0, 12.0, "fails"), (8, 9, "fails")],
)
def test_lying_within_is_judged_by_the_interval_of_the_values(low: float, high: float, answer: str) -> None:
    values = (9.9, 10.0, 10.1)
    assert found(Within(arm="base", low=low, high=high), values, values).answer == answer


ALL = [
    Less(arm="base", than="without"),
    Ratio(arm="without", over="base", least=1.1),
    Reaches(arm="base", level=100.0),
    Within(arm="base", low=0.0, high=100.0),
]


@pytest.mark.parametrize("expectation", ALL, ids=lambda expectation: expectation.kind)
def test_a_single_seed_decides_nothing(expectation: Expectation) -> None:
    finding = found(expectation, (2.0,), (200.0,))
    assert finding.answer == "undecided"
    assert finding.why == "one seed has no interval"
    assert (finding.low, finding.high) == (None, None)


@pytest.mark.parametrize("expectation", ALL, ids=lambda expectation: expectation.kind)
def test_two_clear_seeds_decide(expectation: Expectation) -> None:
    assert found(expectation, (2.0, 2.01), (200.0, 200.1)).answer == "holds"


# --- Values that are only lower bounds: the level was not reached.


def bounds(over: float, seeds: int, bounded: int, answer: str) -> Finding:
    """Epochs of 2 for one arm; of `over` times that for the other, the first few of them only lower bounds."""
    finding = found(
        Ratio(arm="without", over="base", least=3.0),
        (2.0,) * seeds,
        (2.0 * over,) * seeds,
        bounded={"without": [True] * bounded + [False] * (seeds - bounded)},
    )
    assert finding.answer == answer
    return finding


def test_lower_bounds_that_all_clear_the_ratio_show_it_from_five_seeds_on() -> None:
    finding = bounds(4.0, seeds=5, bounded=1, answer="holds")
    assert finding.low == pytest.approx(4.0)
    assert finding.high is None
    assert finding.why == "lower bounds: at least 4.00 in every run; 5 of 5 seeds clear 3"
    bounds(4.0, seeds=4, bounded=4, answer="undecided")


def test_lower_bounds_never_show_that_a_ratio_fails() -> None:
    finding = bounds(1.5, seeds=20, bounded=20, answer="undecided")
    assert "0 of 20 seeds clear 3" in finding.why


def test_one_seed_that_does_not_clear_leaves_it_undecided() -> None:
    ratios = (8.0, 8.0, 8.0, 8.0, 5.0)
    bounded = {"without": [True] * 5}
    finding = found(Ratio(arm="without", over="base", least=3.0), (2.0,) * 5, ratios, bounded=bounded)
    assert finding.answer == "undecided"
    assert "4 of 5 seeds clear 3" in finding.why


def test_the_sign_test_is_as_strict_as_it_says() -> None:
    """Were the median of the ratios the least one claimed, five of five would clear it in 1 of 32 experiments."""
    assert stats.binomtest(5, 5, 0.5, alternative="greater").pvalue < 0.05
    assert stats.binomtest(4, 4, 0.5, alternative="greater").pvalue > 0.05


def below_the_line(over: float, seeds: int, bounded: int, answer: str) -> Finding:
    """Epochs of 8 for the arm that should be fast, the first few only lower bounds; `over` times that for the other."""
    finding = found(
        Ratio(arm="without", over="base", least=3.0),
        (8.0,) * seeds,
        (8.0 * over,) * seeds,
        bounded={"base": [True] * bounded + [False] * (seeds - bounded)},
    )
    assert finding.answer == answer
    return finding


def test_a_fast_arm_that_never_arrives_fails_the_claim() -> None:
    finding = below_the_line(0.5, seeds=5, bounded=5, answer="fails")
    assert (finding.low, finding.high) == (None, pytest.approx(0.5))
    assert finding.why == "upper bounds: at most 0.50 in every run; 0 of 5 seeds clear 3"
    below_the_line(0.5, seeds=4, bounded=4, answer="undecided")


def test_upper_bounds_never_show_that_a_ratio_holds() -> None:
    finding = below_the_line(100.0, seeds=5, bounded=1, answer="undecided")
    assert "4 of 5 seeds clear 3" in finding.why


@pytest.mark.parametrize("ratio", [0.5, 100.0])
def test_a_ratio_of_two_bounds_shows_nothing(ratio: float) -> None:
    both = {"base": [True] * 5, "without": [True] * 5}
    finding = found(Ratio(arm="without", over="base", least=3.0), (8.0,) * 5, (8.0 * ratio,) * 5, bounded=both)
    assert (finding.answer, finding.low, finding.high) == ("undecided", None, None)
    assert finding.why == "bounds on both sides; 0 of 5 seeds clear 3"


@pytest.mark.parametrize("expectation", [ALL[0], ALL[2], ALL[3]], ids=lambda expectation: expectation.kind)
def test_lower_bounds_decide_nothing_else(expectation: Expectation) -> None:
    for name in ("base", "without"):
        if name == "without" and not isinstance(expectation, Less):
            continue
        finding = found(expectation, (2.0, 2.1, 2.2), (9.0, 9.1, 9.2), bounded={name: [False, False, True]})
        assert finding.answer == "undecided"
        assert finding.why == "a level was not reached in every run"
        assert (finding.low, finding.high) == (None, None)
    if isinstance(expectation, Reaches):
        assert finding.estimate == pytest.approx(2.1)
