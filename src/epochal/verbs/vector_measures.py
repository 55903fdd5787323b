"""What word vectors are worth: on analogies, on judged pairs, and by a run's own held-out loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epochal.core.fault import InputFault, printable
from epochal.core.run import Run
from epochal.data.word_eval import pair_files, question_files
from epochal.engine import checkpoint
from epochal.engine.device import choose_device
from epochal.engine.group import ALONE
from epochal.measure.analogies import METHODS, RESTRICT, Answered, answer, read_questions, totals
from epochal.measure.similarity import correlate, read_pairs
from epochal.verbs.launch import build_task, opener
from epochal.verbs.vectors import Asked


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
    found: dict[str, Any] = {
        "run": asked.name, "gives": "word vectors", "step": asked.step, "words": len(asked.vectors)
    }  # fmt: skip
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
        unit = vectors.unit_rows(RESTRICT)
        for method in METHODS:
            answered = answer(unit, vectors.words, sections, method=method)
            found[method] = _by_name([*totals(answered), *answered])
    judged = [read_pairs(path) for path in pair_files(pairs)]
    if judged:
        correlated = [correlate(vectors.matrix, vectors.words, one) for one in judged]
        found["pairs"] = {
            name: {
                "spearman": None if math.isnan(one.spearman) else one.spearman,
                "seen": one.seen,
                "total": one.total,
            }
            for name, one in zip(_apart([one.name for one in correlated]), correlated, strict=True)
        }
    return {**found, "account": [], "notes": list(asked.notes)}


def _by_name(answered: Sequence[Answered]) -> dict[str, dict[str, Any]]:
    return {name: _row(one) for name, one in zip(_apart([one.name for one in answered]), answered, strict=True)}


def _apart(names: Sequence[str]) -> list[str]:
    """The names, numbered where one comes again: a section may be called `all`, and two files may name theirs alike."""
    found: dict[str, None] = {}
    for name in names:
        number, told = 1, name
        while told in found:
            number += 1
            told = f"{name} ({number})"
        found[told] = None
    return list(found)


def _row(one: Answered) -> dict[str, Any]:
    return {
        "accuracy": one.accuracy if one.seen else None,
        "right": one.right,
        "seen": one.seen,
        "total": one.total,
        "kind": one.kind,
    }


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
    task = build_task(record, data, choose_device("cpu"), None, ALONE)
    task.restore(checkpoint.load(run.checkpoints).snapshot.under("task"))
    metrics: dict[str, float] = task.evaluate()
    return metrics
