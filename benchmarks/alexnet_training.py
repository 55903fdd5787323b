"""Training images a second of the paper's AlexNet, against torchvision's `alexnet` in a plain loop.

    python benchmarks/alexnet_training.py                     batch 128, on CUDA where there is one, else on the CPU
    python benchmarks/alexnet_training.py --batch 64 --rounds 9 --json

Four contenders take one step each in turn, in one process, so that a busy machine slows all of them; what is printed is
the median over the rounds and, against the plain loop, the median of the rounds' ratios.

- torchvision: `torchvision.models.alexnet` as found in a thousand scripts: float32, standard layout, torch's SGD.
- ours: the paper's network *with* response normalisation and dropout, bfloat16 where the hardware has it, channels
  last, fused SGD. It has 1.01 times torchvision's multiplications: 724 million for an image instead of 714.
- ours, fp32: the same without bfloat16, so the arithmetic is equal: what a processor without it gets.
- torchvision, bf16: torchvision's network with our settings.

A step is forward, backward and update on pictures that are already on the device. The same number of threads for all.
"""

from __future__ import annotations

import argparse
import importlib
import json
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from epochal.engine.device import autocast, choose_device, choose_precision
from epochal.landmarks.alexnet.model import AlexNet

PLAIN = "torchvision"


def load_torchvision() -> tuple[Any, torch.library.Library | None]:
    """torchvision, and what must stay alive beside it: some wheels do not import until two operators are defined."""
    try:
        return importlib.import_module("torchvision"), None
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor a, Tensor b, float c) -> Tensor")
        return importlib.import_module("torchvision"), library


@dataclass(frozen=True)
class Contender:
    """One way to train, ready to take a step."""

    name: str
    step: Callable[[], None]


def contender(
    name: str, model: nn.Module, pixels: int, batch: int, device: torch.device, *, tuned: bool, precision: str = "auto"
) -> Contender:
    """A model with pictures, an optimizer and a step; `tuned` takes our settings instead of a plain loop's."""
    layout = torch.channels_last if tuned else torch.contiguous_format
    model = model.to(device, memory_format=layout).train()
    images = torch.randn(batch, 3, pixels, pixels, device=device).to(memory_format=layout)
    labels = torch.randint(0, 1000, (batch,), device=device)
    fused = {"fused": True} if tuned else {}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9, weight_decay=0.0005, **fused)
    precision = choose_precision(precision, device)

    def step() -> None:
        optimizer.zero_grad()
        with autocast(device, precision):
            scores = model(images).float()
        functional.cross_entropy(scores, labels).backward()
        optimizer.step()

    return Contender(name, step)


def seconds(contender: Contender, device: torch.device) -> float:
    """How long one step takes, until the device is done."""
    start = time.perf_counter()
    contender.step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def race(contenders: list[Contender], device: torch.device, rounds: int) -> dict[str, list[float]]:
    """Each contender's step times; two rounds to warm up are not counted."""
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(-2, rounds):
        for each in contenders:
            spent = seconds(each, device)
            if number >= 0:
                times[each.name].append(spent)
    return times


def report(times: dict[str, list[float]], batch: int) -> list[dict[str, object]]:
    """A row for each contender: median images a second, and the median ratio to the plain loop, round by round."""
    return [
        {
            "contender": name,
            "images_per_second": round(batch / statistics.median(own), 1),
            "seconds_per_step": round(statistics.median(own), 4),
            "ratio_to_torchvision": round(
                statistics.median(plain / ours for plain, ours in zip(times[PLAIN], own, strict=True)), 2
            ),
        }
        for name, own in times.items()
    ]


def main() -> None:
    """Race and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, default=128, help="pictures in a step")
    parser.add_argument("--rounds", type=int, default=7, help="steps that count, for each contender")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")
    asked = parser.parse_args()

    torch.manual_seed(0)
    torch.set_num_threads(asked.threads)
    device = choose_device(asked.device)
    torchvision, _library = load_torchvision()
    contenders = [
        contender(PLAIN, torchvision.models.alexnet(), 224, asked.batch, device, tuned=False, precision="fp32"),
        contender("ours", AlexNet(), 227, asked.batch, device, tuned=True),
        contender("ours, fp32", AlexNet(), 227, asked.batch, device, tuned=True, precision="fp32"),
        contender("torchvision, bf16", torchvision.models.alexnet(), 224, asked.batch, device, tuned=True),
    ]
    rows = report(race(contenders, device, asked.rounds), asked.batch)
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    facts = {
        "torch": torch.__version__,
        "device": f"{device.type}: {where}",
        "threads": asked.threads,
        "batch": asked.batch,
        "rounds": asked.rounds,
        "our_precision": choose_precision("auto", device),
    }
    if asked.json:
        print(json.dumps({**facts, "rows": rows}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    for row in rows:
        print(
            f"{row['contender']:<18} {row['images_per_second']:>8} images/s"
            f"  {row['seconds_per_step']:>8} s/step  {row['ratio_to_torchvision']:>5} x"
        )


if __name__ == "__main__":
    main()
