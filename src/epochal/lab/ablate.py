"""Which innovation matters most? One change at a time, all measured alike."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epochal.core.claim import Ablation
from epochal.core.report import Report, silent
from epochal.lab import experiment as experiments
from epochal.lab.experiment import Experiment
from epochal.lab.jobs import Stock
from epochal.lab.plan import Plan, plan
from epochal.lab.table import ablation
from epochal.verbs.catalogue import runs_folder


@dataclass(frozen=True)
class Ablated:
    """What came of an ablation.

    Attributes:
        rows: an arm each, as the record has them: `arm`, `group`, `mean`, and against the base `difference`, `low`,
            `high` (95 %, paired by seed); sorted by the difference within each group.
        record: where the record was written.
        picture: where the chart was written.
    """

    rows: tuple[dict[str, Any], ...]
    record: Path
    picture: Path


def _experiment(
    landmark: str, data: str | None, seeds: int | None, overrides: list[str] | None
) -> tuple[Ablation, Experiment]:
    experiments.check_seeds(seeds)
    declared = ablation(landmark)
    return declared, Experiment.of(landmark, declared).varied(data=data, seeds=seeds, overrides=overrides or [])


def plan_ablation(
    landmark: str,
    *,
    data: str | None = None,
    seeds: int | None = None,
    overrides: list[str] | None = None,
    at_once: int | None = None,
    runs: Path | str | None = None,
) -> Plan:
    """What the ablation would take, without running anything; the arguments are those of `ablate`."""
    stock = Stock(Path(runs) if runs is not None else runs_folder())
    return plan(_experiment(landmark, data, seeds, overrides)[1], stock, at_once=at_once)


def ablate(
    landmark: str,
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
) -> Ablated:
    """Run what the ablation needs and is not there yet, compare every arm with the base, write a record and a chart.

    Args:
        landmark: its name.
        data: other data than declared; the record says so.
        seeds: how many seeds each arm gets; None: as declared.
        overrides: settings to change in every arm, as `name=value`; the record says so.
        device: where to train.
        at_once: how many trainings at a time; None: one per core or accelerator.
        runs: the folder of the runs; finished ones are used again.
        out: the folder of the record.
        offline: never download.
        report: is shown how it goes.

    Raises:
        InputFault: a name or value cannot be used, or an arm's numbers ran away.
        Interrupted: a signal came; everything is saved, and the same call goes on.
    """
    from epochal.lab.conduct import conduct, measured
    from epochal.lab.execute import places
    from epochal.lab.judge import interval
    from epochal.lab.report import made, provenance, write
    from epochal.view.ablation import ablation_chart
    from epochal.view.save import save

    declared, one = _experiment(landmark, data, seeds, overrides)
    folder = Path(runs) if runs is not None else runs_folder()
    place = made(Path(out) / landmark)
    stock = conduct(one, folder, places(device, at_once), offline=offline, report=report)
    numbers = measured(one, stock, device=device, offline=offline)
    base = numbers[0]
    groups = {"base": (declared.base,), "removal": declared.removals, "addition": declared.additions}
    group_of = {arm.name: group for group, arms in (groups | {"baseline": declared.baselines}).items() for arm in arms}
    rows: list[dict[str, Any]] = []
    for arm in numbers:
        difference, low, high = interval([a - b for a, b in zip(arm.values, base.values, strict=True)])
        mean = sum(arm.values) / len(arm.values)
        of_base = {"difference": difference, "low": low, "high": high} if arm is not base else {}
        rows.append({"arm": arm.arm, "group": group_of[arm.arm], "mean": mean, **of_base})
    order = ["base", "removal", "addition", "baseline"]
    rows.sort(key=lambda row: (order.index(row["group"]), -row.get("difference", 0.0)))
    record = {"metric": one.metric.says, "budget": declared.budget, "rows": rows, **provenance(one, stock, numbers)}
    written = write(record, place, "ablation")
    return Ablated(tuple(rows), written, save(ablation_chart(record), place / "ablation.png"))
