"""A job is a training that an experiment needs; the stock is what there is of them already.

Two trainings are the same job if landmark, version, recipe, data and seed are: then they give the same numbers up to
rounding, and an experiment takes the one that is finished instead of making another. A job that wants the signal
recorded is not done by a run that did not record it as often.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from epochal import landmarks as table
from epochal.core.fault import DiskFault, Fault, InputFault, MemoryFault, NonFiniteFault, printable
from epochal.core.recipe import Recipe
from epochal.core.run import Run

# A training that failed for want of memory or disk goes on where it was when there is more.
_CURABLE = (MemoryFault.exit_code, DiskFault.exit_code)


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        landmark: its name.
        recipe: every setting.
        data: the data set's specification, such as `cifar10`.
        seed: the seed.
        label: what it is for, for people; not a part of what it is.
        seconds: how long it took on one core of the machine that the experiment was written on; None: not known.
        signal_steps: steps between recordings of the signal; None: it does not matter.
        may_run_away: a run whose numbers did not stay finite has done the job too.
    """

    landmark: str
    recipe: Recipe
    data: str
    seed: int
    label: str = ""
    seconds: float | None = None
    signal_steps: int | None = None
    may_run_away: bool = False

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes it this training and no other."""
        version = table.load(self.landmark).CARD.version
        return (self.landmark, version, self.recipe, self.data, self.seed, self.signal_steps)


class Stock:
    """The runs in a folder, found by the job they did.

    Args:
        folder: the folder; it need not exist yet.

    Raises:
        InputFault: something else has the folder's name.
    """

    def __init__(self, folder: Path) -> None:
        if os.path.lexists(folder) and not os.path.isdir(folder):
            raise InputFault(
                f"{printable(str(folder))} is no folder",
                expected="a folder with runs in it, or a new one",
                remedy="name another with --runs, or in EPOCHAL_RUNS",
            )
        self.folder = folder
        self._finished: dict[tuple[Any, ...], Run] = {}
        self._begun: dict[tuple[Any, ...], Run] = {}
        self._ran_away: dict[tuple[Any, ...], Run] = {}
        for run in Run.all(folder) if os.path.isdir(folder) else []:  # Path.is_dir raises for impossible names
            self._take_note(run)

    def _take_note(self, run: Run) -> None:
        try:
            record = run.record()
            recipe = table.load(record["landmark"]).RECIPE.parse(record["recipe"])
            key = (record["landmark"], record["landmark_version"], recipe, record["data"], record["seed"])
        except (Fault, KeyError):  # of another landmark or time: no use here
            return
        if record.get("start") is not None or any(record.get(name, 1) != 1 for name in ("processes", "micro_batches")):
            return  # begun with given weights, or with other masks of dropout: other numbers
        status, code = run.status(), record.get("exit_code")
        if status == "finished" and record.get("results"):
            kind = self._finished
        elif status == "failed" and code == NonFiniteFault.exit_code:
            kind = self._ran_away
        elif status in ("interrupted", "stopped") or (status == "failed" and code in _CURABLE):
            kind = self._begun
        else:
            return
        for signal_steps in {None, record.get("signal_steps")}:
            kind[*key, signal_steps] = run

    def finished(self, job: Job) -> Run | None:
        """The newest run that has done a job."""
        done = self._finished.get(job.key)
        return self._ran_away.get(job.key) if done is None and job.may_run_away else done

    def begun(self, job: Job) -> Run | None:
        """A run of the job that stopped on its way and can go on."""
        return None if self.finished(job) is not None else self._begun.get(job.key)

    def ran_away(self, job: Job) -> bool:
        """True if the job was tried and its numbers did not stay finite."""
        return job.key not in self._finished and job.key in self._ran_away

    def missing(self, jobs: list[Job]) -> list[Job]:
        """The jobs that no finished run has done, each once, in their order."""
        seen: dict[tuple[Any, ...], Job] = {}
        for job in jobs:
            if self.finished(job) is None:
                seen.setdefault(job.key, job)
        return list(seen.values())

    def typical_seconds(self, job: Job) -> float | None:
        """How long the job's training took with other seeds; None if there are none."""
        recipe, data = job.recipe, job.data
        times = [
            run.record().get("seconds")
            for (_, _, known, where, _, recorded), run in self._finished.items()
            if known == recipe and where == data and recorded == job.signal_steps
        ]
        known_times = [float(seconds) for seconds in times if seconds is not None]
        return sum(known_times) / len(known_times) if known_times else None
