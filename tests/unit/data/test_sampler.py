from __future__ import annotations

import pytest
import torch

from epochal.data.sampler import WHOLE, Plan, Share


def test_an_epoch_takes_every_sample_once_but_for_an_incomplete_batch() -> None:
    plan = Plan(103, 10, seed=4)
    assert plan.steps_per_epoch == 10
    taken = torch.cat([index for _, index in plan.steps(0, 10)])
    assert len(taken) == len(set(taken.tolist())) == 100


def test_epochs_and_seeds_have_orders_of_their_own() -> None:
    assert not torch.equal(Plan(50, 5, 0).order(0), Plan(50, 5, 0).order(1))
    assert not torch.equal(Plan(50, 5, 0).order(0), Plan(50, 5, 1).order(0))
    assert torch.equal(Plan(50, 5, 0).order(7), Plan(50, 5, 0).order(7))


def test_any_step_is_found_without_the_steps_before_it() -> None:
    plan = Plan(103, 10, seed=4)
    whole = list(plan.steps(0, 35))
    for start in (0, 1, 9, 10, 11, 34):
        (epoch, index) = next(plan.steps(start, 35))
        assert epoch == whole[start][0] == start // 10
        assert torch.equal(index, whole[start][1])


def test_a_set_smaller_than_a_batch_is_taken_whole() -> None:
    plan = Plan(3, 10, seed=0)
    assert [sorted(index.tolist()) for _, index in plan.steps(0, 2)] == [[0, 1, 2], [0, 1, 2]]


def test_the_global_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    Plan(50, 5, 0).order(0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("samples", "processes"), [(48, 2), (47, 3), (3, 3), (10, 1)])
def test_the_shares_together_are_all_samples_in_their_order(samples: int, processes: int) -> None:
    order = torch.randperm(samples)
    shares = [Share(number, processes) for number in range(processes)]
    parts = [share.part(order) for share in shares]
    assert torch.equal(torch.cat(parts), order)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert torch.equal(WHOLE.part(order), order)


def test_a_share_can_have_the_sample_before_it_too() -> None:
    order = torch.arange(7)
    parts = [Share(number, 3).part(order, before=1).tolist() for number in range(3)]
    assert parts == [[6, 0, 1], [1, 2, 3], [3, 4, 5, 6]]
