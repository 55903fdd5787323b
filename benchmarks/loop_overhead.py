"""What the loop adds to a step of 10 ms: `fit` against a bare loop.

    python benchmarks/loop_overhead.py

Two whole trainings differ by more than the loop costs, because a machine's speed drifts by some per cent. So the step
is made hollow: it hands back losses that are there already. What `fit` then takes beyond a bare loop is all its own
work: signals, the watch for non-finite numbers, clocks, a row in the log every 20 steps. Evaluation and checkpoints are
left out on both sides, as their frequency is the user's choice. The ratio is that of a step of 10 ms with and without.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from racing import Outcome, taking_turns, tell

from epochal.core.run import Run
from epochal.data.feed import Batch
from epochal.data.source import open_data
from epochal.engine import checkpoint
from epochal.engine.device import choose_device
from epochal.engine.fit import Pace, fit
from epochal.engine.supervised import Supervised
from epochal.landmarks.alexnet.recipe import SMOKE
from epochal.landmarks.alexnet.train import task

STEP = 0.010  # seconds


class Hollow(Supervised):
    """A task whose step costs nothing, with the watch and the log of a real one."""

    losses: dict[str, torch.Tensor]
    batch: Batch

    def batches(self, start: int) -> Iterator[Batch]:
        return itertools.repeat(self.batch, self.steps - start)

    def step(self, number: int, batch: Batch) -> dict[str, torch.Tensor]:
        return self.losses

    def evaluate(self) -> dict[str, float]:
        return {"top1": 0.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="write a record there")
    asked = parser.parse_args()

    device = choose_device(asked.device)
    training = task(SMOKE.replace(epochs=1.0), open_data("digits"), seed=0, device=device)
    batch = next(training.batches(0))
    losses = training.step(0, batch)
    training.__class__ = Hollow
    training.batch, training.losses, training.steps = batch, losses, asked.steps
    checkpoint.save = lambda *arguments, **options: Path()  # type: ignore[assignment]

    def bare() -> float:
        begun = time.perf_counter()
        batches = training.batches(0)
        for number in range(training.steps):
            training.step(number, next(batches))
        return time.perf_counter() - begun

    def looped() -> float:
        with tempfile.TemporaryDirectory() as folder:
            run = Run.create(Path(folder), "overhead", {"landmark": "alexnet", "recipe": {}})
            begun = time.perf_counter()
            fit(training, run, Pace(save_seconds=1e9))
            return time.perf_counter() - begun

    seconds = taking_turns({"fit": looped, "bare loop": bare}, asked.rounds)
    steps = {name: [STEP + spent / asked.steps for spent in own] for name, own in seconds.items()}
    ratios = [theirs / ours for ours, theirs in zip(steps["fit"], steps["bare loop"], strict=True)]
    ours, theirs = (1 / statistics.median(steps[name]) for name in ("fit", "bare loop"))
    race = Outcome("the loop, at 10 ms a step", "bare loop", ratios, ours, theirs, "steps/s")
    tell([race], device, asked.out, {"steps": asked.steps, "rounds": asked.rounds})
    print(f"overhead {1 / race.ratio - 1:+.2%} of a step of {1000 * STEP:.0f} ms")


if __name__ == "__main__":
    main()
