"""A task that costs microseconds: a line fitted by gradient descent, with everything a task must answer to."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import torch
from torch import Tensor

from epochal.core.fault import NonFiniteFault
from epochal.engine.checkpoint import Snapshot


class Toy:
    """Draws from the global generator in each step, as dropout does."""

    if_memory_runs_out = "smaller lines"

    def __init__(self, steps: int = 30, *, signal_at: int | None = None, in_evaluation: bool = False) -> None:
        self.device = torch.device("cpu")
        self.steps, self.steps_per_epoch, self.evaluate_every = steps, 10, 10
        self.weight = torch.zeros(3)
        self.bad_at: int | None = None
        self.evaluations: list[int] = []
        self.observed: list[float] = []
        self._signal_at, self._in_evaluation = signal_at, in_evaluation
        self._done = 0

    def batches(self, start: int) -> Iterator[int]:
        yield from range(start, self.steps)

    def step(self, number: int, batch: int) -> dict[str, Tensor]:
        assert number == batch
        self.weight = self.weight + torch.randn(3) * 0.1 + number
        self._done = number + 1
        if number == self._signal_at and not self._in_evaluation:
            os.kill(os.getpid(), signal.SIGTERM)
        loss = self.weight.square().mean()
        return {"loss": loss * float("nan") if number == self.bad_at else loss}

    def rates(self, number: int) -> dict[str, float]:
        return {"lr": 0.1}

    def evaluate(self) -> dict[str, float]:
        self.evaluations.append(self._done)
        if self._in_evaluation and self._done == self._signal_at:
            self._signal_at = None
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("an evaluation is broken off at once")
        return {"top1": float(self.weight.sum())}

    def observe(self, metrics: dict[str, float]) -> None:
        self.observed.append(metrics["top1"])

    def trouble(self) -> NonFiniteFault | None:
        if self.bad_at is not None and self._done > self.bad_at:
            return NonFiniteFault(f"step {self.bad_at}: the loss is not finite")
        return None

    def state(self) -> Snapshot:
        return Snapshot({"weight": self.weight}, {"observed": self.observed})

    def restore(self, snapshot: Snapshot) -> None:
        self.weight = snapshot.tensors["weight"]
        self.observed = snapshot.values["observed"]
