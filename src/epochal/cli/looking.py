"""Commands that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import epochal
from epochal.cli.app import Device, Json, Offline, RunName, app
from epochal.console import Console


@app.command("look", epilog="Example: epochal look latest features --layer conv2 --image photo.jpg")
def look(
    run: RunName,
    view: Annotated[
        str | None, typer.Argument(help="filters, features, answers or curves; all of them if left out.")
    ] = None,
    image: Annotated[list[str] | None, typer.Option("--image", help="A picture to look at; repeat it.")] = None,
    layer: Annotated[str | None, typer.Option("--layer", help="The layer to show, for features.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A PNG file, or a folder.")] = None,
    device: Device = "auto",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Draw what a run has learned, as PNG files."""
    console = Console(json)
    with console.waiting("drawing"):
        looks = epochal.look(run, view, images=image or [], layer=layer, out=out, device=device, offline=offline)
    console.result([{"view": one.view, "path": str(one.path)} for one in looks])
    for one in looks:
        console.path(one.path)
