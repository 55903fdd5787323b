"""Word vectors that can be asked: a run's, or a file's; measured by analogies and by word pairs."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from epochal import landmarks as table
from epochal.core.fault import Fault, InputFault, printable
from epochal.core.run import Run
from epochal.data.word_eval import pair_files, question_files
from epochal.engine import checkpoint
from epochal.engine.device import choose_device
from epochal.interop.vectors import Vectors
from epochal.interop.vectors_file import read_vectors
from epochal.measure.analogies import METHODS, RESTRICT, Answered, answer, nearest, read_questions, totals
from epochal.measure.similarity import correlate, read_pairs
from epochal.verbs import catalogue
from epochal.verbs.launch import build_task, opener


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
    return Asked(printable(str(source)), read_vectors(Path(source)))


def _is_elsewhere(source: Run | Path | str) -> bool:
    """True for what is no run here: an exported folder, one of the Hub, a landmark's name."""
    if isinstance(source, Run) or str(source) == "latest":
        return False
    inside = catalogue.runs_folder() / source
    return not any(os.path.isfile(Path(folder) / "run.json") for folder in (source, inside))


def _of_run(run: Run) -> Asked | None:
    record = run.record()
    package = table.load(record["landmark"])
    module = import_module(f"epochal.landmarks.{record['landmark']}.train")
    if not hasattr(module, "vectors"):
        return None
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


def evaluate_vectors(
    asked: Asked, analogies: Sequence[Path | str] = (), pairs: Sequence[Path | str] = (), *, offline: bool = False
) -> dict[str, Any]:
    """What vectors are worth: on questions and on pairs; without any, a run's own held-out loss.

    Args:
        asked: the vectors.
        analogies: files like questions-words.txt, or `word-eval` for that one.
        pairs: files of pairs with judgements, or `word-eval` for all that are there.
        offline: never download.

    Raises:
        InputFault: a file cannot be read, or there is nothing to measure by.
    """
    found: dict[str, Any] = {"run": asked.name, "step": asked.step, "words": len(asked.vectors)}
    if not analogies and not pairs:
        if asked.run is None:
            raise InputFault(
                f"{asked.name} says nothing of what it learned from",
                expected="something to measure by: --analogies FILE, --pairs FILE",
            )
        found |= _own_measure(asked.run, offline)
    sections = [section for path in question_files(analogies) for section in read_questions(path)]
    vectors = asked.vectors
    if sections:
        found["restrict"] = RESTRICT
        for method in METHODS:
            answered = answer(vectors.unit, vectors.words, sections, method=method)
            found[method] = {one.name: _row(one) for one in (*totals(answered), *answered)}
    judged = [read_pairs(path) for path in pair_files(pairs)]
    if judged:
        correlated = [correlate(vectors.unit, vectors.words, one) for one in judged]
        found["pairs"] = {
            one.name: {
                "spearman": None if math.isnan(one.spearman) else one.spearman,
                "seen": one.seen,
                "total": one.total,
            }
            for one in correlated
        }
    return {**found, "account": [], "notes": list(asked.notes)}


def _row(one: Answered) -> dict[str, Any]:
    return {"accuracy": one.accuracy, "right": one.right, "seen": one.seen, "total": one.total, "kind": one.kind}


def _own_measure(run: Run, offline: bool) -> dict[str, float]:
    """What the training itself measures, on the state of its newest good checkpoint."""
    record = run.record()
    data = opener(record["landmark"])(record["data"], offline=offline)
    if data.digest != record["data_digest"]:
        raise InputFault(
            f"the data {printable(record['data'])} is not what the run {run.name} learned from",
            expected=f"content with the digest {record['data_digest'][:16]}...",
            remedy="put it back, or measure by --analogies and --pairs, which need no text",
        )
    from epochal.engine.group import ALONE

    task = build_task(record, data, choose_device("cpu"), None, ALONE)
    task.restore(checkpoint.load(run.checkpoints).snapshot.under("task"))
    metrics: dict[str, float] = task.evaluate()
    return metrics


def neighbours(
    vectors: Vectors, expression: str, *, top: int = 5, include_inputs: bool = False
) -> tuple[tuple[str, float], ...]:
    """The words nearest to a sum of words such as `king - man + woman`, with their cosines.

    Args:
        vectors: the vectors.
        expression: words with + and - between them, set off by spaces.
        top: how many words.
        include_inputs: let the words of the expression be answers: without this, what is left out often wins.

    Raises:
        InputFault: the expression is none, or a word has no vector.
    """
    terms = _terms(expression)
    places = [vectors.place(word) for word, _ in terms]
    query = sum(sign * vectors.unit[place] for place, (_, sign) in zip(places, terms, strict=True))
    best = nearest(vectors.unit, query, top, () if include_inputs else places)
    return tuple((vectors.words[place], cosine) for place, cosine in best)


def _terms(expression: str) -> list[tuple[str, int]]:
    terms: list[tuple[str, int]] = []
    sign: int | None = 1
    for token in re.split(r"\s+", expression.strip()):
        if token in ("+", "-"):
            if sign is not None and terms:
                break
            sign = 1 if token == "+" else -1
        elif sign is None or not token:
            break
        else:
            terms.append((token, sign))
            sign = None
    else:
        if terms and sign is None:
            return terms
    raise InputFault(
        f"{printable(expression)!r} is no sum of words",
        expected='a word, or words with + and - between them, set off by spaces: "king - man + woman"',
    )
