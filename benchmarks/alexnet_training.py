"""Training images a second of the paper's AlexNet, against torchvision's `alexnet` in a plain loop.

    python benchmarks/alexnet_training.py --batch 128 --rounds 7

Each contender has a process of its own, so that none gains or suffers by another's settings; they take one step each in
turn, the others asleep, so that a busy machine slows all of them. The ratio of each round is taken, then the median.

- torchvision: `torchvision.models.alexnet` as found in a thousand scripts: float32, standard layout, torch's SGD, one
  batch of pictures that is already there.
- ours: what `epochal train` does: the paper's network *with* response normalisation and dropout in the engine's step,
  random crops, mirroring and colour noise from stored bytes included, with the default settings (channels last,
  bfloat16 where the hardware has it, fused SGD). It has 1.01 times torchvision's multiplications.
- ours, fp32: the same without bfloat16: what a processor without it gets.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from racing import in_processes, load_torchvision, outcome, serve, tell

from epochal.data.images import ImageData, Pictures
from epochal.engine.allocator import keep_large_blocks
from epochal.engine.device import choose_device, choose_precision
from epochal.landmarks.alexnet.recipe import PAPER
from epochal.landmarks.alexnet.train import task

CLASSES = 1000


def plain_step(batch: int, device: torch.device) -> Callable[[], None]:
    """torchvision's network in the loop that everybody writes."""
    torchvision, library = load_torchvision()
    model = torchvision.models.alexnet().to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, weight_decay=0.0005)
    images = torch.randn(batch, 3, 224, 224, device=device)
    labels = torch.randint(0, CLASSES, (batch,), device=device)

    def step() -> None:
        assert library is None or library.ns == "torchvision"  # keeps its operators alive
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def engine_step(batch: int, device: torch.device, precision: str) -> Callable[[], None]:
    """The engine's step on random pictures kept as bytes."""
    if device.type == "cpu":
        keep_large_blocks()
    rng = np.random.default_rng(0)
    split = Pictures(
        rng.integers(0, 256, (2 * batch, 256, 256, 3), dtype=np.uint8), np.arange(2 * batch) % CLASSES, "random"
    )
    data = ImageData("random", tuple(f"class {n}" for n in range(CLASSES)), split, split, "")
    training = task(PAPER.replace(precision=precision, batch_size=batch, lr=0.001), data, seed=0, device=device)
    batches = training.batches(0)
    number = iter(range(10**9))

    def step() -> None:
        training.step(next(number), next(batches))
        training.trouble() if device.type == "cpu" else None  # as the loop does

    return step


def contend(name: str, batch: int, device: str, threads: int, pipe: Connection) -> None:
    """A contender's process: a step for each message."""
    torch.set_num_threads(threads)
    where = torch.device(device)
    precision = "fp32" if name.endswith("fp32") else "auto"
    step = plain_step(batch, where) if name == "torchvision" else engine_step(batch, where, precision)
    serve(step, where, pipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128, help="pictures in a step")
    parser.add_argument("--rounds", type=int, default=7, help="steps that count, for each contender")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, help="write a record there")
    asked = parser.parse_args()

    device = choose_device(asked.device)
    names = ("torchvision", "ours", "ours, fp32")
    seconds = in_processes(contend, names, asked.rounds, asked.batch, str(device), asked.threads)
    precision = choose_precision("auto", device)
    outcomes = [
        outcome(seconds, "ours", "torchvision", f"AlexNet training, {precision}", asked.batch, "images/s"),
        outcome(seconds, "ours, fp32", "torchvision", "AlexNet training, fp32", asked.batch, "images/s"),
    ]
    tell(outcomes, device, asked.out, {"batch": asked.batch, "rounds": asked.rounds, "threads": asked.threads})


if __name__ == "__main__":
    main()
