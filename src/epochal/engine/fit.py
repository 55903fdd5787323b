"""The loop: it counts, times, logs, evaluates, saves, resumes and stops. It computes no gradient.

What happens in a step is the task's own affair, so that a GAN, negative sampling or self-play need no hook here.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from epochal.core.fault import Fault, InputFault, Interrupted, NonFiniteFault, printable
from epochal.core.run import Run
from epochal.engine import checkpoint, random
from epochal.engine.checkpoint import Loaded, Snapshot
from epochal.engine.device import memory_explained
from epochal.engine.interrupt import EvaluationInterrupted, Stop, stop_on_signals


@runtime_checkable
class Task(Protocol):
    """What the loop drives. A step owns forward, backward and update.

    Attributes:
        device: where the step runs.
        steps: how many steps the whole training has.
        steps_per_epoch: how many steps go once through the data.
        evaluate_every: steps between evaluations; there is always one at the end.
    """

    device: torch.device
    steps: int
    steps_per_epoch: int
    evaluate_every: int

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


@dataclass(frozen=True)
class Pace:
    """How often the loop does what is not training.

    Attributes:
        log_steps: steps between rows in the log.
        save_steps: steps between checkpoints; None: by time alone.
        save_seconds: seconds between checkpoints when `save_steps` is None.
        keep: how many checkpoints stay.
    """

    log_steps: int = 20
    save_steps: int | None = None
    save_seconds: float = 300.0
    keep: int = 2


Report = Callable[[dict[str, Any]], None]


def fit(
    task: Task,
    run: Run,
    pace: Pace = Pace(),
    report: Report = lambda row: None,
    started: dict[str, Any] | None = None,
) -> dict[str, float]:
    """Train the task to its end, or go on from the run's last checkpoint; return the last evaluation's metrics.

    Args:
        task: what to train.
        run: where everything is written.
        pace: how often to log and save.
        report: is shown every row of the log as it is written, and notes such as {"kind": "note", "text": ...}.
        started: further fields for the run's record, written once the run is held.

    Raises:
        Interrupted: a signal came; the state was saved first.
        NonFiniteFault: a loss or gradient was not finite; the last good checkpoint stands.
        MemoryFault: the device ran out of memory.
        DiskFault: the disk is full or refuses; the last good checkpoint stands.
    """
    with run.held(), stop_on_signals() as stop:
        loop = _Loop(task, run, pace, report, stop)
        try:
            loop.resume()
            run.update(status="running", **(started or {}))
            with memory_explained(task.device):
                metrics = loop.train()
        except Fault as fault:
            _record_failure(run, fault)
            raise
        run.update(status="finished", reason=None, results=metrics, seconds=round(loop.seconds(), 3))
        return metrics


def _record_failure(run: Run, fault: Fault) -> None:
    status = "interrupted" if isinstance(fault, Interrupted) else "failed"
    try:
        run.update(status=status, reason=fault.what)
    except Fault:  # the disk is full: the cause must still be told
        return


class _Loop:
    """One process's stretch of a training: from a checkpoint (or from nothing) to the end or an interruption."""

    def __init__(self, task: Task, run: Run, pace: Pace, report: Report, stop: Stop) -> None:
        self.task, self.run, self.pace, self.report, self.stop = task, run, pace, report, stop
        self.step = 0
        # An evaluation that is due but was not finished is part of the state, so that a resumed run makes it.
        self.evaluation_due = False
        self.metrics: dict[str, float] = {}
        self._earlier_seconds = 0.0
        self._started = self._saved = self._logged = time.perf_counter()
        self._logged_step = 0
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
        if self.run.checkpoints.is_dir():
            checkpoint.clear_up(self.run.checkpoints)
        if not checkpoint.list_steps(self.run.checkpoints):
            self.run.keep_rows(lambda row: False)
            return
        loaded = checkpoint.load(self.run.checkpoints, lambda text: self.report({"kind": "note", "text": text}))
        try:
            self._restore(loaded)
        except Fault:
            raise
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            raise InputFault(
                f"the checkpoint of step {loaded.step} in {printable(str(self.run.folder))} is none of this training: "
                f"{printable(str(error))}",
                expected="the checkpoint that this version of epochal wrote for this run",
                remedy="restore the run's folder from a copy, or train again",
            ) from error
        checkpoint.clear_up(self.run.checkpoints, newest=loaded.step)
        self.run.keep_rows(self._is_past)
        self.report({"kind": "resumed", "step": self.step})

    def _restore(self, loaded: Loaded) -> None:
        loop = loaded.snapshot.under("loop").values
        if loaded.step > self.task.steps:
            raise ValueError(f"the training has only {self.task.steps} steps")
        self.step, self.evaluation_due = loaded.step, bool(loop["evaluation_due"])
        self.metrics, self._earlier_seconds = dict(loop["metrics"]), float(loop["seconds"])
        self._logged_step = self.step
        self.task.restore(loaded.snapshot.under("task"))
        random.restore(loaded.snapshot.under("random"), self.task.device)

    def _is_past(self, row: dict[str, Any]) -> bool:
        """True for a row of the log that will not be written again."""
        step = row.get("step")
        if not isinstance(step, int):
            return False
        redone = self.evaluation_due and step == self.step and row.get("kind") == "evaluation"
        return step <= self.step and not redone

    def train(self) -> dict[str, float]:
        """The loop itself."""
        self._evaluate()
        batches = self.task.batches(self.step)
        while self.step < self.task.steps:
            losses = self.task.step(self.step, next(batches))
            self.step += 1
            if self._reading_is_free:
                self._check()
            if self.step % self.pace.log_steps == 0 or self.step == self.task.steps:
                self._log(losses)
            if self.step % self.task.evaluate_every == 0 or self.step == self.task.steps:
                self.evaluation_due = True
                self._evaluate()
            if self._save_is_due() or self.stop:
                self.save()
            if self.stop:
                self._interrupt()
        self.save()
        return self.metrics

    def _check(self) -> None:
        trouble = self.task.trouble()
        if trouble is not None:
            raise trouble

    def _log(self, losses: dict[str, Tensor]) -> None:
        self._check()
        now = time.perf_counter()
        values = torch.stack([loss.detach().float() for loss in losses.values()]).tolist()
        row: dict[str, Any] = {"kind": "step", **self._place(), **dict(zip(losses, values, strict=True))}
        row |= self.task.rates(self.step - 1)
        row["steps_per_second"] = (self.step - self._logged_step) / max(now - self._logged, 1e-9)
        self._logged, self._logged_step = now, self.step
        self._write(row)

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
        snapshot = state.prefixed("task") | random.capture(self.task.device).prefixed("random")
        checkpoint.save(self.run.checkpoints, self.step, snapshot | Snapshot({}, values), self.pace.keep)
        self._saved = time.perf_counter()

    def _interrupt(self) -> None:
        number = self.stop.signal_number or 0
        raise Interrupted(
            number,
            f"stopped by {'Ctrl-C' if number == 2 else f'signal {number}'} after step {self.step}; everything is saved",
            remedy=f"epochal resume {self.run.folder}",
        )
