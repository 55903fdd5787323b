"""Commands that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

import epochal
from epochal.cli.app import Device, Json, Offline, app
from epochal.console import Console


@app.command("look", epilog="Example: epochal look latest patches --layer conv2")
def look(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A run's path or name, or `latest`; a file of word vectors."),
    ],
    view: Annotated[
        str | None,
        typer.Argument(
            help="filters, features, patches, answers, occlusion, mistakes, confusion, embedding, curves or signal; "
            "dropout also activities and sampled, resnet also responses; for words: map, neighbours, parallelogram, "
            "similarity or curves; all of them if left out."
        ),
    ] = None,
    image: Annotated[
        list[str] | None,
        typer.Option("--image", help="A picture to look at, for features, answers and occlusion; repeat it."),
    ] = None,
    word: Annotated[
        list[str] | None, typer.Option("--word", help="For word vectors: a word to show; repeat it.")
    ] = None,
    layer: Annotated[
        str | None, typer.Option("--layer", help="The layer to show, for features, patches and signal.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A PNG file, or a folder.")] = None,
    device: Device = "auto",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Draw what a run has learned, as PNG files."""
    console = Console(json)
    with console.waiting("drawing"):
        looks = epochal.look(
            run, view, images=image or [], words=word or [], layer=layer, out=out, device=device, offline=offline
        )
    console.result([{"view": one.view, "path": str(one.path)} for one in looks])
    for one in looks:
        console.path(one.path)


Side = Annotated[str, typer.Argument(help="A run's path or name, `latest`, or a recipe or network, as alexnet:paper.")]


@app.command("compare", epilog="Example: epochal compare alexnet:paper alexnet:torchvision --out both.png")
def compare(
    a: Side,
    b: Side,
    classes: Annotated[
        int | None, typer.Option("--classes", help="Classes of a recipe's network; those of the run, or 1000.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A PNG file to draw the comparison into.")] = None,
    json: Json = False,
) -> None:
    """Put two runs, recipes or networks side by side.

    Their layers, costs, start, settings and results.
    """
    console = Console(json)
    with console.waiting("comparing"):
        found = epochal.compare(a, b, classes=classes, out=out)
    console.result(found.as_json())
    names = (console.safe(found.a.name), console.safe(found.b.name))
    console.table(
        ("layer", *names, "parameters", "", "multiply-adds", ""),
        [
            (
                _either(a.name if a else "", b.name if b else ""),
                *_described(a, b),
                *(f"{part.parameters:,}" if part else "-" for part in (a, b)),
                *(_counted(part.multiply_adds) if part else "-" for part in (a, b)),
            )
            for a, b in found.rows
        ]
        + [
            (
                "together",
                *(f"{side.classes:,} classes" for side in (found.a, found.b)),
                *(f"{side.parameters:,}" for side in (found.a, found.b)),
                *(f"{side.multiply_adds:,}" for side in (found.a, found.b)),
            )
        ],
    )
    console.line("\nHow the weights start:\n")
    for name, side in zip(names, (found.a, found.b), strict=True):
        console.line(f"{name}: {side.initialisation}")
    _settings(console, found, names)
    _results(console, found, names)
    if found.path is not None:
        console.line()
        console.path(found.path)


def _either(first: str, second: str) -> str:
    return f"{first} / {second}" if first and second and first != second else first or second


def _described(a: Any, b: Any) -> tuple[str, str]:
    """What the two layers are and give; what is the same is not said twice."""
    left, right = (
        f"{part.kind} {part.form}".rstrip() + f": {' x '.join(map(str, part.shape))}" if part else "-"
        for part in (a, b)
    )
    return left, "the same" if left == right else right


def _counted(multiply_adds: int | None) -> str:
    return "not counted" if multiply_adds is None else f"{multiply_adds:,}"


def _settings(console: Console, found: epochal.Comparison, names: tuple[str, str]) -> None:
    """The settings that differ."""
    if found.settings is None:
        bare = next(side.name for side in (found.a, found.b) if side.recipe is None)
        console.line(f"\n{console.safe(bare)} is a network without a recipe of ours: no settings to compare.")
    elif not found.settings:
        console.line("\nAll settings are the same.")
    else:
        console.line("\nSettings that differ:\n")
        rows = [(d.name, *("-" if v is None else v for v in (d.a, d.b)), d.meaning) for d in found.settings]
        console.table(("setting", *names, "meaning"), rows)


def _results(console: Console, found: epochal.Comparison, names: tuple[str, str]) -> None:
    """What came out of the runs."""
    both = (found.a.results, found.b.results)
    known = list(dict.fromkeys(name for results in both if results is not None for name in results))
    if known:
        console.line("\nResults:\n")
        console.table(
            ("", *names), [(name, *(_shown((results or {}).get(name)) for results in both)) for name in known]
        )


def _shown(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
