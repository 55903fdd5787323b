"""Putting a landmark's claims to the test."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from epochal.core.claim import Claim
from epochal.core.fault import InputFault, nearest, printable
from epochal.core.report import Report, silent
from epochal.core.verdict import Verdict
from epochal.lab import experiment as experiments
from epochal.lab.experiment import Experiment
from epochal.lab.jobs import Stock
from epochal.lab.plan import Plan, plan
from epochal.lab.table import claims
from epochal.verbs.catalogue import runs_folder


@dataclass(frozen=True)
class Checked:
    """What came of a claim.

    Attributes:
        claim: the claim.
        verdict: the verdict; None for a claim beyond reach, of which nothing was run.
        record: where the record was written.
        picture: where the picture was written.
    """

    claim: Claim
    verdict: Verdict | None
    record: Path | None
    picture: Path | None


def chosen_claims(name: str) -> tuple[str, list[Claim]]:
    """The landmark and its claims that `alexnet` or `alexnet/relu` names.

    Raises:
        InputFault: there is no such landmark or claim.
    """
    landmark, slash, wanted = name.partition("/")
    known = {claim.name: claim for claim in claims(landmark)}
    if not slash:
        return landmark, list(known.values())
    if wanted not in known:
        raise InputFault(
            f"{landmark} has no claim called {printable(wanted)!r}",
            expected=nearest(wanted, known),
            remedy=f"`epochal check {landmark} --plan` lists them",
        )
    return landmark, [known[wanted]]


def plan_check(
    name: str,
    *,
    data: str | None = None,
    seeds: int | None = None,
    overrides: list[str] | None = None,
    at_once: int | None = None,
    runs: Path | str | None = None,
) -> list[tuple[Claim, Plan | None]]:
    """What the claims would take, without running anything; None for a claim beyond reach.

    Args:
        name: a landmark, or a landmark and one of its claims: `alexnet/relu`.
        data: other data than declared.
        seeds: how many seeds each arm gets; None: as declared.
        overrides: settings to change in every arm, as `name=value`.
        at_once: how many trainings at a time; None: one per core.
        runs: the folder in which finished runs are looked for.

    Raises:
        InputFault: a name or value cannot be used.
    """
    landmark, wanted = chosen_claims(name)
    stock = Stock(Path(runs) if runs is not None else runs_folder())
    return [
        (
            claim,
            None
            if claim.label == "X"
            else plan(_experiment(landmark, claim, data, seeds, overrides), stock, at_once=at_once),
        )
        for claim in wanted
    ]


def _experiment(
    landmark: str, claim: Claim, data: str | None, seeds: int | None, overrides: list[str] | None
) -> Experiment:
    experiments.check_seeds(seeds)
    one = Experiment.of(landmark, claim).varied(data=data, seeds=seeds, overrides=overrides or [])
    if len({(arm.recipe, claim.metric_of(arm)) for arm in one.arms}) < len(one.arms):
        raise InputFault(
            f"with {printable(', '.join(overrides or []))} two arms of {claim.name} are the same",
            expected="settings that leave the arms different",
        )
    return one


def check(
    name: str,
    *,
    data: str | None = None,
    seeds: int | None = None,
    overrides: list[str] | None = None,
    device: str = "auto",
    at_once: int | None = None,
    runs: Path | str | None = None,
    out: Path | str = "results",
    offline: bool = False,
    report: Report = silent,
) -> list[Checked]:
    """Run what a landmark's claims need and is not there yet, judge them, write a record and a picture of each.

    A claim beyond reach (label X) has no verdict and is never run.

    Args:
        name: a landmark, or a landmark and one of its claims: `alexnet/relu`.
        data: other data than declared; the record says so.
        seeds: how many seeds each arm gets; None: as declared.
        overrides: settings to change in every arm, as `name=value`; the record says so.
        device: where to train.
        at_once: how many trainings at a time; None: one per core or accelerator.
        runs: the folder of the runs; finished ones are used again.
        out: the folder of the records.
        offline: never download.
        report: is shown how it goes.

    Raises:
        InputFault: a name or value cannot be used, or an arm's numbers ran away.
        Interrupted: a signal came; everything is saved, and the same call goes on.
    """
    from epochal.lab.conduct import conduct, measured
    from epochal.lab.execute import places
    from epochal.lab.judge import judge
    from epochal.lab.report import made, provenance, write
    from epochal.view.save import save
    from epochal.view.verdict import verdict_picture

    landmark, wanted = chosen_claims(name)
    planned = [(c, None if c.label == "X" else _experiment(landmark, c, data, seeds, overrides)) for c in wanted]
    folder, where = Path(runs) if runs is not None else runs_folder(), places(device, at_once)
    results = []
    for claim, one in planned:
        if one is None:
            results.append(Checked(claim, None, None, None))
            continue
        place = made(Path(out) / landmark / "claims")
        stock = conduct(one, folder, where, offline=offline, report=report)
        numbers = measured(one, stock, device=device, offline=offline)
        verdict = judge(claim, numbers)
        record = provenance(one, stock, numbers)
        record = {"claim": claim.model_dump(mode="json", exclude={"arms"}), "verdict": verdict.model_dump(), **record}
        written = write(record, place, claim.name)
        results.append(Checked(claim, verdict, written, save(verdict_picture(record), place / f"{claim.name}.png")))
        report({"kind": "verdict", "claim": claim.name, "answer": verdict.answer})
    return results
