"""Commands about data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

import epochal
from epochal.cli.app import Json, Offline, data_app
from epochal.console import Console


@data_app.command("list", epilog="Example: epochal data list")
def data_list(json: Json = False) -> None:
    """List the data sets that have a name, and whether they are here."""
    console = Console(json)
    sets = epochal.list_data()
    console.result([vars(one) | {"looked_for": [str(place) for place in one.looked_for]} for one in sets])
    console.table(
        ("name", "what", "train", "held out", "terms", "here"),
        [(s.name, s.what, f"{s.train:,}", f"{s.held_out:,}", s.terms, s.found or "no") for s in sets],
    )


@data_app.command("check", epilog="Example: epochal data check imagefolder:photos")
def data_check(
    spec: Annotated[str, typer.Argument(help="A data set, such as imagefolder:PATH.")],
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Name every picture that cannot be read or is treated specially. Exits with 2 if one cannot be read."""
    console = Console(json)
    with console.waiting("reading every picture"):
        report = epochal.check_data(spec, offline=offline)
    console.result(report.as_json())
    console.line(str(report))
    if not report.usable:
        raise typer.Exit(2)


@data_app.command("show", epilog="Example: epochal data show cifar10 --out cifar10.png")
def data_show(
    spec: Annotated[str, typer.Argument(help="A data set, such as cifar10.")],
    split: Annotated[str, typer.Option("--split", help="train or held-out.")] = "train",
    count: Annotated[int, typer.Option("--count", help="How many pictures.")] = 60,
    seed: Annotated[int, typer.Option("--seed", help="Which selection.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="The PNG file to write.")] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Draw a selection of a data set's pictures with their classes."""
    console = Console(json)
    with console.waiting("drawing"):
        shown = epochal.show_data(spec, split=split, count=count, seed=seed, out=out, offline=offline)
    console.result(
        {
            "path": str(shown.path),
            "train": shown.train,
            "held_out": shown.held_out,
            "classes": list(shown.classes),
            "note": shown.note,
        }
    )
    console.line(f"{shown.train:,} training and {shown.held_out:,} held-out pictures, {len(shown.classes)} classes")
    if shown.note:
        console.line(console.safe(shown.note))
    console.path(shown.path)
