"""Write the golden losses of the smoke recipes again: run it on purpose, and review the difference."""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import torch

from epochal import landmarks as table
from epochal.verbs.launch import opener

HERE = Path(__file__).parent
STEPS = 20


def losses(name: str) -> list[float]:
    """The first losses of a landmark's smoke recipe on its embedded data: seed 0, float32, one thread."""
    from importlib import import_module

    package = table.load(name)
    task = import_module(f"epochal.landmarks.{name}.train").task(
        package.RECIPES["smoke"].replace(precision="fp32"),
        opener(name)(package.CARD.default_data),
        seed=0,
        device=torch.device("cpu"),
    )
    batches = task.batches(0)
    return [float(task.step(number, next(batches))["loss"]) for number in range(STEPS)]


if __name__ == "__main__":
    for name in table.CHRONOLOGY:
        values = [float(f"{loss:.7g}") for loss in losses(name)]
        (HERE / f"{name}.json").write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {values[0]:.4f} ... {values[-1]:.4f}")
