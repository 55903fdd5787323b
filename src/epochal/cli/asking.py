"""Commands that ask a trained run."""

from __future__ import annotations

from typing import Annotated

import typer

import epochal
from epochal.cli.app import Data, Device, Json, Offline, RunName, app
from epochal.console import Console


@app.command("evaluate", epilog="Example: epochal evaluate latest --crops 10")
def evaluate(
    run: RunName,
    data: Data = None,
    crops: Annotated[int, typer.Option("--crops", help="1 (centre) or 10 (the paper's protocol).")] = 1,
    split: Annotated[str, typer.Option("--split", help="held-out or train.")] = "held-out",
    device: Device = "auto",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Measure a run on held-out pictures."""
    console = Console(json)
    with console.waiting("evaluating"):
        result = epochal.evaluate(run, data=data, crops=crops, split=split, device=device, offline=offline)
    console.result(result)
    for note in result["notes"]:
        console.warn(note)
    console.line(
        f"top-1 {result['top1']:.2%}, top-5 {result['top5']:.2%}, loss {result['loss']:.4f} on {result['pictures']:,} "
        f"pictures ({result['split']}, {result['crops']} crop{'s' if crops > 1 else ''}), step {result['step']}"
    )


@app.command("predict", epilog="Example: epochal predict latest photo.jpg holiday/ '*.png' -")
def predict(
    run: RunName,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders, patterns, or - for stdin.")],
    top: Annotated[int, typer.Option("--top", help="How many classes to name.")] = 5,
    crops: Annotated[int, typer.Option("--crops", help="1 (centre) or 10 (the paper's protocol).")] = 1,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Say what is in pictures. Exits with 2 if one of them cannot be read; the others are still answered."""
    console = Console(json)
    with console.waiting("looking"):
        predictions = epochal.predict(run, inputs, top=top, crops=crops, device=device)
    console.result(
        [
            {
                "source": p.source,
                "classes": [{"name": name, "probability": share} for name, share in p.classes],
                "fault": p.fault,
            }
            for p in predictions
        ]
    )
    for p in predictions:
        if p.fault:
            console.warn(p.fault)
            continue
        console.line(console.safe(p.source))
        for name, share in p.classes:
            console.line(f"  {share:7.2%}  {console.safe(name)}")
    if any(p.fault for p in predictions):
        raise typer.Exit(2)
