"""Commands that train."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

import epochal
from epochal.cli.app import Data, Device, Json, Name, Offline, RunName, Set, app
from epochal.console import Console, Progress

Columns = Annotated[
    str | None,
    typer.Option("--columns", help="Two devices, such as cuda:0,cuda:1, one for each of the network's two columns."),
]


@app.command("demo", epilog="Example: epochal demo")
def demo(name: Name = "alexnet", json: Json = False) -> None:
    """Train a landmark in about a minute, and see what it learned."""
    console = Console(json)
    with Progress(console) as progress:
        done = epochal.demo(name, report=progress)
    console.result(
        {
            "run": str(done.run.folder),
            "top1": done.top1,
            "answer": done.answer,
            "pictures": [str(one.path) for one in done.looks],
            "next": list(done.next_commands),
        }
    )
    console.line(f"\n{done.answer}\n\nIts pictures:")
    for one in done.looks:
        console.path(one.path)
    console.line("\nNext:")
    for command in done.next_commands:
        console.path(_as_called(command))


def _as_called(command: str) -> str:
    """A command as it works from here: `make demo` runs a program that is not on the path."""
    program = Path(sys.argv[0])
    if program.name != "epochal" or not program.exists() or shutil.which("epochal"):
        return command
    return os.path.relpath(program) + command.removeprefix("epochal")


@app.command("train", epilog="Example: epochal train alexnet --recipe small --data cifar10 --set lr=0.02 --seed 1")
def train(
    name: Name,
    recipe: Annotated[str, typer.Option("--recipe", help="One of the landmark's recipes.")] = "small",
    data: Data = None,
    overrides: Set = None,
    tokenizer: Annotated[
        str | None, typer.Option("--tokenizer", help="How words are told apart in a text: simple or whitespace.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides weights, order, augmentation and dropout.")] = 0,
    device: Device = "auto",
    columns: Columns = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes that decode pictures.")] = None,
    micro_batches: Annotated[int, typer.Option("--micro-batches", help="Split each batch to save memory.")] = 1,
    memory_gb: Annotated[
        float | None, typer.Option("--memory-gb", help="Data larger than this is read from disk in each epoch.")
    ] = None,
    save_every: Annotated[int | None, typer.Option("--save-every", help="Steps between checkpoints.")] = None,
    signal_every: Annotated[
        int | None,
        typer.Option("--signal-every", help="Steps between recordings of responses and gradients: look RUN signal."),
    ] = None,
    runs: Annotated[Path | None, typer.Option("--runs", help="The folder to make the run in.")] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Train a landmark. Started by torchrun, several processes train together.

    torchrun --nproc_per_node 2 -m epochal train alexnet ...
    """
    console = Console(json)
    with Progress(console) as progress:
        run = epochal.train(
            name,
            recipe=recipe,
            data=data,
            overrides=[*(overrides or []), *([f"tokenizer={tokenizer}"] if tokenizer is not None else [])],
            seed=seed,
            device=device,
            columns=columns,
            workers=workers,
            micro_batches=micro_batches,
            memory_gigabytes=memory_gb,
            save_steps=save_every,
            signal_steps=signal_every,
            offline=offline,
            runs=runs,
            report=progress,
        )
    _finished(console, run)


@app.command("resume", epilog="Example: epochal resume latest")
def resume(
    run: RunName,
    device: Annotated[str | None, typer.Option("--device", help="Another device than before.")] = None,
    columns: Columns = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Another number of processes that decode.")] = None,
    micro_batches: Annotated[int | None, typer.Option("--micro-batches", help="Another split of each batch.")] = None,
    processes: Annotated[
        int | None, typer.Option("--processes", help="Another number of processes than before: torchrun's.")
    ] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Go on with a run that stopped, to the same bits."""
    console = Console(json)
    with Progress(console) as progress:
        done = epochal.resume(
            run,
            device=device,
            columns=columns,
            workers=workers,
            micro_batches=micro_batches,
            processes=processes,
            offline=offline,
            report=progress,
        )
    _finished(console, done)


def _finished(console: Console, run: epochal.Run) -> None:
    if console.silent:  # the run's folder may be on another machine
        return
    record = run.record()
    console.result({"run": str(run.folder), "seconds": record["seconds"], **record["results"]})
    shown = ", ".join(f"{name} {value:.4f}" for name, value in record["results"].items())
    console.line(f"finished in {record['seconds']:.0f} s: {shown}")
    console.path(run.folder)
    console.path(f"next: epochal look {run.folder}")
