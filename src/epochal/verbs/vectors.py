"""Word vectors as they are found: those of a run, or of a file."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path

from epochal import landmarks as table
from epochal.core.fault import Fault, InputFault, printable
from epochal.core.run import Run
from epochal.engine import checkpoint
from epochal.interop.vectors import Vectors
from epochal.interop.vectors_file import read_vectors
from epochal.verbs import catalogue

# What may be said of the device of finished vectors: they are asked and measured on the CPU.
ON_CPU = ("auto", "cpu")


@dataclass(frozen=True)
class Asked:
    """Vectors with where they come from.

    Attributes:
        name: what they are called.
        vectors: the vectors.
        run: the run that learned them, if they are a run's.
        step: how many steps it had learned.
        notes: what a person should know.
    """

    name: str
    vectors: Vectors
    run: Run | None = None
    step: int | None = None
    notes: tuple[str, ...] = ()


def find_vectors(source: Run | Path | str) -> Asked | None:
    """The vectors of a run whose landmark learns them, or of a file; None for a run of another kind, or a folder.

    Raises:
        InputFault: there is no such run, or the file or the checkpoint cannot be read.
    """
    if isinstance(source, Run) or not os.path.isfile(source):
        return None if _is_elsewhere(source) else _of_run(catalogue.find_run(source))
    vectors = read_vectors(Path(source))
    return Asked(printable(str(source)), vectors, notes=vectors.notes)


def _is_elsewhere(source: Run | Path | str) -> bool:
    """True for what is no run here: an exported folder, one of the Hub, a landmark's name."""
    if isinstance(source, Run) or str(source) == "latest":
        return False
    inside = catalogue.runs_folder() / source
    return not any(os.path.isfile(Path(folder) / "run.json") for folder in (source, inside))


def _of_run(run: Run) -> Asked | None:
    record = run.record()
    package = table.load(record["landmark"])
    if package.CARD.gives != "word vectors":
        return None
    module = import_module(f"epochal.landmarks.{record['landmark']}.train")
    loaded = checkpoint.load(run.checkpoints)
    try:
        vectors: Vectors = module.vectors(package.RECIPE.parse(record["recipe"]), loaded.snapshot.under("task"))
    except Fault:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise InputFault(
            f"the run {printable(run.name)} is damaged: {type(error).__name__} {printable(str(error))}",
            remedy="restore run.json and checkpoints from a copy",
        ) from None
    return Asked(f"the run {run.name}", replace(vectors, name=run.name), run, loaded.step, loaded.passed_over)


def load_vectors(source: Run | Path | str) -> Vectors:
    """Word vectors: a matrix, a vocabulary, and `embedding()`, a layer of torch.

    Args:
        source: a run (its path, its name in the runs folder, `latest`), or a file: word2vec's text or .bin, GloVe's
            text, or what `epochal export --format safetensors` wrote.

    Raises:
        InputFault: there are no word vectors.
    """
    asked = find_vectors(source)
    if asked is None:
        raise InputFault(
            f"{printable(str(source))} has no word vectors",
            expected="a run of a landmark that learns them, such as word2vec, or a file of vectors",
        )
    return asked.vectors


def refuse_options(asked: Asked, options: dict[str, bool]) -> None:
    """Refuse options that say nothing of word vectors, rather than pass them over.

    Args:
        asked: the vectors.
        options: each option's name, and whether it was given.

    Raises:
        InputFault: one was given.
    """
    for name, is_given in options.items():
        if is_given:
            raise InputFault(
                f"{name} says nothing of word vectors, which {asked.name} has",
                expected=f"no {name}: it is for networks that tell pictures apart",
            )
