"""Two runs, recipes or networks side by side: layers, what they cost, how they start, how they train, what came out."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from epochal import landmarks as table
from epochal.core.fault import InputFault, nearest, printable
from epochal.core.recipe import Recipe
from epochal.core.run import Run
from epochal.measure.anatomy import Part, aligned, likeness
from epochal.verbs import catalogue

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# As in ImageNet, which the papers' networks were made for.
CLASSES = 1000


@dataclass(frozen=True)
class Side:
    """One of the two that are compared.

    Attributes:
        name: what it was called by, or the run's name.
        classes: how many classes its network tells apart.
        layers: in the order in which they run.
        initialisation: how its weights start, in a sentence.
        recipe: how it is trained; None for a network without a recipe of ours.
        results: of a run: its state, data, seed, epochs, seconds and held-out metrics; None for a recipe or network.
        metrics: of a run: the rows of its log.
    """

    name: str
    classes: int
    layers: tuple[Part, ...]
    initialisation: str
    recipe: Recipe | None = None
    results: Mapping[str, Any] | None = None
    metrics: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)

    @property
    def parameters(self) -> int:
        """All parameters."""
        return sum(part.parameters for part in self.layers)

    @property
    def multiply_adds(self) -> int:
        """All multiply-adds that could be counted, for one sample."""
        return sum(part.multiply_adds or 0 for part in self.layers)

    def as_json(self) -> dict[str, Any]:
        """The side as plain values, without its layers."""
        return {
            "name": self.name,
            "classes": self.classes,
            "parameters": self.parameters,
            "multiply_adds": self.multiply_adds,
            "initialisation": self.initialisation,
            "recipe": self.recipe.model_dump(mode="json") if self.recipe is not None else None,
            "results": dict(self.results) if self.results is not None else None,
        }


@dataclass(frozen=True)
class Difference:
    """A setting in which two recipes differ.

    Attributes:
        name: the setting.
        meaning: one line.
        a: its value at the left, as one would write it after `--set name=`; None if there is no such setting.
        b: its value at the right.
    """

    name: str
    meaning: str
    a: str | None
    b: str | None


@dataclass(frozen=True)
class Comparison:
    """Two sides and what stands beside what.

    Attributes:
        a: the left side.
        b: the right side.
        rows: the layers of both in their order; None where the other side has no such layer.
        settings: those that differ; None where one side has no recipe.
        path: the picture that was written, if one was asked for.
    """

    a: Side
    b: Side
    rows: tuple[tuple[Part | None, Part | None], ...]
    settings: tuple[Difference, ...] | None
    path: Path | None = None

    def figure(self) -> Figure:
        """Parameters and multiply-adds of the layers as bars; of two runs, their training as well."""
        from epochal.view.comparison import Bars, comparison_page

        rows = [
            Bars(
                (a.name if a else "", b.name if b else ""),
                (a.parameters if a else None, b.parameters if b else None),
                (a.multiply_adds if a else None, b.multiply_adds if b else None),
            )
            for a, b in self.rows
            if any(part and (part.parameters or part.multiply_adds) for part in (a, b))
        ]
        is_trained = self.a.results is not None and self.b.results is not None
        metrics = (self.a.metrics, self.b.metrics) if is_trained else None
        return comparison_page((self.a.name, self.b.name), rows, metrics)

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "a": self.a.as_json(),
            "b": self.b.as_json(),
            "layers": [{"a": vars(a) if a else None, "b": vars(b) if b else None} for a, b in self.rows],
            "settings": None if self.settings is None else [vars(difference) for difference in self.settings],
            "path": None if self.path is None else str(self.path),
        }


def compare(
    a: Run | Recipe | Path | str,
    b: Run | Recipe | Path | str,
    *,
    classes: int | None = None,
    out: Path | str | None = None,
) -> Comparison:
    """Two runs, recipes or networks side by side. No weight is drawn or loaded.

    Args:
        a: a run (its path, its name in the runs folder, `latest`), or a recipe or network as `alexnet:paper`.
        b: the same.
        classes: how many classes the network of a recipe tells apart; None: as many as the other side's run, or 1,000.
        out: a PNG file to draw the comparison into.

    Raises:
        InputFault: there is no such run, recipe or network, or the picture cannot be written there.
        DiskFault: the picture cannot be written.
    """
    if classes is not None and not 1 <= classes <= 10**6:
        raise InputFault(f"a network of {classes} classes", expected="from 1 to 1,000,000")
    chosen = [one if isinstance(one, Recipe) else _named(one) for one in (a, b)]
    counts = [_classes(one) for one in chosen if isinstance(one, Run)]
    count = classes or (counts[0] if counts else CLASSES)
    left, right = (_of_run(one) if isinstance(one, Run) else _of_recipe(one, count) for one in chosen)
    pairs: list[tuple[Part | None, Part | None]] = aligned(left.layers, right.layers, likeness)
    found = Comparison(left, right, tuple(pairs), _differences(left, right))
    if out is None:
        return found
    from epochal.view.save import save

    return Comparison(found.a, found.b, found.rows, found.settings, save(found.figure(), out))


def _named(one: Run | Path | str) -> Run | tuple[str, str]:
    """The run, or the names of a landmark and of its recipe or network."""
    if isinstance(one, str) and not os.path.exists(one):
        landmark, colon, name = one.partition(":")
        if colon and "/" not in one:
            return landmark, name
        if one in table.CHRONOLOGY and not os.path.exists(catalogue.runs_folder() / one):
            raise InputFault(
                f"{one} is a landmark, and has several recipes",
                expected=f"one of them: {', '.join(f'{one}:{known}' for known in _known(one))}",
            )
    return catalogue.find_run(one)


def _known(landmark: str) -> dict[str, Recipe]:
    """A landmark's recipes, and the networks that are no recipe of ours."""
    return {**catalogue.recipes(landmark), **_module(landmark).NETWORKS}


def _module(landmark: str) -> Any:
    catalogue.require_network(landmark, "compare")
    return import_module(f"epochal.landmarks.{landmark}.anatomy")


def _of_recipe(one: Recipe | tuple[str, str], classes: int) -> Side:
    if isinstance(one, Recipe):
        landmark = next(name for name in table.CHRONOLOGY if isinstance(one, table.load(name).RECIPE))
        recipe, name = one, next((name for name, known in catalogue.recipes(landmark).items() if known == one), "own")
    else:
        landmark, name = one
        known = _known(landmark)
        if name not in known:
            raise InputFault(
                f"{landmark} has no recipe or network called {printable(name)!r}", expected=nearest(name, known)
            )
        recipe = known[name]
    module = _module(landmark)
    return Side(
        name=f"{landmark}:{name}",
        classes=classes,
        layers=module.parts(recipe, classes),
        # A network of others may start in a way that none of our recipes has.
        initialisation=getattr(module, "STARTS", {}).get(name) or module.initialisation(recipe),
        recipe=None if name in module.NETWORKS else recipe,
    )


def _classes(run: Run) -> int:
    """How many classes a run tells apart."""
    classes = run.record().get("classes")
    if not classes:
        raise run.damage("it has no classes")
    return len(classes)


def _of_run(run: Run) -> Side:
    record = run.record()
    recipe = table.load(record["landmark"]).RECIPE.parse(record["recipe"])
    module = _module(record["landmark"])
    classes = _classes(run)
    metrics = tuple(run.metrics())
    evaluated: dict[str, Any] = next((row for row in reversed(metrics) if row.get("kind") == "evaluation"), {})
    reached = next((row["epoch"] for row in reversed(metrics) if "epoch" in row), None)
    held_out = {name: value for name, value in evaluated.items() if name not in ("kind", "step", "epoch", "seconds")}
    return Side(
        name=run.name,
        classes=classes,
        layers=module.parts(recipe, classes),
        initialisation=module.initialisation(recipe),
        recipe=recipe,
        results={
            "status": run.status(),
            **{name: record.get(name) for name in ("data", "seed", "device")},
            "epochs": reached,
            "seconds": record.get("seconds") or evaluated.get("seconds"),
            **(record.get("results") or held_out),
        },
        metrics=metrics,
    )


def _differences(a: Side, b: Side) -> tuple[Difference, ...] | None:
    """The settings that differ, in the order in which the recipes list them."""
    if a.recipe is None or b.recipe is None:
        return None
    recipes = (a.recipe, b.recipe)
    meanings = {row["name"]: row["meaning"] for recipe in recipes for row in recipe.settings()}
    found = []
    for name, meaning in meanings.items():
        left, right = (recipe.written(name) if hasattr(recipe, name) else None for recipe in recipes)
        if left != right:
            found.append(Difference(name, meaning, left, right))
    return tuple(found)
