"""What the races share: contenders that take turns, the ratio round by round, a record for the README's table."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from epochal.verbs.environment import environment


@dataclass(frozen=True)
class Outcome:
    """One race.

    Attributes:
        what: what was measured.
        peer: what it was measured against.
        ratios: the peer's time over ours, round by round; above 1 we are faster.
        ours: our median, in `unit`.
        theirs: the peer's median, in `unit`.
        unit: what the medians count.
    """

    what: str
    peer: str
    ratios: list[float]
    ours: float
    theirs: float
    unit: str

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios)

    def line(self) -> str:
        """For people."""
        return (
            f"{self.what}: {self.ours:,.1f} {self.unit}, {self.peer}: {self.theirs:,.1f}; "
            f"ratio {self.ratio:.2f} ({min(self.ratios):.2f} to {max(self.ratios):.2f})"
        )


def taking_turns(contenders: dict[str, Callable[[], float]], rounds: int, warmup: int = 1) -> dict[str, list[float]]:
    """The seconds each contender says it took, in rounds in which all take their turn."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(-warmup, rounds):
        for name, contender in contenders.items():
            spent = contender()
            if number >= 0:
                seconds[name].append(spent)
    return seconds


def in_processes(
    contend: Callable[..., None], names: Sequence[str], rounds: int, *options: Any
) -> dict[str, list[float]]:
    """The seconds of contenders that each have a process of their own, the others asleep while one takes its turn.

    Args:
        contend: what a process runs, with its name, the options and a pipe: prepares, then calls `serve`.
        names: the contenders.
        rounds: the rounds that count; two more come before them.
        options: what all of them are told.
    """
    context = multiprocessing.get_context("spawn")
    contenders, processes, pipes = {}, [], []
    for name in names:
        here, there = context.Pipe()
        process = context.Process(target=contend, args=(name, *options, there), daemon=True)
        process.start()
        here.recv()

        def turn(pipe: Connection = here) -> float:
            pipe.send(True)
            return float(pipe.recv())

        contenders[name] = turn
        processes.append(process)
        pipes.append(here)
    seconds = taking_turns(contenders, rounds, warmup=2)
    for pipe, process in zip(pipes, processes, strict=True):
        pipe.send(False)
        process.join()
    return seconds


def serve(step: Callable[[], None], device: torch.device, pipe: Connection) -> None:
    """In a contender's process: take a step for each message, and answer with its seconds."""
    pipe.send("ready")
    while pipe.recv():
        begun = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        pipe.send(time.perf_counter() - begun)


def outcome(seconds: dict[str, list[float]], ours: str, peer: str, what: str, count: int, unit: str) -> Outcome:
    """The race of two of the contenders, each round having done `count` of `unit`."""
    pairs = list(zip(seconds[ours], seconds[peer], strict=True))
    return Outcome(
        what,
        peer,
        [theirs / own for own, theirs in pairs],
        count / statistics.median(seconds[ours]),
        count / statistics.median(seconds[peer]),
        unit,
    )


def tell(outcomes: list[Outcome], device: torch.device, out: Path | None, facts: dict[str, Any]) -> None:
    """Print the outcomes; with `out`, write them as a record too."""
    for one in outcomes:
        print(one.line())
    if out is None:
        return
    races = [
        {
            "what": one.what,
            "peer": one.peer,
            "ratio": round(one.ratio, 3),
            "range": [round(min(one.ratios), 3), round(max(one.ratios), 3)],
            "ours": round(one.ours, 1),
            "theirs": round(one.theirs, 1),
            "unit": one.unit,
        }
        for one in outcomes
    ]
    words = [word for word in sys.argv[1:] if not word.startswith("--out")]
    program = Path(sys.argv[0])
    # A path of the machine says nothing to a reader: the folder's own name does.
    shown = [Path(word).name if word.startswith("/") else word for word in words if word != str(out)]
    record = {
        "command": " ".join(["python", f"benchmarks/{program.name}", *shown]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "environment": environment(device),
        **facts,
        "races": races,
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def load_torchvision() -> tuple[Any, torch.library.Library | None]:
    """torchvision, and what must stay alive beside it: beside a CPU build of torch it misses two operators."""
    library = None
    if torch.version.cuda is None:
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor a, Tensor b, float c) -> Tensor")
    return importlib.import_module("torchvision"), library
