"""What the loop adds to a step: `fit` against a bare loop over the same task, at about 10 ms a step.

    python benchmarks/loop_overhead.py

The bare loop takes the batches and does the steps, nothing else: no log, no clock, no checks. `fit` logs every 20 steps
and looks for signals, non-finite numbers and due checkpoints at every step. Both do the same steps on the same data, in
turn; evaluation and checkpoints are left out on both sides, as their frequency is the user's choice.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import torch
from racing import outcome, taking_turns, tell

from epochal.core.run import Run
from epochal.data.source import open_data
from epochal.engine import checkpoint
from epochal.engine.device import choose_device
from epochal.engine.fit import Pace, fit
from epochal.engine.supervised import Supervised
from epochal.landmarks.alexnet.recipe import SMOKE
from epochal.landmarks.alexnet.train import task


class Unmeasured(Supervised):
    """A task without evaluations, so that only steps are timed."""

    def evaluate(self) -> dict[str, float]:
        return {"top1": 0.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=24)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, help="write a record there")
    asked = parser.parse_args()

    device = choose_device(asked.device)
    data = open_data("digits")
    recipe = SMOKE.replace(batch_size=asked.batch, epochs=asked.steps / (len(data.train) // asked.batch))
    checkpoint.save = lambda *arguments, **options: Path()  # type: ignore[assignment]

    def prepared() -> Supervised:
        training = task(recipe, data, seed=0, device=device)
        training.__class__ = Unmeasured
        next(training.batches(0))  # opens the data
        return training

    def bare() -> float:
        training = prepared()
        begun = time.perf_counter()
        batches = training.batches(0)
        for number in range(training.steps):
            training.step(number, next(batches))
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - begun

    def looped() -> float:
        training = prepared()
        with tempfile.TemporaryDirectory() as folder:
            run = Run.create(Path(folder), "overhead", {"landmark": "alexnet", "recipe": {}})
            begun = time.perf_counter()
            fit(training, run, Pace(save_seconds=1e9))
            return time.perf_counter() - begun

    seconds = taking_turns({"fit": looped, "bare loop": bare}, asked.rounds)
    outcomes = [outcome(seconds, "fit", "bare loop", "the loop's speed", asked.steps, "steps/s")]
    tell(outcomes, device, asked.out, {"batch": asked.batch, "steps": asked.steps, "rounds": asked.rounds})
    print(f"overhead {1 / outcomes[0].ratio - 1:+.2%} at {1000 / outcomes[0].theirs:.1f} ms a step")


if __name__ == "__main__":
    main()
