"""The update rules against the written equations, number by number in float64."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from epochal.landmarks.alexnet.sgd import VelocitySGD, parameter_groups

RATES = [0.1, 0.1, 0.01, 0.01, 0.03, 0.001, 0.5]


def gradients(seed: int, steps: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(5, 4, generator=generator, dtype=torch.float64) for _ in range(steps)]


def parameter() -> nn.Parameter:
    generator = torch.Generator().manual_seed(9)
    return nn.Parameter(torch.randn(5, 4, generator=generator, dtype=torch.float64))


def test_the_velocity_form_is_the_equation_of_section_5_also_when_the_rate_changes() -> None:
    w = parameter()
    expected, v = w.detach().clone(), torch.zeros(5, 4, dtype=torch.float64)
    optimizer = VelocitySGD([{"params": [w], "weight_decay": 0.0005}], lr=RATES[0], momentum=0.9)
    for rate, g in zip(RATES, gradients(1, len(RATES)), strict=True):
        v = 0.9 * v - 0.0005 * rate * expected - rate * g
        expected = expected + v
        w.grad = g.clone()
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        assert torch.allclose(w, expected, rtol=0, atol=1e-13)
        assert torch.allclose(optimizer.velocity(w), v, rtol=0, atol=1e-13)


def test_torchs_form_keeps_the_rate_outside_and_differs_right_after_a_drop() -> None:
    ours, theirs = parameter(), parameter()
    expected, b = theirs.detach().clone(), torch.zeros(5, 4, dtype=torch.float64)
    velocity = VelocitySGD([{"params": [ours], "weight_decay": 0.0005}], lr=0.1, momentum=0.9)
    torchs = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, weight_decay=0.0005, fused=True)
    for step, (rate, g) in enumerate(zip(RATES, gradients(1, len(RATES)), strict=True)):
        b = 0.9 * b + (g + 0.0005 * expected)
        expected = expected - rate * b
        for w, optimizer in ((ours, velocity), (theirs, torchs)):
            w.grad = g.clone()
            optimizer.param_groups[0]["lr"] = rate
            optimizer.step()
        assert torch.allclose(theirs, expected, rtol=0, atol=1e-13)
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-13) == (step < 2), "equal until the first drop"


def test_a_rate_of_zero_is_refused() -> None:
    w = parameter()
    optimizer = VelocitySGD([{"params": [w], "weight_decay": 0.0}], lr=0.1, momentum=0.9)
    w.grad = torch.ones_like(w)
    optimizer.param_groups[0]["lr"] = 0.0
    with pytest.raises(ValueError, match="cannot be 0"):
        optimizer.step()


def test_biases_get_their_own_rate_and_decay() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    weights, biases = parameter_groups(
        model, weight_decay=0.1, decay_convolutions=True, decay_biases=False, bias_rate=2.0
    )
    assert [p.ndim for p in weights["params"]] == [2, 2]
    assert [p.ndim for p in biases["params"]] == [1, 1]
    assert (weights["weight_decay"], weights["rate"]) == (0.1, 1.0)
    assert (biases["weight_decay"], biases["rate"]) == (0.0, 2.0)
