"""What can be measured of word vectors for a claim, by name: analogies, as the papers judge them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from epochal.data.word_eval import NAMED, question_files
from epochal.landmarks.word2vec.claims import ANALOGIES, SEMANTIC, SYNTACTIC
from epochal.landmarks.word2vec.look import Scene
from epochal.landmarks.word2vec.recipe import Word2VecRecipe
from epochal.measure.analogies import RESTRICT, answer, read_questions, totals

Metrics = list[dict[str, Any]]


def _wrong(kind: str, scene: Scene, recipe: Word2VecRecipe, metrics: Metrics) -> float:
    """The share of the first paper's questions answered wrong: 3CosAdd, word2vec.c's conventions."""
    sections = [section for path in question_files([NAMED]) for section in read_questions(path)]
    answered = answer(scene.vectors.unit_rows(RESTRICT), scene.vectors.words, sections)
    total = next(one for one in totals(answered) if one.name == kind)
    return 100.0 * (1.0 - total.accuracy)


FUNCTIONS: dict[str, Callable[[Scene, Word2VecRecipe, Metrics], float]] = {
    ANALOGIES: partial(_wrong, "all"),
    SEMANTIC: partial(_wrong, "semantic"),
    SYNTACTIC: partial(_wrong, "syntactic"),
}
