"""Whose names these are, what is done to each tensor, and an account of it all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from epochal.core.fault import InputFault
from epochal.interop.layout import Change, Layout, common_prefix, remapped
from epochal.interop.stored import Header, Stored
from epochal.interop.weights import Mapped


def stored(**tensors: Tensor) -> Stored:
    headers = {name: Header(tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
    return Stored(Path("weights"), "torch", headers, lambda name: tensors[name])


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (["a", "b"], ""),
        (["module.a", "module.b"], "module."),
        (["model._orig_mod.module.a", "model._orig_mod.module.b"], "model._orig_mod.module."),
        (["module.a", "b"], ""),
        (["moduleA.a"], ""),
        ([], ""),
    ],
)
def test_what_wrappers_put_before_every_name_is_found(names: list[str], prefix: str) -> None:
    assert common_prefix(names) == prefix


def test_a_change_is_made_and_told() -> None:
    flipped = Change("BGR to RGB", lambda tensor: tensor.flip(1))
    layout = Layout("theirs", {"w": "conv1.weight", "b": "conv1.bias"}, changes={"conv1.weight": (flipped,)})
    weight = torch.randn(2, 3, 1, 1)
    weights = remapped(stored(w=weight, b=torch.zeros(2)), layout)
    assert torch.equal(weights.tensors["conv1.weight"], weight.flip(1))
    assert weights.rows == (
        Mapped("w", "conv1.weight", (2, 3, 1, 1), ("BGR to RGB",)),
        Mapped("b", "conv1.bias", (2,), ()),
    )
    assert weights.layout == "theirs"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_become_float32_and_whole_numbers_stay(dtype: torch.dtype) -> None:
    count = torch.tensor(3)
    weights = remapped(stored(w=torch.ones(2, dtype=dtype), n=count), Layout("ours", {"w": "w", "n": "n"}))
    assert weights.tensors["w"].dtype == torch.float32
    assert weights.rows[0].done == (f"{str(dtype).removeprefix('torch.')} to float32",)
    assert weights.tensors["n"].dtype == torch.int64
    assert weights.rows[1].done == ()


def test_a_prefix_is_taken_off_and_told() -> None:
    weights = remapped(stored(**{"module.w": torch.ones(1)}), Layout("ours", {"w": "w"}), "module.")
    assert weights.rows[0].source == "module.w"
    assert "module." in weights.notes[0]


def test_what_such_files_may_lack_is_filled_in_and_told() -> None:
    layout = Layout("theirs", {"w": "w", "n": "n"}, absent={"n": torch.tensor(0), "m": torch.tensor(7)})
    weights = remapped(stored(w=torch.ones(2), n=torch.tensor(3)), layout)
    assert (int(weights.tensors["n"]), int(weights.tensors["m"])) == (3, 7)
    assert [(row.source, row.name, bool(row.done)) for row in weights.rows] == [
        ("w", "w", False),
        ("n", "n", False),
        ("nothing", "m", True),
    ]
    assert weights.tensors["m"] is not layout.absent["m"]


def test_what_the_layout_has_no_place_for_is_told() -> None:
    weights = remapped(stored(w=torch.ones(1), extra=torch.ones(1)), Layout("ours", {"w": "w"}))
    assert weights.unplaced == ("extra",)
    assert set(weights.tensors) == {"w"}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(InputFault, match="w holds 2 numbers that are not finite"):
        remapped(stored(w=torch.tensor([1.0, bad, bad])), Layout("ours", {"w": "w"}))


def test_a_number_too_large_for_float32_is_refused() -> None:
    with pytest.raises(InputFault, match="w holds 1 numbers that are not finite"):
        remapped(stored(w=torch.tensor([1.0, 1e300], dtype=torch.float64)), Layout("ours", {"w": "w"}))


def test_the_account_has_a_line_for_everything() -> None:
    layout = Layout(
        "theirs",
        {"w": "conv1.weight", "n": "n"},
        changes={"conv1.weight": (Change("BGR to RGB", lambda tensor: tensor.flip(1)), Change("x 2", lambda t: 2 * t))},
        notes=("mind the mean",),
    )
    weights = remapped(stored(w=torch.zeros(2, 3, 1, 1), n=torch.tensor(1), extra=torch.ones(1)), layout)
    assert weights.account() == (
        "w -> conv1.weight (2 x 3 x 1 x 1): BGR to RGB; x 2",
        "n (a single number)",
        "extra has no place in the layout theirs",
        "mind the mean",
    )
