"""What can be seen in word vectors: where words lie, whether pairs are parallel, how alike they are, the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.interop.vectors import Vectors
from epochal.landmarks.word2vec.groups import in_turn, like_words, nearest_words
from epochal.landmarks.word2vec.recipe import Word2VecRecipe
from epochal.measure.plane import laid_out
from epochal.view.sheet import notice
from epochal.view.words import loss_curves, similarity_matrix, word_map, word_pairs

VIEWS = {
    "map": "words in the plane of their two principal components",
    "neighbours": "groups of like words, or your own and their neighbours, laid out so that like words meet (t-SNE)",
    "parallelogram": "pairs of words, such as countries and capitals (P2 Figure 2), as arrows in the plane",
    "similarity": "how alike words are, each with each",
    "curves": "the loss on the text and on what was held out",
}
OF_A_LAYER: tuple[str, ...] = ()
OF_PICTURES: tuple[str, ...] = ()
OF_WORDS = ("map", "neighbours", "parallelogram", "similarity")

# Figure 2 of the second paper: countries and their capitals.
CAPITALS = (
    "china", "beijing", "russia", "moscow", "japan", "tokyo", "turkey", "ankara", "poland", "warsaw", "germany",
    "berlin", "france", "paris", "italy", "rome", "greece", "athens", "spain", "madrid", "portugal", "lisbon",
)  # fmt: skip
# How many groups of how many words each view shows where no words are asked for.
_ON_MAP, _AS_NEIGHBOURS, _IN_MATRIX = (9, 8), (12, 9), (6, 3)
_MOST_IN_MATRIX = 60  # more would not be read
_LIKE = "Each colour: a group of frequent words that are unusually alike. "
_ASKED = "Each colour: a word that was asked for and those most like it. "
_UNNAMED = "A point without a name had no room for it."


@dataclass(frozen=True)
class Scene:
    """What the views look at.

    Attributes:
        vectors: the vectors.
        words: the words asked for; empty: the view's own.
    """

    vectors: Vectors
    words: tuple[str, ...] = ()


def scene(trained: Vectors, words: Sequence[str] = ()) -> Scene:
    """What the views look at.

    Raises:
        InputFault: one of the words has no vector.
    """
    return Scene(trained, tuple(trained.words[trained.place(word)] for word in words))


def shown(scene: Scene) -> tuple[str, ...]:
    """The views that there are: all, but for pairs where the words that were asked for are none."""
    return tuple(view for view in VIEWS if view != "parallelogram" or len(scene.words) % 2 == 0)


def look(
    view: str, scene: Scene, recipe: Word2VecRecipe | None, metrics: list[dict[str, Any]], layer: str | None = None
) -> Figure:
    """One view of word vectors.

    Args:
        view: a name in `VIEWS`.
        scene: the vectors and the words asked for.
        recipe: how they were trained; None: nobody here knows.
        metrics: the rows of the run's log.
        layer: of no use here.

    Raises:
        InputFault: the view cannot show so many words.
    """
    vectors = scene.vectors
    size = f"{len(vectors):,} words, {vectors.matrix.shape[1]:,} dimensions"
    size += f", {recipe.architecture}, {recipe.objective}" if recipe else ""
    match view:
        case "map":
            words, groups = (scene.words, ()) if scene.words else in_turn(like_words(vectors, *_ON_MAP))
            places, share = _principal(vectors, words)
            told = f"Two principal components of these words, {share:.0%} of their variance. "
            told += f"{'' if scene.words else _LIKE}{_UNNAMED}"
            return word_map(places, words, "Words in the plane", size, told, groups)
        case "neighbours":
            words, groups = in_turn(nearest_words(vectors, scene.words) or like_words(vectors, *_AS_NEIGHBOURS))
            places = laid_out(_rows(vectors, words)).astype(np.float64)
            told = "t-SNE keeps neighbours together; distances between groups mean little. "
            told += f"{_ASKED if scene.words else _LIKE}{_UNNAMED}"
            return word_map(places, words, "Like words together", size, told, groups)
        case "parallelogram":
            words = scene.words or _known_pairs(vectors)
            if len(words) < 4 and not scene.words:
                why = "The text knows no countries with their capitals; name pairs of your own with --word."
                return notice("The same relation, the same direction?", why)
            places, share = _principal(vectors, words)
            told = f"Two principal components of these words, {share:.0%} of their variance: what is parallel here "
            told += "need not be in all dimensions. Arrows go from the first word of a pair to the second."
            return word_pairs(places, words, "The same relation, the same direction?", size, told)
        case "similarity":
            words = scene.words or in_turn(like_words(vectors, *_IN_MATRIX))[0]
            if len(words) > _MOST_IN_MATRIX:
                raise InputFault(
                    f"{len(words):,} words, each with each",
                    expected=f"at most {_MOST_IN_MATRIX}, so that they are read",
                )
            rows = _rows(vectors, words)
            return similarity_matrix(rows @ rows.T, words, "How alike words are", size, "Cosines of their vectors.")
        case _:
            told = "The loss of a step is measured before the changes that the step makes."
            return loss_curves(metrics, "The loss of a predicted word", told)


def _rows(vectors: Vectors, words: Sequence[str]) -> np.ndarray:
    return vectors.unit[[vectors.place(word) for word in words]]


def _known_pairs(vectors: Vectors) -> tuple[str, ...]:
    """The paper's pairs that are known here."""
    pairs = [CAPITALS[place : place + 2] for place in range(0, len(CAPITALS), 2)]
    return tuple(word for pair in pairs if all(word in vectors for word in pair) for word in pair)


def _principal(vectors: Vectors, words: Sequence[str]) -> tuple[np.ndarray, float]:
    """The words' places in the plane in which they differ most, and which share of their variance it holds."""
    rows = _rows(vectors, words).astype(np.float64)
    centred = rows - rows.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    places = np.zeros((len(words), 2))
    places[:, : min(2, len(sizes))] = (left * sizes)[:, :2]
    return places, float((sizes[:2] ** 2).sum() / max((sizes**2).sum(), 1e-12))
