"""A run's trained network, from its newest good checkpoint."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from epochal import landmarks as table
from epochal.core.fault import Fault, InputFault, printable
from epochal.core.run import Run
from epochal.engine import checkpoint
from epochal.engine.classifier import Classifier
from epochal.engine.device import choose_device


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
