"""Commands that put a paper to the test."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

import epochal
from epochal.cli.app import Device, Json, Name, Offline, app
from epochal.console import Console, duration

What = Annotated[str, typer.Argument(metavar="NAME[/CLAIM]", help="A landmark, or one claim of it: alexnet/relu.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Say what it would take and could show; run nothing.")]
Seeds = Annotated[int | None, typer.Option("--seeds", help="How many seeds each arm gets, counted from 0.")]
AtOnce = Annotated[int | None, typer.Option("--jobs", min=1, max=256, help="Trainings at a time; one per core or GPU.")]
OtherData = Annotated[str | None, typer.Option("--data", help="Other data than declared; the record says so.")]
Changes = Annotated[
    list[str] | None, typer.Option("--set", help="A setting to change in every arm, as name=value; the record says so.")
]
Runs = Annotated[Path | None, typer.Option("--runs", help="The folder of the runs; finished ones are used again.")]
Out = Annotated[Path, typer.Option("--out", help="The folder of the records.")]


@app.command("check", epilog="Example: epochal check alexnet/relu --plan")
def check(
    what: What,
    plan: PlanOnly = False,
    seeds: Seeds = None,
    data: OtherData = None,
    overrides: Changes = None,
    device: Device = "auto",
    jobs: AtOnce = None,
    runs: Runs = None,
    out: Out = Path("results"),
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Put a paper's claims to the test.

    Runs what is missing, judges by intervals over seeds, writes a record and a picture.
    Stopped, the same command goes on.
    """
    console = Console(json)
    options: dict[str, Any] = {
        "data": data,
        "seeds": seeds,
        "overrides": overrides or [],
        "at_once": jobs,
        "runs": runs,
    }
    if plan:
        _plan(console, epochal.plan_check(what, **options))
        return
    checked = epochal.check(what, **options, device=device, out=out, offline=offline, report=LabProgress(console))
    console.result(
        [
            {
                "claim": one.claim.name,
                "label": one.claim.label,
                "answer": one.verdict.answer if one.verdict else "not measured here",
                "findings": [finding.model_dump() for finding in one.verdict.findings] if one.verdict else [],
                "record": str(one.record) if one.record else None,
                "picture": str(one.picture) if one.picture else None,
            }
            for one in checked
        ]
    )
    for one in checked:
        _verdict(console, one.claim, one.verdict)
        for path in filter(None, (one.record, one.picture)):
            console.path(path)


def _plan(console: Console, planned: list[tuple[epochal.Claim, epochal.Plan | None]]) -> None:
    console.result([{**claim.model_dump(mode="json"), "plan": vars(plan) if plan else None} for claim, plan in planned])
    for claim, plan in planned:
        console.line(f"{claim.name} ({claim.label}): {claim.says}")
        console.line(f"  {claim.source}; reported: {claim.reported}")
        if plan is None:
            console.line(f"  beyond reach here; budget {claim.budget}\n")
            continue
        console.line(f"  arms: {', '.join(plan.arms)}; {plan.seeds} seeds; {claim.data}; {claim.budget}")
        for expectation in claim.expectations:
            console.line(f"  expected: {expectation.says()} ({plan.metric})")
        console.line(f"  {_left(plan)}")
        console.line(f"  {_power(plan, is_ratio=any(e.kind == 'ratio' for e in claim.expectations))}\n")
    known = [plan.seconds for _, plan in planned if plan is not None]
    if len(known) > 1 and None not in known:
        console.line(
            f"all together: {duration(sum(seconds or 0.0 for seconds in known))} (runs that claims share count twice)"
        )


def _left(plan: epochal.Plan) -> str:
    total = plan.trials + plan.runs
    trials = f" ({plan.trials} of them trials that tune an arm)" if plan.trials else ""
    if plan.finished == total:
        return f"{total} runs{trials}, all finished: judging takes seconds"
    time = "an unknown time" if plan.seconds is None else f"about {duration(plan.seconds)}"
    return f"{total} runs{trials}, {plan.finished} finished; the others take {time}"


def _power(plan: epochal.Plan, *, is_ratio: bool) -> str:
    if plan.detectable is None:
        return "one seed has no interval: the verdict would be undecided"
    effect = (
        f"a factor of {math.exp(plan.detectable):.2f}" if is_ratio else f"a difference of {plan.detectable:.2f} points"
    )
    spread = f"{100 * plan.sd:.0f} %" if is_ratio else f"{plan.sd:g} points"
    return (
        f"{plan.seeds} seeds would show {effect} with a chance of 80 %, if runs differ by {spread} (standard deviation)"
    )


def _verdict(console: Console, claim: epochal.Claim, verdict: epochal.Verdict | None) -> None:
    answer = verdict.answer if verdict else "not measured here"
    console.line(f"\n{answer.upper()}  {claim.name} ({claim.label}): {claim.says}")
    console.line(f"  reported: {claim.reported} ({claim.source})")
    if verdict is None:
        return
    for arm in verdict.measured:
        at_least = "at least " if any(arm.bounded) else ""
        shown = ", ".join(f"{value:.2f}" for value in arm.values)
        tuned = "".join(f", {name} {value:g}" for name, value in arm.tuned.items())
        console.line(f"  {arm.arm}: {at_least}{sum(arm.values) / len(arm.values):.2f} ({shown}{tuned})")
    for finding in verdict.findings:
        ends = "" if finding.low is None or finding.high is None else f", 95 % {finding.low:.2f} to {finding.high:.2f}"
        why = f" ({finding.why})" if finding.why else ""
        console.line(f"  expected {finding.says}; {finding.what} {finding.estimate:.2f}{ends}: {finding.answer}{why}")


@app.command("ablate", epilog="Example: epochal ablate alexnet --seeds 2 --set epochs=4")
def ablate(
    name: Name,
    plan: PlanOnly = False,
    seeds: Seeds = None,
    data: OtherData = None,
    overrides: Changes = None,
    device: Device = "auto",
    jobs: AtOnce = None,
    runs: Runs = None,
    out: Out = Path("results"),
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Change one thing at a time: what matters most?

    Runs what is missing, compares every change with the base, writes a record and a chart. Stopped, the same command
    goes on.
    """
    console = Console(json)
    options: dict[str, Any] = {
        "data": data,
        "seeds": seeds,
        "overrides": overrides or [],
        "at_once": jobs,
        "runs": runs,
    }
    if plan:
        planned, declared = epochal.plan_ablation(name, **options), epochal.ablation(name)
        console.result(vars(planned))
        console.line(f"{len(planned.arms)} arms, {planned.seeds} seeds, {declared.data}; {declared.budget}")
        console.line(", ".join(planned.arms))
        console.line(_left(planned))
        console.line(_power(planned, is_ratio=False))
        return
    done = epochal.ablate(name, **options, device=device, out=out, offline=offline, report=LabProgress(console))
    console.result({"rows": list(done.rows), "record": str(done.record), "picture": str(done.picture)})
    console.table(
        ("change", "", "error, %", "against the base", "95 % interval"),
        [
            (
                row["arm"],
                row["group"],
                f"{row['mean']:.2f}",
                f"{row['difference']:+.2f}" if "difference" in row else "",
                f"{row['low']:+.2f} to {row['high']:+.2f}" if row.get("low") is not None else "",
            )
            for row in done.rows
        ],
    )
    console.path(done.record)
    console.path(done.picture)


class LabProgress:
    """Shows how an experiment goes: a line for each run that begins or ends."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def __call__(self, row: dict[str, Any]) -> None:
        """Take what the experiment reports."""
        if row["kind"] == "job":
            left = row["seconds_left"]
            time = f", about {duration(left)} left" if left else ""
            self._console.note(f"{row['done']} of {row['total']} runs done{time}; {row['state']}: {row['label']}")
        elif row["kind"] == "verdict":
            self._console.note(f"{row['claim']}: {row['answer']}")
