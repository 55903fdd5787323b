"""Which words a picture of word vectors shows where none are asked for."""

from __future__ import annotations

import numpy as np
import pytest

import epochal
from epochal.core.fault import InputFault
from epochal.interop.vectors import Vectors
from epochal.landmarks.word2vec.groups import in_turn, like_words, nearest_words
from epochal.landmarks.word2vec.look import look, scene


def clustered(clusters: int, each: int, others: int) -> Vectors:
    """Words that lie anywhere, of which some are the most frequent, mixed with clusters around one direction each."""
    random = np.random.default_rng(0)
    centres = np.repeat(np.eye(clusters, 40), each, 0)
    rows = np.concatenate([centres + 0.03 * random.normal(size=centres.shape), random.normal(size=(others, 40))])
    names = [f"c{number // each}x{number % each}" for number in range(clusters * each)]
    names += [f"other{number}" for number in range(others)]
    order = np.concatenate([len(names) - 1 - np.arange(10), random.permutation(len(names) - 10)])
    return Vectors(tuple(names[place] for place in order), rows[order].astype(np.float32))


def test_the_tight_groups_are_found_and_share_no_word() -> None:
    groups = like_words(clustered(clusters=5, each=6, others=90), groups=5, members=6)
    assert {frozenset(word.split("x")[0] for word in group) for group in groups} == {
        frozenset({f"c{number}"}) for number in range(5)
    }
    words, of = in_turn(groups)
    assert len(set(words)) == len(words) == 30
    assert list(of) == sorted(of)


def test_the_plainest_words_are_passed_over_where_there_are_enough() -> None:
    random = np.random.default_rng(1)
    names = ("</s>", *(f"word{number:04}" for number in range(3000)))
    vectors = Vectors(names, random.normal(size=(3001, 8)).astype(np.float32))
    shown = {word for group in like_words(vectors, 9, 8) for word in group}
    assert min(shown) >= "word0099"
    assert max(shown) < "word2101"


def test_a_small_vocabulary_gives_fewer_groups_and_at_least_one() -> None:
    for words in (1, 2, 7, 20):
        vectors = Vectors(tuple(f"w{number}" for number in range(words)), np.eye(words, 20, dtype=np.float32) + 0.1)
        groups = like_words(vectors, groups=6, members=3)
        assert 1 <= len(groups) <= 6
        assert all(1 <= len(group) <= 3 for group in groups)


def test_a_word_comes_first_among_those_most_like_it() -> None:
    vectors = clustered(clusters=3, each=5, others=20)
    near, far = nearest_words(vectors, ("c1x0", "c2x4"), most=4)
    assert near[0] == "c1x0"
    assert set(near) == {f"c1x{number}" for number in range(5)}
    assert set(far) == {f"c2x{number}" for number in range(5)}
    assert in_turn([("a", "b"), ("b", "c")]) == (("a", "b", "c"), (0, 0, 1))


def test_more_words_than_can_be_read_in_a_matrix_are_refused() -> None:
    vectors = clustered(clusters=5, each=6, others=90)
    recipe = epochal.recipe("word2vec")
    assert look("similarity", scene(vectors, vectors.words[:60]), recipe, []).axes
    with pytest.raises(InputFault, match="61 words"):
        look("similarity", scene(vectors, vectors.words[:61]), recipe, [])
