from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from epochal.data.keyed import mixed_seed, normal, uniform

INDEX = torch.arange(50_000)


@given(some.integers(-(2**70), 2**70), some.integers(-1, 10**9), some.integers(0, 49_000))
def test_a_samples_numbers_do_not_depend_on_its_batch(seed: int, epoch: int, start: int) -> None:
    alone = uniform(seed, epoch, INDEX[start : start + 1], 3)
    among = uniform(seed, epoch, INDEX[start : start + 100].flip(0), 3)
    assert torch.equal(alone[0], among[-1])
    assert ((alone >= 0) & (alone < 1)).all()


def test_uniform_numbers_are_uniform_and_independent() -> None:
    draws = uniform(0, 0, INDEX, 4)
    for column in draws.T:
        counts = torch.histc(column, 50, 0, 1)
        assert ((counts - 1000).square() / 1000).sum() < 90, "chi-square, 49 degrees of freedom"
    assert np.abs(np.corrcoef(draws.T.numpy()) - np.eye(4)).max() < 0.015
    neighbours = torch.stack([draws[:-1, 0], draws[1:, 0]])
    assert abs(float(torch.corrcoef(neighbours)[0, 1])) < 0.015


@pytest.mark.parametrize("change", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_seed_epoch_and_purpose_each_change_everything(change: tuple[int, int, int]) -> None:
    seed, epoch, purpose = change
    a, b = uniform(0, 0, INDEX, 1), uniform(seed, epoch, INDEX, 1, purpose)
    assert (a == b).sum() == 0
    assert abs(float(torch.corrcoef(torch.cat([a, b], 1).T)[0, 1])) < 0.015


def test_normal_numbers_are_normal() -> None:
    draws = normal(3, 1, INDEX, 2)
    assert draws.mean().abs() < 0.01
    assert (draws.std() - 1).abs() < 0.01
    assert (draws.pow(4).mean() - 3).abs() < 0.1
    assert torch.isfinite(draws).all()


def test_mixed_seeds_differ_by_order_and_fit_a_generator() -> None:
    seeds = {mixed_seed(a, b) for a in range(30) for b in range(30)}
    assert len(seeds) == 900
    assert all(0 <= seed < 2**63 for seed in seeds)
