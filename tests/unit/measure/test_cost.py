"""Parameters and multiply-adds against hand counts."""

import copy

import torch
from torch import nn
from torch.nn import functional

from epochal.measure.cost import cost


def test_a_small_network_costs_what_counting_by_hand_gives():
    model = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2, padding=1),  # 32 -> 15
        nn.ReLU(),
        nn.Conv2d(8, 12, 3, groups=4, bias=False),  # 15 -> 13
        nn.Flatten(),
        nn.Linear(12 * 13 * 13, 10),
    )
    found = cost(model, torch.empty(4, 3, 32, 32))
    assert [layer.shape for layer in found.layers] == [(8, 15, 15), (8, 15, 15), (12, 13, 13), (2028,), (10,)]
    assert [layer.parameters for layer in found.layers] == [3 * 8 * 25 + 8, 0, 12 * 2 * 9, 0, 2028 * 10 + 10]
    assert [layer.multiply_adds for layer in found.layers] == [
        15 * 15 * 8 * 3 * 25,
        0,
        13 * 13 * 12 * 2 * 9,
        0,
        20280,
    ]
    assert found.parameters == sum(p.numel() for p in model.parameters())
    assert found.multiply_adds == 15 * 15 * 8 * 75 + 13 * 13 * 12 * 18 + 20280
    assert found.uncounted == ()


def test_multiply_adds_count_the_products_that_a_loop_would_make():
    size, kernel, stride = 6, 3, 2
    model = nn.ConvTranspose2d(2, 5, kernel, stride=stride)
    products = 0
    for _ in range(size):
        for _ in range(size):
            products += 2 * 5 * kernel * kernel  # every input value meets every weight of its channel once
    assert cost(model, torch.empty(3, 2, size, size)).multiply_adds == products


def test_one_and_three_dimensions_count_too():
    assert cost(nn.Conv1d(2, 3, 4), torch.empty(1, 2, 10)).multiply_adds == 7 * 3 * 2 * 4
    assert cost(nn.Conv3d(1, 2, 2), torch.empty(1, 1, 3, 3, 3)).multiply_adds == 8 * 2 * 8


def test_a_layer_used_twice_works_twice_and_is_owned_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(4, 4)

        def forward(self, x):
            return self.dense(self.dense(x))

    found = cost(Twice(), torch.empty(1, 4))
    assert (found.parameters, found.multiply_adds, len(found.layers)) == (20, 32, 1)


def test_a_shared_matrix_is_counted_as_a_parameter_once():
    first, second = nn.Linear(4, 4, bias=False), nn.Linear(4, 4, bias=False)
    second.weight = first.weight
    found = cost(nn.Sequential(first, second), torch.empty(1, 4))
    assert (found.parameters, found.multiply_adds) == (16, 32)


def test_a_matrix_in_an_unknown_layer_is_named_and_not_taken_for_free():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.matrix = nn.Parameter(torch.ones(4, 4))

        def forward(self, x):
            return functional.linear(x, self.matrix)

    found = cost(nn.Sequential(nn.Linear(4, 4), Own(), nn.BatchNorm1d(4)), torch.empty(2, 4))
    assert found.uncounted == ("1",)
    assert found.multiply_adds == 16
    assert found.parameters == 20 + 16 + 8


def test_the_network_and_the_generator_are_not_touched():
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Dropout(0.5)).train()
    before, generator = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    cost(model, torch.randn(8, 4, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_larger_than_memory_can_be_counted():
    with torch.device("meta"):
        model = nn.Linear(10**6, 10**6, bias=False)
    assert cost(model, torch.empty(1, 10**6)).multiply_adds == 10**12
