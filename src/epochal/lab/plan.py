"""What an experiment would take, before anything runs: how many runs, how long, and what it could show."""

from __future__ import annotations

import os
from dataclasses import dataclass

from epochal.lab.experiment import Experiment
from epochal.lab.jobs import Stock
from epochal.lab.judge import detectable


@dataclass(frozen=True)
class Plan:
    """An experiment before its runs.

    Attributes:
        name: the experiment.
        arms: the arms' names.
        seeds: how many seeds each arm gets.
        trials: runs that choose an arm's own setting.
        runs: runs that count, finished ones too.
        finished: runs of either kind that are there already.
        seconds: how long the missing ones take on the cores there are; None where nothing is known of them.
        detectable: the smallest true effect that these seeds would show with a chance of 80 %; in the metric's unit,
            for ratios a factor.
        sd: the spread of runs that this was reckoned with.
        metric: what is measured, in words.
    """

    name: str
    arms: tuple[str, ...]
    seeds: int
    trials: int
    runs: int
    finished: int
    seconds: float | None
    detectable: float | None
    sd: float
    metric: str


def plan(experiment: Experiment, stock: Stock, *, at_once: int | None = None) -> Plan:
    """What the experiment would take from here."""
    cores = at_once or (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    trials, runs, finished = 0, 0, 0
    spent: list[float | None] = []
    counted: set[object] = set()  # arms may share runs and differ in how they are measured
    for arm in experiment.arms:
        for _, job in experiment.trials(arm):
            trials += 1
            there = stock.finished(job) is not None or stock.ran_away(job)
            finished += there
            if not there:
                spent.append(stock.typical_seconds(job) or (arm.tuning.seconds if arm.tuning else None))
        jobs = experiment.jobs(arm, stock)
        if jobs is not None:
            jobs = [job for job in jobs if job.key not in counted]
            counted.update(job.key for job in jobs)
        runs += len(experiment.seeds) if jobs is None else len(jobs)
        if jobs is None:  # not tuned yet
            spent += [arm.seconds] * len(experiment.seeds)
            continue
        missing = stock.missing(jobs)
        finished += len(jobs) - len(missing)
        spent += [stock.typical_seconds(job) or job.seconds for job in missing]
    known = [seconds for seconds in spent if seconds is not None]
    total = sum(known) / min(cores, max(1, len(spent))) if len(known) == len(spent) else None
    return Plan(
        name=experiment.name,
        arms=tuple(arm.name for arm in experiment.arms),
        seeds=len(experiment.seeds),
        trials=trials,
        runs=runs,
        finished=finished,
        seconds=total,
        detectable=detectable(experiment.sd, len(experiment.seeds)),
        sd=experiment.sd,
        metric=experiment.metric.says,
    )
