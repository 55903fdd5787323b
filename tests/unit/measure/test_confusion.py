"""Confusions against scikit-learn's."""

import numpy as np
import torch
from sklearn import metrics

from epochal.measure.accuracy import confusion
from epochal.measure.confusion import Pair, most_confused, recalls


def some() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 7, 500)
    said = np.where(rng.random(500) < 0.6, truth, rng.integers(0, 7, 500))
    return truth, said


def test_the_table_and_the_recalls_are_those_of_scikit_learn() -> None:
    truth, said = some()
    counts = confusion(torch.from_numpy(said), torch.from_numpy(truth), 7).numpy()
    assert (counts == metrics.confusion_matrix(truth, said)).all()
    assert np.allclose(recalls(counts), metrics.recall_score(truth, said, average=None))
    assert np.trace(counts) / counts.sum() == metrics.accuracy_score(truth, said)


def test_a_class_without_pictures_has_no_recall() -> None:
    found = recalls(np.array([[3, 1, 0], [0, 0, 0], [0, 0, 2]]))
    assert found[0] == 0.75
    assert np.isnan(found[1])
    assert found[2] == 1.0


def test_the_pairs_are_the_largest_counts_beside_the_diagonal() -> None:
    truth, said = some()
    counts = metrics.confusion_matrix(truth, said)
    before = counts.copy()
    pairs = most_confused(counts, 5)
    assert (counts == before).all()
    beside = sorted(counts[~np.eye(7, dtype=bool)].tolist(), reverse=True)
    assert [pair.count for pair in pairs] == beside[:5]
    for pair in pairs:
        assert pair.truth != pair.said
        assert counts[pair.truth, pair.said] == pair.count
        assert pair.share == pair.count / (truth == pair.truth).sum()


def test_pairs_that_never_occur_are_not_named() -> None:
    assert most_confused(np.array([[5, 1], [0, 4]]), 20) == [Pair(0, 1, 1, 1 / 6)]
    assert most_confused(np.diag([2, 3, 0]), 20) == []
