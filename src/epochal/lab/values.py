"""From finished runs to the numbers that a claim is about."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

from epochal import landmarks as table
from epochal.core.claim import EpochsTo, ErrorRate, Measured, Metric
from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.data.source import open_data
from epochal.engine.scene import Scene
from epochal.verbs.evaluate import evaluate
from epochal.verbs.launch import default_workers
from epochal.verbs.trained import load_classifier


def value(run: Run, metric: Metric, *, device: str = "auto", offline: bool = False) -> tuple[float, bool]:
    """A run's metric, and whether it is only a lower bound of it.

    Raises:
        InputFault: the run did not record what the metric needs.
    """
    if isinstance(metric, Measured):
        return _kept(run, metric.name, lambda: _measured(run, metric.name, device, offline)), False
    if isinstance(metric, ErrorRate):
        return 100.0 * (1.0 - _top1(run, metric.crops, device, offline)), False
    return _epochs_to(run, metric)


def _top1(run: Run, crops: int, device: str, offline: bool) -> float:
    record = run.record()
    if crops == 1:
        return float(record["results"]["top1"])
    measure = partial(evaluate, run, crops=crops, device=device, offline=offline)
    return _kept(run, f"top1, {crops} crops", lambda: float(measure()["top1"]))


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
    trained, _, _ = load_classifier(run, device)
    scene = Scene(trained, partial(open_data, record["data"], offline=offline), workers=default_workers())
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
