from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from epochal.engine.shared_norm import SharedBatchNorm2d, share_batch_norms


def alone(values: Tensor) -> Tensor:
    return values


def test_of_one_process_it_is_batch_normalisation() -> None:
    torch.manual_seed(0)
    own = nn.BatchNorm2d(5, momentum=0.3).double()
    nn.init.normal_(own.weight)
    nn.init.normal_(own.bias)
    shared = SharedBatchNorm2d(copy.deepcopy(own), alone)
    for _ in range(3):
        x = torch.randn(4, 5, 3, 2, dtype=torch.float64, requires_grad=True)
        y = x.detach().clone().requires_grad_()
        weight = torch.randn(4, 5, 3, 2, dtype=torch.float64)
        (own(x) * weight).sum().backward()
        (shared(y) * weight).sum().backward()
        assert torch.allclose(x.grad, y.grad, atol=1e-12)
    assert torch.allclose(own(x), shared(x), atol=1e-12)
    for name, value in own.state_dict().items():
        assert torch.allclose(shared.state_dict()[name], value, atol=1e-12), name
    assert torch.allclose(own.weight.grad, shared.weight.grad, atol=1e-10)
    assert torch.allclose(own.eval()(x), shared.eval()(x))


def test_it_takes_the_place_of_every_layer_with_the_parameters_that_an_optimizer_has() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sequential(nn.BatchNorm2d(4), nn.ReLU()))
    before, state = list(model.parameters()), list(model.state_dict())
    share_batch_norms(model, alone)
    assert isinstance(model[1][0], SharedBatchNorm2d)
    assert all(a is b for a, b in zip(before, model.parameters(), strict=True))
    assert list(model.state_dict()) == state


def test_a_normalisation_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot normalise"):
        share_batch_norms(nn.Sequential(nn.BatchNorm1d(4)), alone)
