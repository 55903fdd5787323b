"""The layer in its forms: against torch's own, against each other, and against what the paper prints."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from epochal.core.fault import InputFault
from epochal.landmarks.dropout.model import Dropout, GaussianDropout, quick_mask, torch_mask

MASKS = pytest.mark.parametrize("mask", [torch_mask, quick_mask], ids=["torch", "quick"])


@pytest.mark.parametrize("retention", [0.5, 0.8, 0.1])
def test_the_inverted_form_is_torchs_dropout_to_the_bit(retention: float) -> None:
    x = torch.randn(50, 40, requires_grad=True)
    y = x.detach().clone().requires_grad_()
    torch.manual_seed(3)
    ours = Dropout(retention, inverted=True)(x)
    torch.manual_seed(3)
    theirs = nn.Dropout(1.0 - retention)(y)
    assert torch.equal(ours, theirs)
    ours.square().sum().backward()
    theirs.square().sum().backward()
    assert torch.equal(x.grad, y.grad)
    assert torch.equal(Dropout(retention, inverted=True).eval()(x), nn.Dropout(1.0 - retention).eval()(x))


@MASKS
def test_as_printed_units_are_kept_or_silenced_in_training_and_scaled_in_use(mask) -> None:
    x = torch.randn(200, 300)
    layer = Dropout(0.8, mask=mask)
    trained = layer(x)
    kept = trained != 0
    assert torch.equal(trained[kept], x[kept]), "by 1, not by 1 / p"
    assert torch.equal(trained, x * kept)
    assert torch.equal(layer.eval()(x), 0.8 * x)


@MASKS
@pytest.mark.parametrize("retention", [0.1, 0.5, 0.8, 0.9])
def test_the_share_that_is_kept_is_the_retention_for_every_unit_by_itself(mask, retention: float) -> None:
    torch.manual_seed(1)
    kept = mask(torch.empty(4_001, 251), retention).float()
    sd = math.sqrt(retention * (1 - retention))
    assert abs(kept.mean() - retention) < 5 * sd / math.sqrt(kept.numel())
    assert (kept.mean(0) - retention).abs().max() < 5 * sd / math.sqrt(4_001)
    centred = (kept - retention) / sd
    together = (centred.T @ centred / 4_001).fill_diagonal_(0.0)
    assert together.abs().max() < 6 / math.sqrt(4_001), "no unit knows of another"
    neighbours = centred.flatten()
    assert abs((neighbours[:-1] * neighbours[1:]).mean()) < 5 / math.sqrt(kept.numel()), "four come of one number drawn"


@MASKS
def test_the_two_forms_agree_in_expectation(mask) -> None:
    torch.manual_seed(2)
    x = torch.randn(64)
    inverted, printed = Dropout(0.5, inverted=True, mask=mask), Dropout(0.5, mask=mask)
    of_inverted = torch.stack([inverted(x) for _ in range(4_000)])
    of_printed = torch.stack([printed(x) for _ in range(4_000)])
    error = 5 * x.abs() / math.sqrt(4_000)  # five standard errors of the inverted form: deviation |x|
    assert ((of_inverted.mean(0) - x).abs() <= error).all()
    assert ((of_printed.mean(0) - printed.eval()(x)).abs() <= error / 2).all(), "the mean of training is what use gives"
    assert torch.allclose(inverted.eval()(x) * 0.5, printed.eval()(x))


def test_gaussian_noise_has_the_mean_and_variance_of_inverted_dropout() -> None:
    torch.manual_seed(4)
    x = torch.full((1_000, 1_000), 3.0)
    noisy = GaussianDropout(0.8)(x) / 3.0
    assert noisy.mean() == pytest.approx(1.0, abs=0.005)
    assert noisy.var() == pytest.approx(0.25, rel=0.01), "(1 - p) / p"
    assert Dropout(0.8, inverted=True)(x).div(3).var() == pytest.approx(0.25, rel=0.01)
    assert torch.equal(GaussianDropout(0.8).eval()(x), x)


@pytest.mark.parametrize("layer", [Dropout(1.0), Dropout(1.0, mask=quick_mask), GaussianDropout(1.0)])
def test_a_retention_of_one_changes_nothing_and_draws_nothing(layer: nn.Module) -> None:
    x, before = torch.randn(5, 5), torch.get_rng_state()
    assert layer(x) is x
    assert torch.equal(torch.get_rng_state(), before)


@MASKS
def test_masks_come_from_torchs_generator_and_fit_any_shape_and_type(mask) -> None:
    for x in (torch.randn(7), torch.randn(3, 5, 2, 2, dtype=torch.bfloat16), torch.randn(0, 4)):
        torch.manual_seed(9)
        first = mask(x, 0.5)
        torch.manual_seed(9)
        assert torch.equal(first, mask(x, 0.5))
        assert first.shape == x.shape
        assert (x * first).dtype == x.dtype


@pytest.mark.parametrize("retention", [0.0, -0.1, 1.1, float("nan")])
def test_a_retention_that_is_no_chance_to_be_kept_is_refused(retention: float) -> None:
    for layer in (Dropout, GaussianDropout):
        with pytest.raises(InputFault, match="kept with probability"):
            layer(retention)
