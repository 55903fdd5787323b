"""Samples laid out in a plane: neighbours stay neighbours, and the plane is the same each time."""

import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.measure.plane import LEAST, laid_out


def clusters(count: int, numbers: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 4
    centres = 6 * rng.normal(size=(4, numbers))
    return (centres[labels] + rng.normal(size=(count, numbers))).astype(np.float32), labels


def test_the_same_samples_give_the_same_plane() -> None:
    samples, _ = clusters(120)
    before = np.random.get_state()[1].copy()
    first, second = laid_out(samples), laid_out(samples)
    assert first.dtype == np.float32
    assert first.tobytes() == second.tobytes()
    assert (np.random.get_state()[1] == before).all(), "the global generator is not used"


def test_samples_of_a_cluster_lie_together() -> None:
    samples, labels = clusters(120)
    places = laid_out(samples)
    away = ((places[:, None] - places) ** 2).sum(-1)
    np.fill_diagonal(away, np.inf)
    assert (labels[away.argmin(1)] == labels).all()


@pytest.mark.parametrize("count", [1, 2, 3, LEAST - 1, LEAST, LEAST + 1])
def test_few_samples_are_laid_out_too(count: int) -> None:
    places = laid_out(clusters(count)[0])
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


@pytest.mark.parametrize("numbers", [1, 2, 3])
def test_few_numbers_are_laid_out_too(numbers: int) -> None:
    samples = np.random.default_rng(0).normal(size=(30, numbers)).astype(np.float32)
    assert np.isfinite(laid_out(samples)).all()


def test_samples_that_are_all_the_same_lie_in_one_place() -> None:
    assert (laid_out(np.full((40, 6), 3.0, dtype=np.float32)) == 0).all()


def test_what_cannot_be_laid_out_is_refused() -> None:
    with pytest.raises(InputFault):
        laid_out(np.zeros((0, 3), dtype=np.float32))
    with pytest.raises(InputFault, match="laid out"):
        laid_out(np.array([[0.0, np.nan]] * 30, dtype=np.float32))
