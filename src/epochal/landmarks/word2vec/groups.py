"""Groups of like words: those most like given ones; or, where none are given, frequent words unusually alike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from epochal.interop.vectors import Vectors
from epochal.measure.analogies import nearest

# Groups are looked for among so many of the most frequent words. The very first say little and are passed over: so
# many, or that part of few.
_FREQUENT, _PLAIN, _PART = 2000, 100, 20
# So many times a group's number of words around it are kept out of the others, so that these are of other things.
_APART = 4


def like_words(vectors: Vectors, groups: int, members: int) -> list[tuple[str, ...]]:
    """Groups of words that are more like each other than other words are, the tightest group first.

    A group is a word and the words most like it, among the frequent ones; its tightness is their mean cosine. No word
    is in two groups. A small vocabulary gives fewer groups, at the least one.
    """
    words = _frequent(vectors)
    members = max(1, min(members, len(words)))
    rows = vectors.unit[[vectors.place(word) for word in words]]
    cosines = rows @ rows.T
    order = np.argsort(-cosines, axis=1, kind="stable")
    tightness = np.take_along_axis(cosines, order[:, 1:members], axis=1).mean(1) if members > 1 else cosines[:, 0]
    found: list[tuple[str, ...]] = []
    used: set[int] = set()
    for seed in np.argsort(-tightness, kind="stable").tolist():
        group = order[seed, :members].tolist()
        if used.isdisjoint(group):
            found.append(tuple(words[place] for place in group))
            used.update(order[seed, : _APART * members].tolist())
        if len(found) == groups:
            break
    return found


def nearest_words(vectors: Vectors, words: Sequence[str], most: int = 12) -> list[tuple[str, ...]]:
    """For each word a group: itself and the words most like it, at most so many.

    Raises:
        InputFault: a word has no vector, or one of zeros.
    """
    rows = (vectors.unit[vectors.place(word)] for word in words)
    return [tuple(vectors.words[place] for place, _ in nearest(vectors.unit, row, most + 1)) for row in rows]


def in_turn(groups: Sequence[Sequence[str]]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The words of all groups, each once, and of which group each is: of several, the first."""
    group_of: dict[str, int] = {}
    for number, group in enumerate(groups):
        for word in group:
            group_of.setdefault(word, number)
    return tuple(group_of), tuple(group_of.values())


def _frequent(vectors: Vectors) -> tuple[str, ...]:
    first = min(_PLAIN, len(vectors) // _PART)
    told = tuple(word for word in vectors.words[first : first + _FREQUENT] if len(word) > 1 and word != "</s>")
    return told or vectors.words
