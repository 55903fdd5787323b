"""What there is: the landmarks and their cards, the runs. No torch is imported here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from epochal import landmarks as table
from epochal.core.fault import InputFault, nearest, printable
from epochal.core.landmark import Landmark
from epochal.core.recipe import Recipe
from epochal.core.run import Run


def runs_folder() -> Path:
    """Where runs are kept: $EPOCHAL_RUNS, or `runs` in the current folder."""
    return Path(os.environ.get("EPOCHAL_RUNS") or "runs").expanduser()


def chronology() -> list[Landmark]:
    """The cards of all landmarks, in the order of their publication."""
    return [landmark(name) for name in table.CHRONOLOGY]


def landmark(name: str) -> Landmark:
    """One landmark's card.

    Raises:
        InputFault: no landmark has that name.
    """
    card: Landmark = table.load(name).CARD
    return card


def require_network(name: str, what: str) -> None:
    """Refuse a landmark that trains no network of layers.

    Args:
        name: the landmark.
        what: what cannot be done without one, such as `load weights`.

    Raises:
        InputFault: it gives word vectors.
    """
    if landmark(name).gives == "word vectors":
        networks = [card.name for card in chronology() if card.gives != "word vectors"]
        raise InputFault(
            f"{name} trains word vectors: there is no network to {what}",
            expected=f"one of {', '.join(networks)}",
            remedy="vectors are asked and measured by their file, or their run, alone: `epochal predict FILE WORD`",
        )


def recipe(name: str, recipe: str = "small") -> Recipe:
    """A landmark's recipe by name; vary it with `.replace(...)`.

    Raises:
        InputFault: there is no such landmark or recipe.
    """
    return _recipe(recipes(name), name, recipe)


def _recipe(known: dict[str, Recipe], landmark: str, name: str) -> Recipe:
    if name not in known:
        raise InputFault(
            f"{landmark} has no recipe called {printable(name)!r}",
            expected=nearest(name, known),
            remedy=f"`epochal show {landmark}` lists them",
        )
    return known[name]


def recipes(name: str) -> dict[str, Recipe]:
    """All recipes of a landmark.

    Raises:
        InputFault: there is no such landmark.
    """
    known: dict[str, Recipe] = table.load(name).RECIPES
    return known


def runs(folder: Path | str | None = None) -> list[Run]:
    """The runs in a folder (see `runs_folder`), oldest first.

    Raises:
        InputFault: there is no such folder; that of `runs_folder` may be absent, as it is made by the first run.
    """
    place = Path(folder) if folder is not None else runs_folder()
    if not os.path.isdir(place) and (folder is not None or os.path.lexists(place)):
        raise InputFault(
            f"{printable(str(place))} is no folder",
            expected="a folder with runs in it",
            remedy="--runs, or EPOCHAL_RUNS",
        )
    return Run.all(place)


def find_run(name: Run | Path | str) -> Run:
    """A run by its path, by its name in the runs folder, or `latest`.

    Raises:
        InputFault: there is no such run.
    """
    if isinstance(name, Run):
        return name
    if str(name) == "latest":
        known = runs()
        if not known:
            raise InputFault(
                f"there are no runs in {printable(str(runs_folder()))}", remedy="`epochal train alexnet` makes one"
            )
        return known[-1]
    inside = runs_folder() / name
    return Run.open(inside if not os.path.exists(name) and os.path.exists(inside) else Path(name))


def describe(run: Run) -> dict[str, Any]:
    """One row of the list of runs."""
    record = run.record()
    return {
        "run": str(run.folder),
        "landmark": record["landmark"],
        "recipe": record.get("recipe_name"),
        "data": record.get("data"),
        "seed": record.get("seed"),
        "status": run.status(),
        "created": record["created"],
        "seconds": record.get("seconds"),
        "results": record.get("results"),
    }
