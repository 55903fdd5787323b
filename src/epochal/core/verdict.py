"""A verdict: what the runs said of a claim, with intervals. Whichever it is, it is shown."""

from __future__ import annotations

from typing import Literal

from epochal.core.claim import Noun

Answer = Literal["holds", "fails", "undecided"]


class Measured(Noun):
    """An arm's numbers.

    Attributes:
        arm: its name.
        values: one for each seed, in the seeds' order.
        bounded: for each seed, True where the level was never reached and the value is a lower bound.
        tuned: the settings that were chosen for this arm.
        ran_away: for each seed, True where the numbers did not stay finite and the value is a convention.
    """

    arm: str
    values: tuple[float, ...]
    bounded: tuple[bool, ...]
    tuned: dict[str, float]
    ran_away: tuple[bool, ...] = ()


class Finding(Noun):
    """What came of one expectation.

    Attributes:
        says: the expectation in words.
        what: what was compared with the expectation, such as "tanh over ReLU".
        estimate: the mean over seeds of what is compared (a difference, the ratio's geometric mean, a value).
        low: lower end of the 95 % interval; None with a single seed.
        high: upper end.
        answer: `holds` if the whole interval is on the expected side, `fails` if it is on the other, else `undecided`.
        why: what else decided.
    """

    says: str
    what: str
    estimate: float
    low: float | None
    high: float | None
    answer: Answer
    why: str = ""


class Verdict(Noun):
    """What came of a claim: it holds if all its expectations do, and fails if one of them fails."""

    claim: str
    answer: Answer
    measured: tuple[Measured, ...]
    findings: tuple[Finding, ...]


def overall(findings: tuple[Finding, ...]) -> Answer:
    """The answer to several expectations at once."""
    answers = {finding.answer for finding in findings}
    if "fails" in answers:
        return "fails"
    return "holds" if answers == {"holds"} else "undecided"
