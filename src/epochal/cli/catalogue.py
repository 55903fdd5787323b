"""Commands that say what there is: landmarks, runs, the machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

import epochal
from epochal.cli.app import Json, Name, app
from epochal.console import Console


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    """Options that go before the command."""
    if version:
        print(epochal.__version__)
        raise typer.Exit


@app.command("list", epilog="Example: epochal list")
def list_landmarks(json: Json = False) -> None:
    """List the landmarks."""
    cards = epochal.chronology()
    console = Console(json)
    console.result([card.model_dump(mode="json") for card in cards])
    console.table(
        ("name", "year", "paper", "idea"), [(c.name, str(c.paper.year), c.paper.title, c.idea) for c in cards]
    )


@app.command("show", epilog="Example: epochal show alexnet")
def show(name: Name, json: Json = False) -> None:
    """Show a landmark: paper, networks, settings, recipes."""
    card, recipes = epochal.landmark(name), epochal.recipes(name)
    console = Console(json)
    settings = next(iter(recipes.values())).settings()
    console.result(
        {
            **card.model_dump(mode="json"),
            "recipes": {label: recipe.model_dump(mode="json") for label, recipe in recipes.items()},
            "settings": settings,
        }
    )
    console.card(card, recipes, settings)


@app.command("runs", epilog="Example: epochal runs --json")
def list_runs(
    folder: Annotated[Path | None, typer.Option("--runs", help="The folder to look in.")] = None, json: Json = False
) -> None:
    """List the runs."""
    console = Console(json)
    rows = [epochal.describe(run) for run in epochal.runs(folder)]
    console.result(rows)
    if not rows:
        console.line("there are no runs yet: `epochal train alexnet` makes one")
        return
    console.table(
        ("run", "recipe", "data", "seed", "status", "result"),
        [
            (
                r["run"],
                str(r["recipe"]),
                str(r["data"]),
                str(r["seed"]),
                r["status"],
                _worth(r["results"] or {}),
            )
            for r in rows
        ],
    )


def _worth(results: Mapping[str, float]) -> str:
    """What a run came to: the accuracy, or the loss where there is none."""
    return next((f"{name} {results[name]:.4f}" for name in ("top1", "loss") if name in results), "")


@app.command("doctor", epilog="Example: epochal doctor")
def doctor(json: Json = False) -> None:
    """Say whether all is here that a training needs."""
    console = Console(json)
    findings = epochal.doctor()
    console.result(findings)
    for name, value in findings.items():
        if name != "troubles":
            console.line(f"{name:16} {', '.join(map(str, value)) if isinstance(value, list) else value}")
    for trouble in findings["troubles"]:
        console.warn(trouble)
    if not findings["troubles"]:
        console.line("all is well")
