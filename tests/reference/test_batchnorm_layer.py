"""The layer against torch's own, against numeric gradients, and against the printed formulas."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from epochal.core.fault import InputFault
from epochal.engine.shared_norm import share_batch_norms
from epochal.landmarks.batchnorm.model import EPS, BatchNorm

SHAPES = {"dense": (12, 5), "maps": (4, 5, 3, 2), "sequence": (4, 5, 7)}
SMALL = ((4, 2), (2, 2, 2, 1))
TWINS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}


def pair(shape: tuple[int, ...], *, fused: bool, rate: float | None = 0.1) -> tuple[BatchNorm, nn.Module]:
    """Our layer and torch's with the same gamma and beta."""
    ours, theirs = BatchNorm(shape[1], fused=fused, rate=rate), TWINS[len(shape)](shape[1], momentum=rate)
    nn.init.normal_(theirs.weight)
    nn.init.normal_(theirs.bias)
    ours.load_state_dict(theirs.state_dict())
    return ours, theirs


def both(layer: nn.Module, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor | None]:
    """What a layer answers, and the gradient of a weighted sum of it."""
    x = x.clone().requires_grad_()
    y = layer(x)
    (y * weight).sum().backward()
    return y.detach(), x.grad


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("name", SHAPES)
def test_outputs_gradients_and_running_statistics_are_torchs(name: str, fused: bool) -> None:
    torch.manual_seed(0)
    shape = SHAPES[name]
    ours, theirs = pair(shape, fused=fused)
    ours, theirs = ours.double(), theirs.double()
    for _ in range(3):
        x, weight = 3 + 2 * torch.randn(shape).double(), torch.randn(shape).double()
        for got, wanted in zip(both(ours, x, weight), both(theirs, x, weight), strict=True):
            assert torch.allclose(got, wanted, atol=1e-12)
    assert torch.allclose(ours.weight.grad, theirs.weight.grad, atol=1e-11)
    assert torch.allclose(ours.bias.grad, theirs.bias.grad, atol=1e-11)
    for key, value in theirs.state_dict().items():
        assert torch.allclose(ours.state_dict()[key], value, atol=1e-12), key
    ours.eval(), theirs.eval()
    x, weight = torch.randn(shape).double(), torch.randn(shape).double()
    for got, wanted in zip(both(ours, x, weight), both(theirs, x, weight), strict=True):
        assert torch.allclose(got, wanted, atol=1e-12)
    assert int(ours.num_batches_tracked) == 3


@pytest.mark.parametrize("fused", [True, False])
def test_it_is_the_printed_algorithm(fused: bool) -> None:
    x = np.random.default_rng(1).normal(2.0, 3.0, (6, 4, 5, 5))
    layer = BatchNorm(4, fused=fused).double()
    y = layer(torch.from_numpy(x)).detach().numpy()
    count = 6 * 5 * 5
    for map_ in range(4):
        values = x[:, map_]
        mean = values.sum() / count
        variance = ((values - mean) ** 2).sum() / count
        assert np.allclose(y[:, map_], (values - mean) / np.sqrt(variance + EPS), atol=1e-12)
        unbiased = variance * count / (count - 1)
        assert layer.running_mean[map_] == pytest.approx(0.1 * mean)
        assert layer.running_var[map_] == pytest.approx(0.9 + 0.1 * unbiased)


def test_the_printed_gradients_are_those_of_the_formula() -> None:
    torch.manual_seed(2)

    def normalised(x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": gamma, "bias": beta}, (x,))

    for shape in SMALL:
        layer = BatchNorm(2, fused=False).double()
        inputs = [torch.randn(size, dtype=torch.float64, requires_grad=True) for size in (shape, (2,), (2,))]
        assert torch.autograd.gradcheck(normalised, inputs)
        layer.eval()
        assert torch.autograd.gradcheck(normalised, inputs)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_inputs_far_from_zero_are_normalised_as_well_as_by_torch(fused: bool, training: bool) -> None:
    torch.manual_seed(3)
    ours, theirs = pair((64, 5, 4, 4), fused=fused, rate=1.0)
    x = 1e4 + torch.randn(64, 5, 4, 4)
    ours(x), theirs(x)
    ours.train(training), theirs.train(training)
    exact = nn.BatchNorm2d(5, momentum=1.0).double()
    exact.load_state_dict(theirs.state_dict())
    exact.train(training)
    wanted = exact(x.double()).float()
    # Single precision holds 1e4 to about 1e-3; what comes out cannot be closer than that.
    assert torch.allclose(ours(x), wanted, atol=5e-3)
    assert torch.allclose(ours(x), theirs(x), atol=5e-3)
    assert torch.allclose(ours.running_var, x.var((0, 2, 3)), rtol=1e-3), "the difference of large squares would be off"


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_half_precision_takes_its_statistics_in_float32(kind: torch.dtype, fused: bool) -> None:
    torch.manual_seed(4)
    ours, theirs = pair((32, 5, 6, 6), fused=fused)
    x, weight = (20 + torch.randn(32, 5, 6, 6)).to(kind), torch.randn(32, 5, 6, 6).to(kind)
    (y, gradient), (wanted, wanted_gradient) = both(ours, x, weight), both(theirs, x, weight)
    assert y.dtype == gradient.dtype == kind
    assert torch.allclose(y.float(), wanted.float(), atol=0.05, rtol=0.02)
    assert torch.allclose(gradient.float(), wanted_gradient.float(), atol=0.05, rtol=0.05)
    assert ours.running_mean.dtype == torch.float32
    assert torch.allclose(ours.running_mean, 0.1 * x.float().mean((0, 2, 3)), rtol=1e-5)
    assert torch.allclose(ours.running_var, 0.9 + 0.1 * x.float().var((0, 2, 3)), rtol=1e-5)
    ours.eval(), theirs.eval()
    assert torch.allclose(ours(x).float(), theirs(x).float(), atol=0.05, rtol=0.02)


def test_under_autocast_it_is_torchs() -> None:
    torch.manual_seed(5)
    ours, theirs = pair((8, 5, 6, 6), fused=True)
    conv = nn.Conv2d(3, 5, 3, padding=1)
    x = torch.randn(8, 3, 6, 6)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(ours(conv(x)), theirs(conv(x)))


@pytest.mark.parametrize("fused", [True, False])
def test_without_a_rate_all_batches_count_alike(fused: bool) -> None:
    torch.manual_seed(6)
    layer = BatchNorm(5, rate=None, fused=fused)
    batches = [torch.randn(10, 5) * scale + scale for scale in (1.0, 2.0, 5.0)]
    for batch in batches:
        layer(batch)
    assert torch.allclose(layer.running_mean, torch.stack([b.mean(0) for b in batches]).mean(0), atol=1e-5)
    assert torch.allclose(layer.running_var, torch.stack([b.var(0) for b in batches]).mean(0), rtol=1e-5)


@pytest.mark.parametrize("fused", [True, False])
def test_a_batch_of_one_value_has_no_variance(fused: bool) -> None:
    with pytest.raises(InputFault, match="no variance"):
        BatchNorm(5, fused=fused)(torch.zeros(1, 5))
    BatchNorm(5, fused=fused).eval()(torch.zeros(1, 5))
    BatchNorm(5, fused=fused)(torch.zeros(1, 5, 2, 1))


def test_two_halves_that_share_their_sums_are_one_batch() -> None:
    """Two processes, played one after another: first both give their sums, then each goes on with the totals."""
    torch.manual_seed(7)
    x, weight = torch.randn(8, 5, 3, 3).double(), torch.randn(8, 5, 3, 3).double()
    whole = BatchNorm(5, fused=False).double()
    wanted, wanted_gradient = both(whole, x, weight)
    totals: list[Tensor] = []

    def record(values: Tensor) -> Tensor:
        totals.append(values.clone())
        return values

    share_batch_norms(nn.Sequential(whole), record)
    both(whole, x, weight)
    half = BatchNorm(5).double()
    share_batch_norms(nn.Sequential(half), lambda values: totals.pop(0).clone())
    y, gradient = both(half, x[:3], weight[:3])
    assert torch.allclose(y, wanted[:3], atol=1e-12)
    assert torch.allclose(gradient, wanted_gradient[:3], atol=1e-12)
    assert not totals
    assert torch.allclose(half.running_var, 0.9 + 0.1 * x.var((0, 2, 3)), atol=1e-12)
