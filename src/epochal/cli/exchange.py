"""Commands that hand models on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import epochal
from epochal.cli.app import Json, RunName, app
from epochal.console import Console


@app.command("export", epilog="Example: epochal export latest --format onnx --out model.onnx")
def export(
    run: RunName,
    format: Annotated[
        str,
        typer.Option(
            "--format",
            help="safetensors (weights), hub (a folder to share) or onnx; words: word2vec, word2vec-bin, projector.",
        ),
    ] = "safetensors",
    out: Annotated[Path | None, typer.Option("--out", help="The file or folder to make.")] = None,
    layout: Annotated[
        str,
        typer.Option(
            "--layout",
            help="Whose names and conventions the weights get: ours; torchvision (alexnet, resnet), akamaster (resnet) "
            "or scaled (dropout).",
        ),
    ] = "ours",
    json: Json = False,
) -> None:
    """Write a run's network for others to use."""
    console = Console(json)
    with console.waiting("exporting"):
        done = epochal.export(run, format, out=out, layout=layout)
    console.result(vars(done))
    console.line(f"{epochal.counted(done.tensors, 'tensor')}, {done.bytes / 1e6:,.1f} MB")
    if done.preparation:
        console.line(f"a picture for it: {'; '.join(done.preparation)}")
    for note in done.notes:
        console.line(console.safe(note, 1000))
    console.path(done.path)
    if done.format == "hub":
        console.path(f"in Python: epochal.from_pretrained({str(done.path)!r})")
