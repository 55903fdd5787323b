"""The loop: it counts, times, logs, evaluates, saves, resumes and stops. It computes no gradient.

What happens in a step is the task's own affair, so that a GAN, negative sampling or self-play need no hook here.
Where several processes train together, all of them run this loop; the first one alone reads and writes the run.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from epochal.core.fault import Fault, InputFault, Interrupted, NonFiniteFault, printable
from epochal.core.report import Report, silent
from epochal.core.run import Run
from epochal.engine import checkpoint, random
from epochal.engine.checkpoint import Loaded, Snapshot
from epochal.engine.device import memory_explained
from epochal.engine.group import ALONE, Group
from epochal.engine.interrupt import EvaluationInterrupted, Stop, stop_on_signals


@runtime_checkable
class Task(Protocol):
    """What the loop drives. A step owns forward, backward and update.

    Attributes:
        device: where the step runs.
        steps: how many steps the whole training has.
        steps_per_epoch: how many steps go once through the data.
        evaluate_every: steps between evaluations; there is always one at the end.
        if_memory_runs_out: what a person can do then.
    """

    device: torch.device
    steps: int
    steps_per_epoch: int
    evaluate_every: int
    if_memory_runs_out: str

    def batches(self, start: int, /) -> Iterator[Any]:
        """The batches from the step `start` on, as a function of the seed and the step alone."""
        ...

    def step(self, number: int, batch: Any, /) -> dict[str, Tensor]:
        """Do one step; return its losses as scalars on the device, unread."""
        ...

    def rates(self, number: int, /) -> dict[str, float]:
        """What the log should say beside the losses, such as the learning rate."""
        ...

    def evaluate(self) -> dict[str, float]:
        """Measure on held-out data; changes neither weights nor generators."""
        ...

    def observe(self, metrics: dict[str, float], /) -> None:
        """Take note of an evaluation (a schedule may react)."""
        ...

    def trouble(self) -> NonFiniteFault | None:
        """Read the watch for non-finite numbers: the fault that names step and layer, or None."""
        ...

    def state(self) -> Snapshot:
        """Everything but the global generators."""
        ...

    def restore(self, snapshot: Snapshot, /) -> None:
        """Go back to a state."""
        ...


@runtime_checkable
class Sounded(Protocol):
    """A task whose signal can be recorded."""

    def signal(self) -> dict[str, Any]:
        """What the log should say of each layer; changes neither weights nor generators."""
        ...


# How many steps there are between rows of the log, and how many rows a short training has at least.
_LOG_STEPS, _ROWS = 20, 50


@dataclass(frozen=True)
class Pace:
    """How often the loop does what is not training.

    Attributes:
        log_steps: steps between rows in the log; None: 20, fewer in a training of less than 1,000.
        save_steps: steps between checkpoints; None: by time alone.
        save_seconds: seconds between checkpoints when `save_steps` is None.
        keep: how many checkpoints stay.
        signal_steps: steps between rows about what passes through the layers; None: there are none.
    """

    log_steps: int | None = None
    save_steps: int | None = None
    save_seconds: float = 300.0
    keep: int = 2
    signal_steps: int | None = None


def fit(
    task: Task,
    run: Run,
    pace: Pace = Pace(),
    report: Report = silent,
    started: dict[str, Any] | None = None,
    group: Group = ALONE,
) -> dict[str, float]:
    """Train the task to its end, or go on from the run's last checkpoint; return the last evaluation's metrics.

    Args:
        task: what to train.
        run: where everything is written.
        pace: how often to log and save.
        report: is shown every row of the log as it is written, and notes such as {"kind": "note", "text": ...}.
        started: further fields for the run's record, written once the run is held.
        group: the processes that train together.

    Raises:
        Interrupted: a signal came; the state was saved first.
        NonFiniteFault: a loss or gradient was not finite; the last good checkpoint stands.
        MemoryFault: the device ran out of memory.
        DiskFault: the disk is full or refuses; the last good checkpoint stands.
        PeerFault: another of the processes failed.
    """
    with run.held() if group.first else nullcontext(), stop_on_signals(patient=group.size > 1) as stop:
        group.heed(stop)
        loop = _Loop(task, run, pace, report if group.first else silent, stop, group)
        try:
            with group.sharing_faults(), memory_explained(task.device, task.if_memory_runs_out):
                loop.resume()
                if group.first:
                    run.update(status="running", **(started or {}))
                metrics = loop.train()
        except Fault as fault:
            if group.first:
                _record_failure(run, fault)
            if isinstance(fault, Interrupted):
                group.wait()  # until the first process has written everything: when one leaves, all are ended
            raise
        if group.first:
            run.update(status="finished", reason=None, results=metrics, seconds=round(loop.seconds(), 3))
        return metrics


def keep_start(task: Task, run: Run, group: Group = ALONE) -> None:
    """Write the task's state as the checkpoint of step 0: for a training that begins with what is not drawn.

    The first process's state counts; `fit` gives it to the others. From here on the run needs nothing but itself.

    Raises:
        NonFiniteFault: the state is not finite.
        DiskFault: the disk is full or refuses.
    """
    _Loop(task, run, Pace(), silent, Stop(), group).save()


def _record_failure(run: Run, fault: Fault) -> None:
    status = "interrupted" if isinstance(fault, Interrupted) else "failed"
    try:
        run.update(status=status, reason=fault.what, exit_code=fault.exit_code)
    except Fault:  # the disk is full: the cause must still be told
        return


class _Loop:
    """One process's stretch of a training: from a checkpoint (or from nothing) to the end or an interruption."""

    def __init__(self, task: Task, run: Run, pace: Pace, report: Report, stop: Stop, group: Group) -> None:
        self.task, self.run, self.pace, self.report, self.stop, self.group = task, run, pace, report, stop, group
        self.step = 0
        # An evaluation that is due but was not finished is part of the state, so that a resumed run makes it.
        self.evaluation_due = False
        self.metrics: dict[str, float] = {}
        self._earlier_seconds = 0.0
        self._started = self._saved = self._logged = time.perf_counter()
        self._logged_step = 0
        self._log_steps = pace.log_steps or max(1, min(_LOG_STEPS, task.steps // _ROWS))
        # Reading a scalar waits for the device; on the CPU there is nothing to wait for.
        self._reading_is_free = task.device.type == "cpu"

    def seconds(self) -> float:
        """Training time so far, over all stretches."""
        return self._earlier_seconds + time.perf_counter() - self._started

    def resume(self) -> None:
        """Go on from the newest good checkpoint, if there is any.

        Raises:
            InputFault: there are checkpoints, and none of them is good or of this training.
        """
        loaded = self._load() if self.group.first else None
        step = self.group.told(loaded.step if loaded is not None else None)
        if step is None:
            return
        self._restore(step, self.group.snapshot(loaded.snapshot if loaded is not None else Snapshot()))
        if self.group.first:
            checkpoint.clear_up(self.run.checkpoints, newest=self.step)
            self.run.keep_rows(self._is_past)
        self.report({"kind": "resumed", "step": self.step})

    def _load(self) -> Loaded | None:
        if self.run.checkpoints.is_dir():
            checkpoint.clear_up(self.run.checkpoints)
        if not checkpoint.list_steps(self.run.checkpoints):
            if self.run.record().get("start"):
                raise InputFault(
                    f"the run {self.run.name} began with weights that it has no checkpoint of",
                    expected="the checkpoint of step 0, or a later one",
                    remedy="start it again from the same weights",
                )
            self.run.keep_rows(lambda row: False)
            return None
        return checkpoint.load(self.run.checkpoints, lambda text: self.report({"kind": "note", "text": text}))

    def _restore(self, step: int, snapshot: Snapshot) -> None:
        loop = snapshot.under("loop").values
        try:
            if step > self.task.steps:
                raise ValueError(f"the training has only {self.task.steps} steps")
            self.step = self._logged_step = step
            self.evaluation_due = bool(loop["evaluation_due"])
            self.metrics, self._earlier_seconds = dict(loop["metrics"]), float(loop["seconds"])
            self.task.restore(snapshot.under("task"))
            self._restore_generators(snapshot)
        except Fault:
            raise
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            raise InputFault(
                f"the checkpoint of step {step} in {printable(str(self.run.folder))} is none of this training: "
                f"{printable(str(error))}",
                expected="the checkpoint that this version of epochal wrote for this run",
                remedy="restore the run's folder from a copy, or train again",
            ) from error

    def _restore_generators(self, snapshot: Snapshot) -> None:
        """Each process its own; one that was not there before goes on with those it was started with."""
        states = snapshot.under("random" if self.group.first else f"random.{self.group.rank}")
        if states.tensors or self.group.first:
            random.restore(states, self.task.device)

    def _is_past(self, row: dict[str, Any]) -> bool:
        """True for a row of the log that will not be written again."""
        step = row.get("step")
        if not isinstance(step, int):
            return False
        redone = self.evaluation_due and step == self.step and row.get("kind") == "evaluation"
        redone |= self.step == 0 and row.get("kind") == "signal"
        return step <= self.step and not redone

    def train(self) -> dict[str, float]:
        """The loop itself."""
        self._evaluate()
        if self.step == 0:
            self._signal()
        batches = self.task.batches(self.step)
        while self.step < self.task.steps:
            losses = self.task.step(self.step, next(batches))
            self.step += 1
            if self._reading_is_free:
                self._check()
            if self.step % self._log_steps == 0 or self.step == self.task.steps:
                self._log(losses)
            self._signal()
            if self.step % self.task.evaluate_every == 0 or self.step == self.task.steps:
                self.evaluation_due = True
                self._evaluate()
            signal_number, save = self.group.agree(self.stop.signal_number or 0, self._save_is_due())
            if save or signal_number:
                self.save()
            if signal_number:
                self._interrupt()
        self.save()
        return self.metrics

    def _check(self) -> None:
        trouble = self.task.trouble()
        if trouble is not None:
            raise trouble

    def _log(self, losses: dict[str, Tensor]) -> None:
        self._check()
        if not self.group.first:
            return
        now = time.perf_counter()
        values = torch.stack([loss.detach().float() for loss in losses.values()]).tolist()
        row: dict[str, Any] = {"kind": "step", **self._place(), **dict(zip(losses, values, strict=True))}
        row |= self.task.rates(self.step - 1)
        row["steps_per_second"] = (self.step - self._logged_step) / max(now - self._logged, 1e-9)
        self._logged, self._logged_step = now, self.step
        self._write(row)

    def _signal(self) -> None:
        every = self.pace.signal_steps
        if every is None or (self.step % every and self.step != self.task.steps):
            return
        if not isinstance(self.task, Sounded):
            raise InputFault("this training has no signal to record", remedy="leave out --signal-every")
        self._check()
        began = time.perf_counter()
        layers = self.task.signal()
        self._logged += time.perf_counter() - began  # no training time either
        self._write({"kind": "signal", **self._place(), "layers": layers})

    def _evaluate(self) -> None:
        if not self.evaluation_due:
            return
        self._check()
        try:
            with self.stop.evaluation():
                began = time.perf_counter()
                metrics = self.task.evaluate()
        except EvaluationInterrupted:
            self.save()
            self._interrupt()
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise NonFiniteFault(
                    f"step {self.step}: the held-out {name} is {value}: the weights have run away",
                    expected="finite numbers",
                    remedy="train again with a lower learning rate (--set lr=...)",
                )
        self.metrics = metrics
        self.task.observe(metrics)
        self.evaluation_due = False
        self._logged += time.perf_counter() - began  # evaluation time is no training time
        self._write({"kind": "evaluation", **self._place(), **metrics})

    def _place(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "epoch": round(self.step / self.task.steps_per_epoch, 4),
            "seconds": round(self.seconds(), 3),
        }

    def _write(self, row: dict[str, Any]) -> None:
        if not self.group.first:
            return
        self.run.log(row)
        self.report(row)

    def _save_is_due(self) -> bool:
        if self.pace.save_steps is not None:
            return self.step % self.pace.save_steps == 0
        return time.perf_counter() - self._saved > self.pace.save_seconds

    def save(self) -> None:
        """Write a checkpoint of everything, after making sure that it is worth keeping."""
        self._check()
        values = {
            "loop.evaluation_due": self.evaluation_due,
            "loop.metrics": self.metrics,
            "loop.seconds": self.seconds(),
        }
        state = self.task.state()
        for name, tensor in state.tensors.items():
            # The watch sees gradients; an update can still overflow.
            if tensor.is_floating_point() and not torch.isfinite(tensor).all():
                raise NonFiniteFault(f"step {self.step - 1}: its update made {name} not finite", "finite numbers")
        first, *others = self.group.gathered(random.capture(self.task.device))
        snapshot = state.prefixed("task") | first.prefixed("random") | Snapshot({}, values)
        for rank, generators in enumerate(others, 1):
            snapshot |= generators.prefixed(f"random.{rank}")
        if self.group.first:
            checkpoint.save(self.run.checkpoints, self.step, snapshot, self.pace.keep)
        self._saved = time.perf_counter()

    def _interrupt(self) -> None:
        number, _ = self.group.agree(self.stop.signal_number or 0, False)
        raise Interrupted(
            number,
            f"stopped by {'Ctrl-C' if number == 2 else f'signal {number}'} after step {self.step}; everything is saved",
            remedy=f"epochal resume {self.run.folder}",
        )
