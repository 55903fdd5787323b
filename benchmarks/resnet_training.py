"""Training images a second of ResNet-18 at 224 pixels and of ResNet-20 at 32, against plain loops.

    python benchmarks/resnet_training.py --network 18 --batch 32 --rounds 7
    python benchmarks/resnet_training.py --network 20 --batch 128 --rounds 21

Each contender has a process of its own, so that none gains or suffers by another's settings; they take one step each in
turn, the others asleep, so that a busy machine slows all of them. The ratio of each round is taken, then the median.

- torchvision: as found in a thousand scripts: float32, standard layout, torch's SGD, one batch of pictures that is
  already there. For 18 layers its `resnet18`; of 20 it has none: its own basic blocks, stacked as the paper says.
- ours: what `epochal train` does: crops and mirroring from stored bytes and the finite watch included, with the default
  settings (channels last, bfloat16 where the hardware has it, fused SGD).
- ours, fp32: the same without bfloat16: what a processor without it gets.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import torch
from racing import in_processes, load_torchvision, outcome, serve, tell
from torch import nn
from torch.nn import functional

from epochal.data.images import ImageData, Pictures
from epochal.engine.allocator import keep_large_blocks
from epochal.engine.device import choose_device, choose_precision
from epochal.landmarks.resnet.recipe import PAPER, PAPER_CIFAR
from epochal.landmarks.resnet.train import task

RECIPES = {18: PAPER.replace(depth=18), 20: PAPER_CIFAR}
CLASSES = {18: 1000, 20: 10}


class Padded(nn.Module):
    """The shortcut of option A, as a script writes it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        quarter = x.shape[1] // 2
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, quarter, quarter))


def their_network(torchvision: Any, depth: int) -> nn.Module:
    """torchvision's, or one stacked of its blocks."""
    if depth == 18:
        return torchvision.models.resnet18()
    block = torchvision.models.resnet.BasicBlock
    layers: list[nn.Module] = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(inplace=True)]
    for seen, maps in ((16, 16), (16, 32), (32, 64)):
        first = block(seen, maps, 1) if seen == maps else block(seen, maps, 2, Padded())
        layers += [first, *(block(maps, maps) for _ in range((depth - 2) // 6 - 1))]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, CLASSES[depth]))


def plain_step(depth: int, batch: int, device: torch.device) -> Callable[[], None]:
    """Their network in the loop that everybody writes."""
    torchvision, library = load_torchvision()
    model = their_network(torchvision, depth).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, weight_decay=0.0001)
    images = torch.randn(batch, 3, RECIPES[depth].crop, RECIPES[depth].crop, device=device)
    labels = torch.randint(0, CLASSES[depth], (batch,), device=device)

    def step() -> None:
        assert library is None or library.ns == "torchvision"  # keeps its operators alive
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def engine_step(depth: int, batch: int, device: torch.device, precision: str) -> Callable[[], None]:
    """The engine's step on random pictures kept as bytes."""
    if device.type == "cpu":
        keep_large_blocks()
    recipe = RECIPES[depth].replace(precision=precision, batch_size=batch, lr=0.001)
    rng = np.random.default_rng(0)
    shape = (2 * batch, recipe.stored_size, recipe.stored_size, 3)
    split = Pictures(rng.integers(0, 256, shape, dtype=np.uint8), np.arange(2 * batch) % CLASSES[depth], "random")
    data = ImageData("random", tuple(f"class {n}" for n in range(CLASSES[depth])), split, split, "")
    training = task(recipe, data, seed=0, device=device)
    batches = training.batches(0)
    number = iter(range(10**9))

    def step() -> None:
        training.step(next(number), next(batches))
        training.trouble() if device.type == "cpu" else None  # as the loop does

    return step


def contend(name: str, depth: int, batch: int, device: str, threads: int, pipe: Connection) -> None:
    """A contender's process: a step for each message."""
    torch.set_num_threads(threads)
    where = torch.device(device)
    precision = "fp32" if name.endswith("fp32") else "auto"
    plain = name == "torchvision"
    serve(plain_step(depth, batch, where) if plain else engine_step(depth, batch, where, precision), where, pipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", type=int, choices=RECIPES, default=20, help="layers")
    parser.add_argument("--batch", type=int, default=128, help="pictures in a step")
    parser.add_argument("--rounds", type=int, default=7, help="steps that count, for each contender")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--out", type=Path, help="write a record there")
    asked = parser.parse_args()

    device = choose_device(asked.device)
    names = ("torchvision", "ours", "ours, fp32")
    seconds = in_processes(contend, names, asked.rounds, asked.network, asked.batch, str(device), asked.threads)
    precision = choose_precision("auto", device)
    what = f"ResNet-{asked.network} training at {RECIPES[asked.network].crop} pixels"
    outcomes = [
        outcome(seconds, "ours", "torchvision", f"{what}, {precision}", asked.batch, "images/s"),
        outcome(seconds, "ours, fp32", "torchvision", f"{what}, fp32", asked.batch, "images/s"),
    ]
    facts = {"network": asked.network, "batch": asked.batch, "rounds": asked.rounds, "threads": asked.threads}
    tell(outcomes, device, asked.out, facts)


if __name__ == "__main__":
    main()
