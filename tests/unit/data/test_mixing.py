"""Mixed pictures, against the papers' formulas by hand."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
import torch
from tests.tiny import TINY

from epochal.data.digits import read_digits
from epochal.data.mixing import UNMIXED, Mixing
from epochal.engine.supervised import Supervised
from epochal.landmarks.alexnet.train import task

SIDE = 16


def flat_pictures(count: int = 5) -> torch.Tensor:
    """Picture i is i + 1 everywhere, in the memory layout in which the feed gives them."""
    numbers = torch.arange(count)[:, None, None, None] + 1.0
    return numbers.expand(count, SIDE, SIDE, 3).contiguous().permute(0, 3, 1, 2)


def shares(mixing: Mixing, steps: int) -> np.ndarray:
    images, labels = flat_pictures(2), torch.arange(2)
    return np.array([mixing(images, labels, seed=3, step=step)[2] for step in range(steps)])


def is_pasted(images: torch.Tensor) -> bool:
    """True if every pixel comes from one picture alone, as CutMix leaves them."""
    return bool((images == images.round()).all())


def test_mixup_is_the_weighted_mean_with_the_picture_before() -> None:
    images, labels = torch.randn(4, 3, SIDE, SIDE), torch.tensor([3, 1, 2, 0])
    mixed, others, share = Mixing(mixup=0.4)(images, labels, seed=1, step=2)
    assert 0 < share < 1
    for place, before in enumerate((3, 0, 1, 2)):
        torch.testing.assert_close(mixed[place], share * images[place] + (1 - share) * images[before])
        assert others[place] == labels[before]


def test_cutmix_pastes_one_window_and_counts_the_area_that_was_exchanged() -> None:
    images, labels = flat_pictures(), torch.arange(5)
    seen = set()
    for step in range(200):
        mixed, others, share = Mixing(cutmix=1.0)(images, labels, seed=1, step=step)
        foreign = mixed[:, 0] != images[:, 0]
        assert torch.equal(foreign, foreign[:1].expand_as(foreign)), "the same window in every picture"
        assert torch.equal(mixed[:, 0], mixed[:, 1])
        assert torch.equal(mixed, torch.where(foreign[:, None], images.roll(1, 0), images))
        assert share == pytest.approx(1 - foreign[0].float().mean().item(), abs=1e-12)
        assert others.tolist() == [4, 0, 1, 2, 3]
        rows, columns = foreign[0].any(1), foreign[0].any(0)
        assert foreign[0].sum() == rows.sum() * columns.sum(), "a rectangle"
        assert torch.equal(rows, _run(rows)), "without gaps"
        seen.add((int(rows.sum()), int(columns.sum())))
    assert any(height != width for height, width in seen), "some windows hang over the edge"
    assert len(seen) > 20


def _run(flags: torch.Tensor) -> torch.Tensor:
    """The flags with everything between the first and the last set."""
    places = flags.nonzero().flatten()
    filled = torch.zeros_like(flags)
    if len(places):
        filled[places[0] : places[-1] + 1] = True
    return filled


def test_a_window_reaches_every_corner() -> None:
    images, labels = flat_pictures(2), torch.arange(2)
    pasted = torch.zeros(SIDE, SIDE)
    for step in range(300):
        pasted += Mixing(cutmix=1.0)(images, labels, seed=1, step=step)[0][0, 0] != 1
    assert pasted.min() > 20
    middle, corner = pasted[7:9, 7:9].mean(), pasted[[0, 0, -1, -1], [0, -1, 0, -1]].mean()
    assert middle > 1.5 * corner, "the middle is covered more often than the corners"


def test_the_batch_that_comes_in_is_left_alone() -> None:
    for mixing in (Mixing(mixup=1.0), Mixing(cutmix=1.0)):
        images, labels = flat_pictures(), torch.arange(5)
        mixing(images, labels, seed=0, step=0)
        assert torch.equal(images, flat_pictures())
        assert torch.equal(labels, torch.arange(5))


def test_mixing_is_a_function_of_seed_and_step_alone() -> None:
    images, labels = torch.randn(4, 3, SIDE, SIDE), torch.arange(4)
    mixing = Mixing(mixup=1.0, cutmix=1.0)
    first = mixing(images, labels, seed=5, step=9)
    np.random.seed(1)
    torch.manual_seed(1)
    again = mixing(images, labels, seed=5, step=9)
    assert torch.equal(first[0], again[0])
    assert first[2] == again[2]
    assert first[2] not in (mixing(images, labels, seed=5, step=10)[2], mixing(images, labels, seed=6, step=9)[2])


def test_with_both_kinds_each_batch_takes_one_of_them_about_equally_often() -> None:
    images, labels = flat_pictures(), torch.arange(5)
    mixing = Mixing(mixup=1.0, cutmix=1.0)
    pasted = sum(is_pasted(mixing(images, labels, seed=2, step=step)[0]) for step in range(500))
    assert 205 < pasted < 295  # a standard deviation of 11
    for alone, expected in ((Mixing(mixup=1.0), False), (Mixing(cutmix=1.0), True)):
        assert all(is_pasted(alone(images, labels, seed=2, step=step)[0]) == expected for step in range(20))


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_the_proportion_of_mixup_has_the_mean_and_variance_of_a_beta_distribution(alpha: float) -> None:
    found = shares(Mixing(mixup=alpha), 1500)
    variance = 1 / (4 * (2 * alpha + 1))
    assert found.mean() == pytest.approx(0.5, abs=4 * (variance / 1500) ** 0.5)
    assert found.var() == pytest.approx(variance, rel=0.15)
    assert ((found >= 0) & (found <= 1)).all()


def test_the_area_cutmix_leaves_follows_its_proportion_as_far_as_the_edges_let_it() -> None:
    """With an even distribution of the proportion, windows cut off by the edge leave more than half."""
    found = shares(Mixing(cutmix=1.0), 500)
    assert 0.5 < found.mean() < 0.8
    assert found.min() < 0.3


def test_the_smallest_parameter_that_can_be_set_gives_shares_and_no_nan() -> None:
    for alpha in (1e-300, 1e-8, 1e-3, 100.0):
        for mixing in (Mixing(mixup=alpha), Mixing(cutmix=alpha)):
            found = shares(mixing, 50)
            assert np.isfinite(found).all(), alpha
            assert ((found >= 0) & (found <= 1)).all()


def test_off_is_off() -> None:
    assert not UNMIXED
    assert not Mixing()
    assert Mixing(mixup=0.1)
    assert Mixing(cutmix=0.1)


def tiny(**changes: object) -> Supervised:
    return task(TINY.replace(**changes), read_digits(), seed=1, device=torch.device("cpu"))


def test_without_mixing_the_batches_are_what_they_were() -> None:
    (plain,), (mixed,) = (list(islice(one.batches(7), 1)) for one in (tiny(), tiny(mixup=0.5)))
    assert plain.mixed_in is None
    assert plain.share == 1.0
    assert torch.equal(mixed.labels, plain.labels)
    assert torch.equal(mixed.index, plain.index)
    expected = Mixing(mixup=0.5)(plain.images, plain.labels, seed=1, step=7)
    assert torch.equal(mixed.images, expected[0])
    assert torch.equal(mixed.mixed_in, expected[1])
    assert mixed.share == expected[2]


def test_the_batches_of_a_resumed_run_are_mixed_as_those_of_a_straight_one() -> None:
    straight = list(islice(tiny(mixup=0.5, cutmix=1.0).batches(0), 35))[31:]  # across the end of an epoch
    resumed = list(islice(tiny(mixup=0.5, cutmix=1.0).batches(31), 4))
    for a, b in zip(straight, resumed, strict=True):
        assert torch.equal(a.images, b.images)
        assert torch.equal(a.mixed_in, b.mixed_in)
        assert a.share == b.share


def test_a_mixed_batch_falls_into_parts_with_its_labels() -> None:
    (batch,) = islice(tiny(cutmix=1.0).batches(0), 1)
    parts = list(batch.parts(5))
    assert [len(part.labels) for part in parts] == [10, 10, 10, 10, 8]
    for name in ("images", "labels", "index", "mixed_in"):
        assert torch.equal(torch.cat([getattr(part, name) for part in parts]), getattr(batch, name)), name
    assert {part.share for part in parts} == {batch.share}
