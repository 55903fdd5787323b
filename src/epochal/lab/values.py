"""From finished runs to the numbers that a claim is about."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from epochal import landmarks as table
from epochal.core.claim import EpochsTo, ErrorRate, Measure, Metric, TrainingTime
from epochal.core.fault import InputFault, NonFiniteFault
from epochal.core.run import Run
from epochal.verbs.evaluate import evaluate
from epochal.verbs.scene import scene_of


def ran_away(run: Run) -> bool:
    """True if the run's numbers did not stay finite."""
    record = run.record()
    return record["status"] == "failed" and record.get("exit_code") == NonFiniteFault.exit_code


def value(run: Run, metric: Metric, *, device: str = "auto", offline: bool = False) -> tuple[float, bool]:
    """A run's metric, and whether it is only a lower bound of it.

    Raises:
        InputFault: the run did not record what the metric needs.
    """
    if ran_away(run):
        return _of_a_guess(run, metric)
    if isinstance(metric, Measure):
        return _kept(run, metric.name, lambda: _measured(run, metric.name, device, offline)), False
    if isinstance(metric, ErrorRate):
        return 100.0 * (1.0 - _top1(run, metric, device, offline)), False
    if isinstance(metric, TrainingTime):
        return float(run.record()["seconds"]), False
    return _epochs_to(run, metric)


def _of_a_guess(run: Run, metric: Metric) -> tuple[float, bool]:
    """What counts for a run that ran away: the error of guessing, and that a level was not reached in all its epochs.

    Raises:
        InputFault: the metric has no such value.
    """
    record = run.record()
    if isinstance(metric, ErrorRate):
        return 100.0 * (1.0 - 1.0 / len(record["classes"])), False
    if isinstance(metric, EpochsTo):
        return float(record["recipe"]["epochs"]), True
    raise InputFault(f"the numbers of the run {run.name} ran away: {metric.says} has no value", "finite numbers")


def _top1(run: Run, metric: ErrorRate, device: str, offline: bool) -> float:
    record = run.record()
    if metric == ErrorRate():
        return float(record["results"]["top1"])
    measure = partial(evaluate, run, crops=metric.crops, split=metric.split, device=device, offline=offline)
    name = "top1" + (f", {metric.crops} crops" if metric.crops > 1 else "")
    name += ", training pictures" if metric.split == "train" else ""
    return _kept(run, name, lambda: float(measure()["top1"]))


def _kept(run: Run, name: str, measure: Callable[[], float]) -> float:
    """What is measured of a finished run once, and kept with it: ten crops of ten thousand pictures take a while."""
    measured: dict[str, float] = run.record().get("measured") or {}
    if name not in measured:
        measured[name] = measure()
        run.update(measured=measured)
    return float(measured[name])


def _measured(run: Run, name: str, device: str, offline: bool) -> float:
    """What the landmark's own function finds in the run.

    Raises:
        InputFault: the landmark measures nothing by that name, or the run or its data cannot be used.
    """
    record: dict[str, Any] = run.record()
    landmark = record["landmark"]
    functions = import_module(f"epochal.landmarks.{landmark}.measures").FUNCTIONS
    if name not in functions:
        raise InputFault(f"{landmark} measures no {name!r}", expected=", ".join(functions))
    scene = scene_of(run, device=device, offline=offline)
    return float(functions[name](scene, table.load(landmark).RECIPE.parse(record["recipe"]), run.metrics()))


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
