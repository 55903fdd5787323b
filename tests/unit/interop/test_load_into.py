"""Weights into a network: all of them or what fits if that is asked for, and nothing before all was compared."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from epochal.core.fault import InputFault
from epochal.interop.weights import Loaded, Weights, load_into


def network(classes: int = 4) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(8, classes))


def weights(tensors: dict[str, Tensor], unplaced: tuple[str, ...] = ()) -> Weights:
    return Weights("weights.pth", "ours", tensors, (), {}, unplaced=unplaced)


def copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_all_of_them_are_loaded() -> None:
    source, model = network(), network()
    loaded = load_into(model, weights(copy(source)))
    assert loaded == Loaded(tuple(model.state_dict()), (), ())
    assert all(torch.equal(tensor, source.state_dict()[name]) for name, tensor in model.state_dict().items())


def test_parameters_stay_the_same_objects_of_the_same_kind() -> None:
    model = network().to(memory_format=torch.channels_last).half()
    before = list(model.parameters())
    load_into(model, weights(copy(network())))
    assert all(one is other for one, other in zip(before, model.parameters(), strict=True))
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)
    assert model[0].weight.dtype == torch.float16
    assert model[0].weight.requires_grad


MISFITS = {
    "another shape": ({"3.weight": torch.zeros(5, 8)}, r"3\.weight is 5 x 8", "4 x 8"),
    "another kind of number": ({"0.bias": torch.zeros(2, dtype=torch.int64)}, r"0\.bias is 2 of whole numbers", "2"),
    "one too many": ({"4.weight": torch.zeros(1)}, r"4\.weight is there", "no such tensor"),
}


@pytest.mark.parametrize(("change", "told", "expected"), MISFITS.values(), ids=MISFITS)
def test_the_first_difference_is_told_and_nothing_is_changed(
    change: dict[str, Tensor], told: str, expected: str
) -> None:
    model = network()
    before = copy(model)
    with pytest.raises(InputFault, match=told) as fault:
        load_into(model, weights({**copy(network()), **change}))
    assert fault.value.expected == expected
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_one_that_is_missing_is_told() -> None:
    tensors = copy(network())
    del tensors["0.weight"], tensors["3.bias"]
    with pytest.raises(InputFault, match=r"0\.weight is missing"):
        load_into(network(), weights(tensors))


def test_what_the_layout_had_no_place_for_is_a_difference() -> None:
    with pytest.raises(InputFault, match=r"aux\.weight is there"):
        load_into(network(), weights(copy(network()), unplaced=("aux.weight",)))


def test_a_partial_load_leaves_out_what_does_not_fit_and_says_so() -> None:
    source, model = network(7), network(4)
    before = copy(model)
    loaded = load_into(model, weights(copy(source), unplaced=("aux",)), partial=True)
    assert loaded.kept == ("3.weight", "3.bias")
    assert loaded.left_out == (
        ("3.weight", "7 x 8, the network has 4 x 8"),
        ("3.bias", "7, the network has 4"),
        ("aux", "the network has no such tensor"),
    )
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name] if name in loaded.kept else source.state_dict()[name])
    assert "kept as they were: 3.weight, 3.bias; left out: 3.weight (7 x 8" in loaded.told()


def test_a_partial_load_of_nothing_is_refused() -> None:
    with pytest.raises(InputFault, match=r"nothing in weights\.pth fits"):
        load_into(network(), weights({"features.0.weight": torch.zeros(3)}), partial=True)
