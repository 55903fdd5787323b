"""Layers in words, and two networks side by side."""

from itertools import combinations

import pytest
import torch
from torch import nn

from epochal.measure.anatomy import Part, aligned, anatomy, likeness


def test_layers_are_told_in_the_order_in_which_they_run() -> None:
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.last = nn.Linear(8 * 7 * 7, 5)
            self.nothing = nn.Identity()
            self.pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
            self.first = nn.Conv2d(3, 8, 5, stride=2, padding=1, groups=1)
            self.never = nn.Linear(2, 2)

        def forward(self, x):
            return self.last(self.nothing(self.pool(self.first(x))).flatten(1))

    found = anatomy(Model(), torch.empty(1, 3, 31, 31))
    assert [part.name for part in found] == ["first", "pool", "last"]
    assert [part.kind for part in found] == ["Conv2d", "MaxPool2d", "Linear"]
    assert [part.form for part in found] == [
        "5 x 5, stride 2, padding 1",
        "3 x 3, stride 2, hanging over the edge",
        "392 inputs",
    ]
    assert [part.shape for part in found] == [(8, 15, 15), (8, 7, 7), (5,)]
    assert found[0].parameters == 8 * 75 + 8
    assert found[2].multiply_adds == 392 * 5


@pytest.mark.parametrize(
    ("layer", "form"),
    [
        (nn.Conv2d(4, 4, 3, groups=2, padding=1), "3 x 3, padding 1, 2 groups"),
        (nn.Conv2d(4, 4, (1, 5), stride=(1, 2)), "1 x 5, stride 1 x 2"),
        (nn.Conv2d(4, 4, 3, dilation=2), "3 x 3, dilation 2"),
        (nn.AvgPool2d(2), "2 x 2, stride 2"),
        (nn.ReLU(), ""),
    ],
    ids=str,
)
def test_what_is_usual_is_not_said(layer: nn.Module, form: str) -> None:
    assert anatomy(layer, torch.empty(1, 4, 9, 9))[0].form == form


def part(name: str, kind: str, shape: tuple[int, ...] = (1,)) -> Part:
    return Part(name, kind, "", shape, 0, 0)


def test_layers_stand_for_one_another_by_what_they_do() -> None:
    relu, tanh = part("act1", "ReLU"), part("act1", "Tanh")
    response, batch = part("norm1", "LocalResponseNorm"), part("bn1", "BatchNorm2d")
    assert likeness(relu, tanh) > 0
    assert likeness(response, batch) > 0
    assert likeness(relu, response) == 0
    assert likeness(part("a", "Conv2d"), part("b", "Linear")) == 0
    assert likeness(relu, relu) > likeness(relu, tanh)


def same(a: str, b: str) -> float:
    return float(a == b)


@pytest.mark.parametrize(
    ("first", "second"),
    [("kitten", "sitting"), ("", "abc"), ("abc", ""), ("abab", "baba"), ("aabb", "bbaa"), ("x", "x")],
)
def test_an_alignment_keeps_both_orders_and_as_many_pairs_as_there_can_be(first: str, second: str) -> None:
    pairs = aligned(first, second, same)
    assert "".join(a for a, _ in pairs if a) == first
    assert "".join(b for _, b in pairs if b) == second
    assert all(a == b for a, b in pairs if a and b)

    def common(size: int) -> bool:
        parts = {"".join(chosen) for chosen in combinations(first, size)}
        return any("".join(chosen) in parts for chosen in combinations(second, size))

    longest = max(size for size in range(len(first) + 1) if common(size))
    assert sum(bool(a and b) for a, b in pairs) == longest


def test_a_layer_left_out_leaves_its_place_empty() -> None:
    whole = [part(f"{kind}{number}", kind) for number in (1, 2, 3) for kind in ("Conv2d", "ReLU")]
    without = [one for one in whole if not one.name.endswith("2")]
    pairs = aligned(whole, without, likeness)
    assert [(a.name, b and b.name) for a, b in pairs] == [
        ("Conv2d1", "Conv2d1"),
        ("ReLU1", "ReLU1"),
        ("Conv2d2", None),
        ("ReLU2", None),
        ("Conv2d3", "Conv2d3"),
        ("ReLU3", "ReLU3"),
    ]
