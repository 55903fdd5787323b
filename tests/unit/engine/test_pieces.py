from __future__ import annotations

import pytest
import torch
from torch import nn

from epochal.engine import optimizer_state
from epochal.engine.finite import FiniteWatch
from epochal.engine.pieces import Pieces, divided, joined, whole_parameters


class Halved(nn.Module):
    """A layer in two pieces of unequal size, and one in one."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Pieces([nn.Linear(4, 3), nn.Linear(4, 2)])
        self.last = nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(torch.cat([piece(x) for piece in self.first], dim=1).tanh())


class Whole(nn.Module):
    """The same network in one piece."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 5), nn.Linear(5, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x).tanh())


def test_parameters_have_the_names_they_are_saved_by_and_come_in_pieces() -> None:
    found = whole_parameters(Halved())
    assert list(found) == list(dict(Whole().named_parameters()))
    assert [list(one.shape) for one in found["first.weight"]] == [[3, 4], [2, 4]]
    assert [len(pieces) for pieces in found.values()] == [2, 2, 1, 1]


def test_rows_are_divided_as_they_were_joined() -> None:
    pieces = [torch.randn(3, 4), torch.randn(2, 4)]
    back = divided(joined(pieces), pieces)
    assert all(torch.equal(a, b) for a, b in zip(pieces, back, strict=True))
    count = torch.tensor(7.0)
    assert divided(joined([count, count]), pieces) == [count, count]
    with pytest.raises(ValueError, match="4 rows"):
        divided(torch.zeros(4, 4), pieces)


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_an_optimizer_goes_on_from_pieces_in_one_and_the_other_way_round(kind: type[torch.optim.Optimizer]) -> None:
    options = {"lr": 0.1} | ({"momentum": 0.9} if kind is torch.optim.SGD else {})

    def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        model(torch.arange(8.0).reshape(2, 4)).square().sum().backward()
        optimizer.step()

    torch.manual_seed(0)
    for source, target in ((Halved(), Whole()), (Whole(), Halved())):
        one, two = kind(source.parameters(), **options), kind(target.parameters(), **options)
        for _ in range(3):
            step(source, one)
        target.load_state_dict(source.state_dict())
        optimizer_state.restore(optimizer_state.capture(one, source), two, target)
        step(source, one)
        step(target, two)
        for name, value in source.state_dict().items():
            assert torch.allclose(target.state_dict()[name], value, atol=1e-6), name


@pytest.mark.gpu
def test_the_watch_sees_parameters_on_every_device_in_their_order() -> None:
    layers = nn.Sequential(nn.Linear(2, 2).cuda(), nn.Linear(2, 2), nn.Linear(2, 2).cuda())
    for number, parameter in enumerate(layers.parameters()):
        parameter.grad = torch.full_like(parameter, float(number))
    watch = FiniteWatch(layers, torch.device("cuda"))
    watch.begin(4)
    watch.observe(torch.zeros((), device="cuda"))
    expected = torch.cat([p.grad.cpu().flatten() for p in layers.parameters()]).norm()
    assert torch.allclose(watch.gradient_norm.cpu(), expected)
    assert watch.verdict() is None
    layers[1].bias.grad.fill_(float("inf"))
    watch.observe(torch.zeros((), device="cuda"))
    assert watch.verdict() == (4, "1.bias")
