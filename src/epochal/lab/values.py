"""From finished runs to the numbers that a claim is about."""

from __future__ import annotations

from epochal.core.claim import AnalogyError, EpochsTo, ErrorRate, Metric
from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.verbs.evaluate import evaluate


def value(run: Run, metric: Metric, *, device: str = "auto", offline: bool = False) -> tuple[float, bool]:
    """A run's metric, and whether it is only a lower bound of it.

    Raises:
        InputFault: the run did not record what the metric needs.
    """
    if isinstance(metric, ErrorRate):
        return 100.0 * (1.0 - _top1(run, metric.crops, device, offline)), False
    if isinstance(metric, EpochsTo):
        return _epochs_to(run, metric)
    if isinstance(metric, AnalogyError):
        return 100.0 * (1.0 - _analogies(run, metric.section, offline)), False
    return float(run.record()["seconds"]), False


def _analogies(run: Run, section: str, offline: bool) -> float:
    """The share answered right; measured once, and kept with the run."""
    name = f"analogies, {section}"
    measured: dict[str, float] = run.record().get("measured") or {}
    if name not in measured:
        found = evaluate(run, analogies=["word-eval"], offline=offline)["3CosAdd"]
        measured |= {f"analogies, {kind}": found[kind]["accuracy"] for kind in ("all", "semantic", "syntactic")}
        run.update(measured=measured)
    return float(measured[name])


def _top1(run: Run, crops: int, device: str, offline: bool) -> float:
    record = run.record()
    if crops == 1:
        return float(record["results"]["top1"])
    # Measured once, and kept with the run: ten crops of ten thousand pictures take a while.
    name = f"top1, {crops} crops"
    measured: dict[str, float] = record.get("measured") or {}
    if name not in measured:
        measured[name] = evaluate(run, crops=crops, device=device, offline=offline)["top1"]
        run.update(measured=measured)
    return float(measured[name])


def _epochs_to(run: Run, metric: EpochsTo) -> tuple[float, bool]:
    rows = [row for row in run.metrics() if row.get("kind") == "evaluation" and row.get(metric.name) is not None]
    if not rows:
        raise InputFault(
            f"the run {run.name} has no {metric.name} in its log",
            expected=f"evaluations with {metric.name}",
            remedy="train again with evaluate_epochs=1",
        )
    before: tuple[float, float] | None = None
    for row in rows:
        epoch, reached = float(row["epoch"]), float(row[metric.name])
        if reached >= metric.level:
            if before is None:
                return epoch, False
            share = (metric.level - before[1]) / (reached - before[1])
            return before[0] + share * (epoch - before[0]), False
        before = (epoch, reached)
    return float(rows[-1]["epoch"]), True
