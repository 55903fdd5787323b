"""Conducting an experiment: do what is missing, stage by stage, and read the numbers off."""

from __future__ import annotations

from pathlib import Path

from epochal.core.fault import Fault, InputFault, printable
from epochal.core.report import Report
from epochal.core.verdict import Measured
from epochal.lab.execute import Place, execute
from epochal.lab.experiment import Experiment
from epochal.lab.jobs import Stock
from epochal.lab.values import ran_away, value


def conduct(experiment: Experiment, runs: Path, where: list[Place], *, offline: bool, report: Report) -> Stock:
    """Do all runs that are missing in the folder `runs`; return the stock in which every run is.

    Raises:
        Interrupted: a signal came; everything is saved, and the same call goes on.
        InputFault: an arm's numbers ran away.
        Fault: a training failed for another reason, or its run is gone.
    """
    trials = {job.label for arm in experiment.arms for _, job in experiment.trials(arm)}
    done: set[object] = set()
    while jobs := experiment.next_jobs(stock := Stock(runs)):
        if lost := [job for job in jobs if job.key in done]:
            raise Fault(
                f"{lost[0].label}: its training ended, and no finished run of it is in {printable(str(runs))}",
                expected="that nobody moves or changes runs while they are needed",
            )
        done.update(job.key for job in jobs)
        expected = trials | {job.label for job in jobs if job.may_run_away}
        for failure in execute(jobs, stock, where, offline=offline, report=report):
            if failure["label"] not in expected:
                raise InputFault(
                    f"{failure['label']}: {failure.get('what', 'its numbers ran away')}",
                    expected="finite numbers",
                    remedy="the arm as declared cannot be measured; change a setting of all arms with --set",
                )
    return stock


def measured(experiment: Experiment, stock: Stock, *, device: str, offline: bool) -> tuple[Measured, ...]:
    """Every arm's numbers, from its finished runs."""
    result = []
    for arm in experiment.arms:
        metric = arm.metric or experiment.metric
        runs = experiment.runs(arm, stock)
        values = [value(run, metric, device=device, offline=offline) for run in runs]
        numbers, bounded = zip(*values, strict=True)
        away = tuple(ran_away(run) for run in runs)
        tuned = experiment.chosen(arm, stock) or {}
        result.append(Measured(arm=arm.name, values=numbers, bounded=bounded, tuned=tuned, ran_away=away))
    return tuple(result)
