"""The command that begins with weights that are there already."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import epochal
from epochal.cli.app import Device, Json, Name, Offline, app
from epochal.console import Console, Progress, duration


@app.command(
    "finetune", epilog="Example: epochal finetune alexnet --weights latest --data imagefolder:photos --seeds 3"
)
def finetune(
    name: Name,
    weights: Annotated[
        str,
        typer.Option("--weights", help="A run, an exported folder or file, owner/name on the Hub, or another's file."),
    ],
    data: Annotated[str, typer.Option("--data", help="The pictures to learn, such as imagefolder:PATH.")],
    ways: Annotated[
        list[str] | None,
        typer.Option("--way", help="fine-tuned, frozen or scratch; repeat it. All three if left out."),
    ] = None,
    freeze: Annotated[
        str, typer.Option("--freeze", help="What `frozen` keeps: layers (conv1,conv2), convolutions, or body.")
    ] = "body",
    head: Annotated[
        str, typer.Option("--head", help="new, kept, or auto: the last layer is kept if the classes are the same.")
    ] = "auto",
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="How to train from scratch; that of the weights if left out.")
    ] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", help="A setting for all ways, as name=value; repeat it.")
    ] = None,
    scratch: Annotated[
        list[str] | None, typer.Option("--scratch", help="A setting for training from scratch only, as name=value.")
    ] = None,
    seeds: Annotated[int, typer.Option("--seeds", help="How many seeds each way gets, counted from 0.")] = 1,
    device: Device = "auto",
    workers: Annotated[int | None, typer.Option("--workers", help="Processes that decode pictures.")] = None,
    micro_batches: Annotated[int, typer.Option("--micro-batches", help="Split each batch to save memory.")] = 1,
    runs: Annotated[Path | None, typer.Option("--runs", help="The folder to make the runs in.")] = None,
    out: Annotated[Path, typer.Option("--out", help="The folder of the record and the chart.")] = Path("results"),
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Learn new classes from given weights, in three ways.

    Fine-tuned, with frozen features, and from scratch. Stopped, the same command goes on.
    """
    console = Console(json)
    with WaysProgress(console) as progress:
        done = epochal.finetune(
            name,
            weights=weights,
            data=data,
            ways=ways or ("fine-tuned", "frozen", "scratch"),
            recipe=recipe,
            overrides=overrides or [],
            scratch=scratch or [],
            freeze=[layer.strip() for layer in freeze.split(",") if layer.strip()],
            head=head,
            seeds=seeds,
            device=device,
            workers=workers,
            micro_batches=micro_batches,
            runs=runs,
            out=out,
            offline=offline,
            report=progress,
        )
    console.result(
        {
            "rows": [{name: value for name, value in row.items() if name != "runs"} for row in done.rows],
            "runs": {way: [str(run.folder) for run in runs] for way, runs in done.runs.items()},
            "record": str(done.record),
            "picture": str(done.picture),
        }
    )
    _table(console, done.rows)
    for path in (done.record, done.picture, *(run.folder for runs in done.runs.values() for run in runs)):
        console.path(path)


def _table(console: Console, rows: tuple[dict[str, Any], ...]) -> None:
    """The ways side by side."""
    console.table(
        (
            "way",
            "held-out top-1",
            "each seed",
            "against scratch, points",
            "time",
            "epochs",
            "frozen",
            "learned numbers",
        ),
        [
            (
                row["way"],
                f"{row['mean']:.1%}",
                " ".join(f"{100 * run['results']['top1']:.1f}" for run in row["runs"]),
                _against(row.get("against_scratch")),
                duration(row["seconds"]),
                f"{row['epochs']:g}",
                ", ".join(row["frozen"]) or "-",
                f"{row['trained_parameters']:,} of {row['parameters']:,}",
            )
            for row in rows
        ],
    )


def _against(found: dict[str, Any] | None) -> str:
    if found is None:
        return ""
    shown = f"{100 * found['difference']:+.1f}"
    return shown if found["low"] is None else f"{shown} (95 %: {100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


class WaysProgress:
    """Shows one training after another, each with a bar of its own."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(console)

    def __enter__(self) -> WaysProgress:
        return self

    def __exit__(self, *raised: Any) -> None:
        self._progress.__exit__(None, None, None)

    def __call__(self, row: dict[str, Any]) -> None:
        """Take what the comparison reports."""
        if row["kind"] != "way":
            self._progress(row)
            return
        self._progress.__exit__(None, None, None)
        self._progress = Progress(self._console)
        self._console.note(f"{row['way']}, seed {row['seed']}: {row['state']}")
