"""From numbers to a verdict: intervals over seeds, paired, by Student's t.

Arms are compared seed by seed, since a seed fixes order, subset and initial weights for both: what is judged are the
differences (for ratios, the differences of logarithms). An expectation holds when the whole 95 % interval lies on its
side, fails when the whole interval lies on the other, and is undecided otherwise. Where a value is only a bound no
interval can be had; then the sign test judges: all seeds must be on one side, and five seeds are needed.
"""

from __future__ import annotations

import math
from statistics import fmean, stdev

from scipy.special import nctdtrinc, stdtrit

from epochal.core.claim import Claim, Expectation, Less, Ratio, Reaches, Within
from epochal.core.verdict import Answer, Finding, Measured, Verdict, overall

CONFIDENCE = 0.95
POWER = 0.80
# With five seeds on one side, chance alone would put them there in 1 of 32 cases.
SIGN_TEST_SEEDS = 5


def interval(values: list[float]) -> tuple[float, float | None, float | None]:
    """Mean, and the ends of its 95 % interval by Student's t; no interval from a single value."""
    mean = fmean(values)
    if len(values) < 2:
        return mean, None, None
    half = float(stdtrit(len(values) - 1, 0.5 + CONFIDENCE / 2)) * stdev(values) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def detectable(sd: float, seeds: int, *, paired: bool = True) -> float | None:
    """The smallest true effect that so many seeds would show with a chance of 80 %; None for a single seed.

    Args:
        sd: the standard deviation of one run's number over seeds.
        seeds: how many there are for each arm.
        paired: the effect is a difference of two runs; they are taken as independent, which is the cautious side.
    """
    if seeds < 2:
        return None
    spread = sd * math.sqrt(2.0) if paired else sd
    beyond = stdtrit(seeds - 1, 0.5 + CONFIDENCE / 2)
    # Where must t be centred to lie beyond the interval's end so often?
    centre = float(nctdtrinc(seeds - 1, 1.0 - POWER, beyond))
    return centre * spread / math.sqrt(seeds)


def judge(claim: Claim, measured: tuple[Measured, ...]) -> Verdict:
    """The verdict on a claim."""
    arms = {one.arm: one for one in measured}
    findings = tuple(_finding(expectation, arms) for expectation in claim.expectations)
    return Verdict(claim=claim.name, answer=overall(findings), measured=measured, findings=findings)


def _finding(expectation: Expectation, arms: dict[str, Measured]) -> Finding:
    match expectation:
        case Less(arm=arm, than=than, by=by):
            differences = [b - a for a, b in zip(arms[arm].values, arms[than].values, strict=True)]
            if away := _away(arms[arm], arms[than]):
                return _by_count(expectation, differences, [difference > by for difference in differences], away)
            return _above(expectation, differences, by, bounded=any(arms[arm].bounded + arms[than].bounded))
        case Ratio(arm=arm, over=over, least=least):
            if min(arms[arm].values + arms[over].values) <= 0:
                return _undecided(expectation, 0.0, "a value of zero is in no ratio to another")
            if _by_convention(arms[arm]) or _by_convention(arms[over]):
                return _undecided(expectation, 0.0, "numbers ran away, and a ratio to a convention says nothing")
            logs = [math.log(a / b) for a, b in zip(arms[arm].values, arms[over].values, strict=True)]
            if any(arms[arm].bounded + arms[over].bounded):
                return _by_sign(expectation, [math.exp(log) for log in logs], arms[arm].bounded, arms[over].bounded)
            found = _above(expectation, logs, math.log(least), bounded=False)
            low, high = (None if end is None else math.exp(end) for end in (found.low, found.high))
            return found.model_copy(update={"estimate": math.exp(found.estimate), "low": low, "high": high})
        case Reaches(arm=arm, level=level):
            if away := _away(arms[arm]):
                values = list(arms[arm].values)
                return _by_count(expectation, values, [value <= level for value in values], away)
            found = _above(expectation, [-value for value in arms[arm].values], -level, bounded=any(arms[arm].bounded))
            return _turned(found)
        case Within(arm=arm, low=low, high=high):
            if away := _away(arms[arm]):
                values = list(arms[arm].values)
                return _by_count(expectation, values, [low <= value <= high for value in values], away)
            mean, bottom, top = interval(list(arms[arm].values))
            if any(arms[arm].bounded):
                return _undecided(expectation, mean, "a level was not reached in every run")
            if bottom is None or top is None:
                return _undecided(expectation, mean, "one seed has no interval")
            inside, outside = low <= bottom and top <= high, top < low or high < bottom
            answer: Answer = "holds" if inside else "fails" if outside else "undecided"
            return Finding(
                says=expectation.says(), what=_what(expectation), estimate=mean, low=bottom, high=top, answer=answer
            )


def _what(expectation: Expectation) -> str:
    match expectation:
        case Less(arm=arm, than=than):
            return f"{than} minus {arm}"
        case Ratio(arm=arm, over=over):
            return f"{arm} over {over}"
        case Reaches(arm=arm) | Within(arm=arm):
            return arm


def _above(expectation: Expectation, values: list[float], level: float, *, bounded: bool) -> Finding:
    """Is the mean above the level?"""
    mean, low, high = interval(values)
    if bounded:
        return _undecided(expectation, mean, "a level was not reached in every run")
    if low is None or high is None:
        return _undecided(expectation, mean, "one seed has no interval")
    answer: Answer = "holds" if low > level else "fails" if high < level else "undecided"
    return Finding(says=expectation.says(), what=_what(expectation), estimate=mean, low=low, high=high, answer=answer)


def _turned(finding: Finding) -> Finding:
    """The finding about the negative of what was judged."""
    low = None if finding.high is None else -finding.high
    high = None if finding.low is None else -finding.low
    return finding.model_copy(update={"estimate": -finding.estimate, "low": low, "high": high})


def _by_sign(expectation: Ratio, ratios: list[float], above: tuple[bool, ...], below: tuple[bool, ...]) -> Finding:
    """Judge ratios of which some are bounds: the true one lies above where `above`, below where `below`.

    A lower bound can show that something holds, an upper bound that it fails; a ratio of two bounds shows neither.
    """
    least = expectation.least
    clear = sum(ratio >= least and not under for ratio, under in zip(ratios, below, strict=True))
    short = sum(ratio < least and not over for ratio, over in zip(ratios, above, strict=True))
    enough = len(ratios) >= SIGN_TEST_SEEDS
    holds, fails = clear == len(ratios), short == len(ratios)
    answer: Answer = "holds" if enough and holds else "fails" if enough and fails else "undecided"
    if any(above) and not any(below):
        why = f"lower bounds: at least {min(ratios):.2f} in every run"
    elif any(below) and not any(above):
        why = f"upper bounds: at most {max(ratios):.2f} in every run"
    else:
        why = "bounds on both sides"
    return Finding(
        says=expectation.says(),
        what=_what(expectation),
        estimate=math.exp(fmean(math.log(ratio) for ratio in ratios)),
        low=None if any(below) else min(ratios),
        high=None if any(above) else max(ratios),
        answer=answer,
        why=f"{why}; {clear} of {len(ratios)} seeds clear {least:g}",
    )


def _by_convention(arm: Measured) -> bool:
    """True if a run ran away and its value is a convention, not a bound."""
    # Older records do not say which ran away: then none did.
    return any(away and not bounded for away, bounded in zip(arm.ran_away, arm.bounded, strict=False))


def _away(*arms: Measured) -> int:
    """How many of the arms' runs ran away."""
    return sum(sum(arm.ran_away) for arm in arms)


def _by_count(expectation: Expectation, values: list[float], clear: list[bool], away: int) -> Finding:
    """Judge where runs ran away and values are conventions, of which no interval exists: by the sign test."""
    enough = len(clear) >= SIGN_TEST_SEEDS
    answer: Answer = "holds" if enough and all(clear) else "fails" if enough and not any(clear) else "undecided"
    runs = "a run" if away == 1 else f"{away} runs"
    return Finding(
        says=expectation.says(),
        what=_what(expectation),
        estimate=fmean(values),
        low=None,
        high=None,
        answer=answer,
        why=f"the numbers of {runs} ran away; so it is in {sum(clear)} of {len(clear)} seeds",
    )


def _undecided(expectation: Expectation, estimate: float, why: str) -> Finding:
    return Finding(
        says=expectation.says(),
        what=_what(expectation),
        estimate=estimate,
        low=None,
        high=None,
        answer="undecided",
        why=why,
    )
