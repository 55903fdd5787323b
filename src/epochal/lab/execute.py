"""Doing jobs: as many at a time as there are cores or accelerators, each in a process of its own.

One thread for each training is the fastest way to use the cores of a small machine, and leaves a run's bits
independent of what runs beside it. A signal to this process stops all of them, and each saves first.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import torch

from epochal.core.fault import Fault, Interrupted, NonFiniteFault
from epochal.core.report import Report
from epochal.engine.device import choose_device
from epochal.engine.interrupt import stop_on_signals
from epochal.lab.jobs import Job, Stock


@dataclass(frozen=True)
class Place:
    """Where a job can run.

    Attributes:
        device: the device's name.
        threads: how many threads it may use.
    """

    device: str
    threads: int


@dataclass(eq=False)
class _Working:
    """A job that a process is doing."""

    job: Job
    place: Place
    process: subprocess.Popen[str]
    last: dict[str, Any] = field(default_factory=dict)


def places(device: str, at_once: int | None) -> list[Place]:
    """Where jobs can run side by side: every accelerator, or every core.

    Args:
        device: auto, cpu, cuda, cuda:N or mps.
        at_once: how many jobs at a time; None: as many as fit.
    """
    chosen = choose_device(device)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if chosen.type == "cpu":
        count = at_once or cores
        return [Place("cpu", max(1, cores // count))] * count
    names = [str(chosen)]
    if chosen.type == "cuda" and device in ("auto", "cuda"):
        names = [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    count = at_once or len(names)
    return [Place(names[number % len(names)], max(1, cores // count)) for number in range(count)]


def execute(
    jobs: list[Job], stock: Stock, where: list[Place], *, offline: bool, report: Report
) -> list[dict[str, Any]]:
    """Do the jobs, going on with those that were begun; return the faults of those whose numbers ran away.

    Raises:
        Interrupted: a signal came; every training was saved first.
        Fault: a job failed for another reason; the others were saved first.
    """
    crew = _Crew(stock, offline, report, len(jobs))
    with stop_on_signals() as stop:
        try:
            waiting, free = list(jobs), list(where)
            while waiting or crew.working:
                while waiting and free:
                    crew.start(waiting.pop(0), free.pop(0))
                free += crew.listen()
                if stop:
                    number = stop.signal_number or 0
                    raise Interrupted(number, "stopped; every training is saved", remedy="the same command goes on")
        finally:
            crew.dismiss()
    return crew.failures


class _Crew:
    """The processes at work."""

    def __init__(self, stock: Stock, offline: bool, report: Report, total: int) -> None:
        self.stock, self.offline, self.report, self.total = stock, offline, report, total
        self.working: list[_Working] = []
        self.failures: list[dict[str, Any]] = []
        self._done, self._began = 0, time.monotonic()
        self._heard: queue.Queue[tuple[_Working, str | None]] = queue.Queue()

    def start(self, job: Job, place: Place) -> None:
        """Give a job to a new process."""
        begun = self.stock.begun(job)
        order = {
            "landmark": job.landmark,
            "recipe": job.recipe.model_dump(mode="json"),
            "data": job.data,
            "seed": job.seed,
            "device": place.device,
            "threads": place.threads,
            "workers": None,
            "signal_steps": job.signal_steps,
            "resume": None if begun is None else str(begun.folder),
            "runs": str(self.stock.folder),
            "offline": self.offline,
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "epochal.lab.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            # One signal is enough: a terminal's Ctrl-C comes to this process, which passes it on once.
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": str(place.threads)},
        )
        one = _Working(job, place, process)
        self.working.append(one)
        threading.Thread(target=self._hear, args=(one,), daemon=True).start()
        assert process.stdin is not None
        with suppress(BrokenPipeError), process.stdin as stdin:  # one that is dead already is heard of below
            stdin.write(json.dumps(order) + "\n")
        self._tell("begun", job)

    def _hear(self, one: _Working) -> None:
        assert one.process.stdout is not None
        with one.process.stdout as lines:
            for line in lines:
                self._heard.put((one, line))
        one.process.wait()
        self._heard.put((one, None))

    def listen(self, seconds: float = 0.2) -> list[Place]:
        """Take in what the processes tell, for so long; return the places that have become free."""
        free: list[Place] = []
        until = time.monotonic() + seconds  # however much they have to tell
        while (left := until - time.monotonic()) > 0:
            try:
                one, line = self._heard.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                self.working.remove(one)
                free.append(self._end(one))
            else:
                self._take(one, line)
        return free

    def _take(self, one: _Working, line: str) -> None:
        try:
            row = json.loads(line)
        except ValueError:
            return  # something else printed
        if isinstance(row, dict):
            one.last = row
            self.report({"kind": "row", "label": one.job.label, "row": row})

    def _end(self, one: _Working) -> Place:
        """A process has ended: well, or with a fault."""
        code = one.process.returncode
        if code == 0:
            self._done += 1
            self._tell("finished", one.job)
            return one.place
        told = one.last if one.last.get("kind") == "fault" else {}
        # A training that failed because of its numbers says something; any other failure says nothing of the job.
        if code == NonFiniteFault.exit_code:
            self._done += 1
            self.failures.append({"label": one.job.label, **told})
            self._tell("ran away", one.job)
            return one.place
        ended = f"its process ended with code {code}" if code >= 0 else f"its process was killed by signal {-code}"
        fault = Fault(
            f"{one.job.label}: {told.get('what', ended)}",
            told.get("expected", ""),
            told.get("remedy", "") or "the same command goes on where it stopped; --jobs 1 takes the least memory",
        )
        fault.exit_code = code if code > 0 else 1
        raise fault

    def _tell(self, state: str, job: Job) -> None:
        left = (time.monotonic() - self._began) / self._done * (self.total - self._done) if self._done else None
        told = {"state": state, "label": job.label, "done": self._done, "total": self.total, "seconds_left": left}
        self.report({"kind": "job", **told})

    def dismiss(self) -> None:
        """Ask every process to save and end, and wait until it has."""
        for one in self.working:
            one.process.terminate()
        for one in self.working:
            one.process.wait()
        self.working.clear()
