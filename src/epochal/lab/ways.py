"""The ways to learn new pictures when there are weights already: a recipe for each, and the runs that follow it.

All ways see the same pictures in the same order, and for a seed the two that begin with the weights draw the same head.
Training from scratch goes half as many epochs again through the pictures, so that it never has less time, whatever else
the machine does meanwhile; a number of epochs that followed the clock could not be run again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from epochal import landmarks as table
from epochal.core.fault import InputFault, printable
from epochal.core.recipe import Recipe
from epochal.core.report import Report
from epochal.core.run import Run
from epochal.data.images import ImageData
from epochal.data.specification import lasting
from epochal.engine.device import choose_device
from epochal.interop.weights import Weights
from epochal.verbs import catalogue
from epochal.verbs.resume import resume
from epochal.verbs.start import keeps_head
from epochal.verbs.train import train

WAYS = ("fine-tuned", "frozen", "scratch")
# How many epochs training from scratch gets, over those of the others.
MORE = 1.5
# A few hundred pictures are learned in small batches, so that there are steps enough.
BATCH = 32
# Weights that are good already are changed with care: at a third of the rate that is right for drawn ones. A tenth
# was too little for weights from 1,700 photographs (docs/log.md).
GENTLE = 1 / 3

# A run that failed is of no use; one that stopped goes on.
_USEFUL = ("finished", "interrupted", "stopped")


@dataclass(frozen=True)
class Changes:
    """What is otherwise than usual.

    Attributes:
        recipe: how to train from scratch, by name or whole; None: as the weights' own network was trained.
        overrides: settings to change in all ways, as `name=value`.
        scratch: settings to change in training from scratch only.
        freeze: the layers that `frozen` keeps.
    """

    recipe: str | Recipe | None = None
    overrides: tuple[str, ...] = ()
    scratch: tuple[str, ...] = ()
    freeze: tuple[str, ...] = ("body",)


@dataclass(frozen=True)
class Bench:
    """What all ways have in common.

    Attributes:
        landmark: its name.
        weights: what two of the ways begin with.
        identity: what tells them from all others.
        data: the pictures to learn.
        folder: where the runs are.
        head: `new`, `kept` or `auto`, as in `train`.
        device: where to train.
        options: further arguments of `train`.
    """

    landmark: str
    weights: Weights
    identity: dict[str, Any]
    data: ImageData
    folder: Path
    head: str
    device: str
    options: dict[str, Any]

    @property
    def is_head_kept(self) -> bool:
        """True if the weights' last layer is taken over."""
        return keeps_head(self.weights, self.data.classes, self.head)

    def recipes(self, changes: Changes) -> dict[str, Recipe]:
        """The recipe of each way.

        Raises:
            InputFault: a setting does not exist or cannot be so, or the weights' network cannot be told.
        """
        recipe = changes.recipe
        base: Any
        if recipe is None:
            base = from_scratch(self.landmark, self.weights.settings)
        else:
            base = catalogue.recipe(self.landmark, recipe) if isinstance(recipe, str) else recipe
            if not isinstance(base, table.load(self.landmark).RECIPE):
                raise InputFault(f"a {type(base).__name__} is no recipe of {printable(self.landmark)}")
        overrides = list(changes.overrides)
        gentle = gentler(base, drawn_head=not self.is_head_kept).override(overrides)
        base = base.override(overrides)
        longer = base.replace(freeze=(), epochs=base.epochs * MORE)
        found = {
            "fine-tuned": gentle,
            "frozen": gentle.replace(freeze=changes.freeze),
            "scratch": longer.override(list(changes.scratch)),
        }
        for one in found.values():
            self.sizes(one)  # what the network does not have is refused now
        return found

    def sizes(self, recipe: Recipe) -> tuple[int, int]:
        """How many numbers the recipe's network learns here, and how many it has.

        Raises:
            InputFault: the network has no such layer to freeze, or another choice that it lacks.
        """
        with torch.device("meta"):  # nothing is drawn
            model = _part(self.landmark, "networks").network(recipe, len(self.data.classes))
        learned, every = _part(self.landmark, "transfer").layers(model).sizes(getattr(recipe, "freeze", ()))
        return learned, every

    def run(self, way: str, recipe: Recipe, seed: int, report: Report) -> Run:
        """The finished run of a way; one that is there already is used, and one that stopped goes on."""
        known = self._known(way, recipe, seed)
        is_finished = known is not None and known.status() == "finished"
        report({"kind": "way", "way": way, "seed": seed, "state": "there already" if is_finished else "begins"})
        if known is not None:
            return known if is_finished else resume(known, offline=self.options["offline"], report=report)
        return train(
            self.landmark,
            recipe=recipe,
            data=self.data.name,
            weights=None if way == "scratch" else self.weights,
            head=self.head,
            name=way,
            seed=seed,
            device=self.device,
            runs=self.folder,
            report=report,
            **self.options,
        )

    def _known(self, way: str, recipe: Recipe, seed: int) -> Run | None:
        """The newest run that was begun in this way."""
        wanted = {
            "landmark": self.landmark,
            "landmark_version": table.load(self.landmark).CARD.version,
            "recipe": recipe.model_dump(mode="json"),
            "data": lasting(self.data.name),
            "data_digest": self.data.digest,
            "seed": seed,
            "device": str(choose_device(self.device)),
        }
        head = "kept" if self.is_head_kept else "new"
        begun = (None, None) if way == "scratch" else (self.identity["sha256"], head)
        for run in reversed(Run.all(self.folder) if self.folder.is_dir() else []):
            record = run.record()
            start = record.get("start") or {}
            is_same = all(record.get(name) == value for name, value in wanted.items())
            if is_same and (start.get("sha256"), start.get("head")) == begun and run.status() in _USEFUL:
                return run
        return None


def from_scratch(landmark: str, settings: Mapping[str, Any]) -> Recipe:
    """How a landmark's network learns a small set of pictures from drawn weights.

    Args:
        landmark: its name.
        settings: the recipe's settings that are known of a network: all of them, or those that shape it.

    Raises:
        InputFault: the settings are no recipe.
    """
    transfer = _part(landmark, "transfer")
    known: Any = transfer.own_recipe(settings)
    short: dict[str, Any] = dict(transfer.SHORT)
    batch = min(known.batch_size, BATCH)
    # A smaller batch takes a smaller step; Adam's steps do not follow the size of the gradient.
    share = 1.0 if getattr(known, "optimizer", "") == "adamw" else batch / known.batch_size
    if hasattr(known, "warmup_epochs"):
        short["warmup_epochs"] = min(known.warmup_epochs, short["epochs"] * known.warmup_epochs / known.epochs)
    usual = {"pictures": None, "freeze": (), "evaluate_epochs": 1.0}
    found: Recipe = known.replace(**usual, batch_size=batch, lr=known.lr * share, **short)
    return found


def gentler(recipe: Recipe, *, drawn_head: bool = True) -> Recipe:
    """The recipe for weights that are good already, but for those of a head that was drawn anew."""
    known: Any = recipe
    found: Recipe = known.replace(lr=known.lr * GENTLE, head_rate=1.0 / GENTLE if drawn_head else 1.0)
    return found


def _part(landmark: str, file: str) -> Any:
    return import_module(f"epochal.landmarks.{landmark}.{file}")
