"""A trained network, ready to be asked: from a run, an exported folder, or weights that came from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from epochal import landmarks as table
from epochal.core.fault import Fault, InputFault, printable
from epochal.core.run import Run
from epochal.data.images import ImageData
from epochal.data.statistics import PixelStatistics, picture_of
from epochal.engine import checkpoint
from epochal.engine.checkpoint import Snapshot
from epochal.engine.classifier import Classifier
from epochal.engine.device import choose_device
from epochal.verbs import catalogue
from epochal.verbs.weights import Source, Weights, from_pretrained, is_exported, read_weights, with_pixel_scale


@dataclass(frozen=True)
class Trained:
    """A network that can be asked.

    Attributes:
        name: what it is called.
        classifier: the network with all it needs to answer.
        data: what it learned from, if that is known here.
        step: how many steps it has learned, if it is a run's.
        account: what became of each tensor of weights from elsewhere.
        notes: what a person should know.
        subset: how many of the training pictures it learned from, and the seed that drew them; None: all.
        digest: that of the data it learned from.
    """

    name: str
    classifier: Classifier
    data: str | None = None
    step: int | None = None
    account: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    subset: tuple[int, int] | None = None
    digest: str = ""


def find_trained(
    source: Run | Path | str,
    *,
    weights: Source | None = None,
    overrides: Sequence[str] = (),
    data: ImageData | None = None,
    device: str = "auto",
    offline: bool = False,
) -> Trained:
    """What is meant by a run, an exported folder, or a landmark's name with weights for it.

    Args:
        source: a run, its path or name, or `latest`; an exported folder, or one on the Hub; or a landmark's name.
        weights: weights for that landmark: what `read_weights` reads or has read.
        overrides: settings of the network that the weights do not tell, as `name=value`.
        data: pictures whose classes the weights have, in their order, where the weights themselves do not name them.
        device: where to compute.
        offline: never download.

    Raises:
        InputFault: nothing is there, something is damaged, or things do not fit together.
    """
    if weights is not None:
        return _of_weights(str(source), weights, overrides, data, device, offline)
    if overrides:
        raise InputFault(
            f"{printable(overrides[0])} cannot be set: {printable(str(source))} has its settings already",
            expected="settings only with a landmark and --weights",
        )
    if not isinstance(source, Run) and is_exported(source):
        return Trained(str(source), from_pretrained(source, device=device, offline=offline))
    run = catalogue.find_run(source)
    classifier, step, passed_over = load_classifier(run, device)
    record = run.record()
    pictures, seed = record["recipe"].get("pictures"), record.get("seed")
    subset = None if pictures is None or seed is None else (pictures, seed)
    digest = str(record.get("data_digest", ""))
    name = f"the run {run.name}"
    return Trained(name, classifier, record["data"], step, notes=passed_over, subset=subset, digest=digest)


def load_classifier(run: Run, device: str = "auto") -> tuple[Classifier, int, tuple[str, ...]]:
    """The classifier a run has learned so far, the step it is from, and what was wrong with newer checkpoints.

    Raises:
        InputFault: the run is of no known landmark, or none of its checkpoints can be read.
    """
    record: dict[str, Any] = run.record()
    package = table.load(record["landmark"])
    loaded = checkpoint.load(run.checkpoints)
    build = import_module(f"epochal.landmarks.{record['landmark']}.train").classifier
    try:
        recipe = package.RECIPE.parse(record["recipe"])
        classes = tuple(str(name) for name in record["classes"])
        if not classes:
            raise run.damage("it has no classes")
        classifier = build(recipe, classes, loaded.snapshot.under("task"), choose_device(device))
    except Fault:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise InputFault(
            f"the run {printable(run.name)} is damaged: {type(error).__name__} {printable(str(error))}",
            remedy="restore run.json and checkpoints from a copy",
        ) from None
    return classifier, loaded.step, loaded.passed_over


def _of_weights(
    landmark: str,
    source: Source,
    overrides: Sequence[str],
    data: ImageData | None,
    device: str,
    offline: bool,
) -> Trained:
    package = table.load(landmark)
    given = source if isinstance(source, Weights) else read_weights(source, landmark, offline=offline)
    transfer = import_module(f"epochal.landmarks.{landmark}.transfer")
    # What others published of their weights they measured in float32.
    recipe = transfer.own_recipe({"precision": "fp32", **given.settings}).override(list(overrides))
    assert isinstance(recipe, package.RECIPE)
    if given.unplaced:
        raise InputFault(
            f"{printable(given.source)} has a tensor that the layout {given.layout} has no place for: "
            f"{printable(given.unplaced[0])}",
            expected="the weights of one network, and nothing else",
            remedy="in Python, `epochal.load_into(model, weights, partial=True)` leaves out what does not fit",
        )
    with torch.device("meta"):  # nothing is drawn: its last layer is all that is wanted
        layers = transfer.layers(import_module(f"epochal.landmarks.{landmark}.networks").network(recipe, 2))
    classes = _classes(given, layers.outputs(given.tensors), data)
    fitting = given if given.pixels is None else with_pixel_scale(given, landmark, recipe.pixel_scale)
    statistics = _statistics(given, recipe.stored_size, recipe.padding)
    snapshot = Snapshot(fitting.tensors).prefixed("model") | Snapshot(statistics.tensors()).prefixed("statistics")
    build = import_module(f"epochal.landmarks.{landmark}.train").classifier
    try:
        classifier: Classifier = build(recipe, classes, snapshot, choose_device(device))
    except InputFault as fault:
        changed = [name for name, value in recipe.model_dump(mode="json").items() if _tells_other(given, name, value)]
        told = f"leave out --set {changed[0]}: the weights tell it" if changed else fault.remedy
        raise InputFault(fault.what, fault.expected, told) from None
    except Fault:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise InputFault(
            f"{printable(given.source)} does not fit together: {printable(str(error))}",
            remedy="leave out --set, or set what the weights were trained with",
        ) from None
    return Trained(printable(given.source), classifier, account=replace(fitting, notes=()).account(), notes=given.notes)


def _tells_other(weights: Weights, name: str, value: Any) -> bool:
    """True if the weights say of a setting that it is something else."""
    return name in weights.settings and weights.settings[name] != value


def _classes(weights: Weights, outputs: int, data: ImageData | None) -> tuple[str, ...]:
    """The names of the network's classes: its own, or those of the data it is asked about."""
    if weights.classes is not None:
        return weights.classes
    if data is None:
        return tuple(f"class {number}" for number in range(outputs))
    if len(data.classes) != outputs:
        raise InputFault(
            f"{printable(weights.source)} tells {outputs:,} classes apart, and {printable(data.name)} has "
            f"{len(data.classes):,}",
            expected="data with the classes that the weights were trained on, in their order",
            remedy="`epochal finetune` gives weights a new last layer for other classes",
        )
    return data.classes


def _statistics(weights: Weights, stored_size: int, padding: int) -> PixelStatistics:
    """What is subtracted from a picture; the axes of colour are of use in training only."""
    if weights.pixels is None:
        raise InputFault(
            f"{printable(weights.source)} does not say how pictures were prepared for it, nor does its layout",
            expected="a run, what `epochal export` wrote, or weights in a layout of another library",
            remedy="evaluate the run itself, or export it again",
        )
    mean = weights.pixels.mean
    if mean.dim() == 1:
        mean = picture_of(mean, stored_size + 2 * padding, padding)
    return replace(PixelStatistics.nothing(mean.shape[0]), mean=mean)
