"""Looking inside a network must show the truth and change nothing."""

import copy
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from epochal.core.fault import InputFault
from epochal.engine.probe import activations, first_non_finite, layer_names


def small_network() -> nn.Sequential:
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("conv1", nn.Conv2d(3, 4, 3))
    model.add_module("norm1", nn.BatchNorm2d(4))
    model.add_module("relu1", nn.ReLU(inplace=True))
    model.add_module("drop1", nn.Dropout(0.5))
    model.add_module("head", nn.Sequential(nn.Flatten(), nn.Linear(4 * 36, 5)))
    return model


def pictures() -> torch.Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def hooks_of(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) for module in model.modules())


def test_the_values_are_those_of_the_layers_one_after_the_other():
    model = small_network().eval()
    found = activations(model, pictures())
    assert list(found) == ["conv1", "norm1", "relu1", "drop1", "head.0", "head.1"]
    with torch.no_grad():
        conv = model.conv1(pictures())
        norm = model.norm1(conv)
        relu = norm.clamp(min=0)
        head = model.head(relu)
    # norm1's output is overwritten by the in-place ReLU: only a copy can still show it
    for name, value in {"conv1": conv, "norm1": norm, "relu1": relu, "drop1": relu, "head.1": head}.items():
        assert torch.equal(found[name], value), name
    assert float(found["norm1"].min()) < 0


def test_evaluation_mode_is_used_and_everything_is_put_back():
    model = small_network().train()
    model.norm1.eval()  # a frozen normalisation must stay frozen, the rest in training
    state, generator = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    found = activations(model, pictures(), ["relu1", "drop1"])
    assert torch.equal(found["relu1"], found["drop1"])  # dropout was off
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert [m.training for m in (model, model.conv1, model.norm1, model.drop1)] == [True, True, False, True]
    assert hooks_of(model) == 0


def test_outputs_are_detached_float32_on_the_cpu_and_the_result_is_frozen():
    model = nn.Sequential(nn.Linear(3, 3)).double()
    found = activations(model, torch.ones(1, 3, dtype=torch.float64))
    assert found["0"].dtype == torch.float32
    assert not found["0"].requires_grad
    with pytest.raises(TypeError):
        found["0"] = torch.zeros(1)


def test_the_order_is_that_of_execution():
    class Backwards(nn.Module):
        def __init__(self):
            super().__init__()
            self.last, self.first = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.last(self.first(x))

    assert list(activations(Backwards(), torch.ones(1, 2))) == ["first", "last"]
    assert list(activations(Backwards(), torch.ones(1, 2), ["last", "first"])) == ["first", "last"]


def test_a_layer_that_runs_twice_shows_both_times():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(2, 2)

        def forward(self, x):
            return self.dense(self.dense(x))

    model = Twice()
    found = activations(model, torch.ones(1, 2))
    assert list(found) == ["dense", "dense#2"]
    with torch.no_grad():
        assert torch.equal(found["dense#2"], model.dense(found["dense"]))


def test_a_block_can_be_asked_for_by_name():
    model = small_network()
    assert layer_names(model) == ("conv1", "norm1", "relu1", "drop1", "head", "head.0", "head.1")
    assert activations(model, pictures(), ["head"])["head"].shape == (2, 5)


def test_an_unknown_layer_is_answered_with_the_nearest():
    with pytest.raises(InputFault, match="'con1'") as caught:
        activations(small_network(), pictures(), ["con1"])
    assert "conv1" in caught.value.expected


def test_a_layer_that_did_not_run_is_named():
    class Spare(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.used(x)

    model = Spare()
    with pytest.raises(InputFault, match="spare"):
        activations(model, torch.ones(1, 2), ["used", "spare"])
    assert list(activations(model, torch.ones(1, 2))) == ["used"]


def test_hooks_and_modes_are_put_back_when_the_network_fails():
    model = small_network().train()
    with pytest.raises(RuntimeError):
        activations(model, torch.zeros(1, 7, 8, 8))
    with pytest.raises(RuntimeError):
        first_non_finite(model, torch.zeros(1, 7, 8, 8))
    assert hooks_of(model) == 0
    assert all(module.training for module in model.modules())


def test_a_compiled_network_has_the_names_of_the_plain_one():
    model = small_network()
    wrapped = torch.compile(model, backend="eager")
    assert layer_names(wrapped) == layer_names(model)
    found, plain = activations(wrapped, pictures()), activations(model, pictures())
    assert all(torch.equal(found[name], plain[name]) for name in plain)


def test_a_finite_network_is_cleared():
    assert first_non_finite(small_network(), pictures()) is None


@pytest.mark.parametrize("layer", ["conv1", "norm1", "head.1"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_layer_with_the_bad_weight_is_named_and_not_those_after_it(layer, value):
    model = small_network().train()
    with torch.no_grad():
        model.get_submodule(layer).bias[1] = value
    assert first_non_finite(model, pictures()) == layer


def test_a_batch_that_is_not_finite_is_blamed_on_the_input():
    inputs = pictures()
    inputs[1, 2, 3, 4] = float("nan")
    assert first_non_finite(small_network(), inputs) == "input"


def test_a_number_made_outside_of_all_layers_is_blamed_on_the_network_or_its_block():
    class Logarithm(nn.Module):
        def __init__(self):
            super().__init__()
            self.dense = nn.Linear(2, 2)

        def forward(self, x):
            return self.dense(x) / 0

    assert first_non_finite(Logarithm(), torch.ones(1, 2)) == "Logarithm"
    assert first_non_finite(nn.Sequential(nn.Linear(2, 2), Logarithm()), torch.ones(1, 2)) == "1"


def test_outputs_packed_in_tuples_mappings_and_results_are_looked_into():
    @dataclass(frozen=True)
    class Result:
        logits: torch.Tensor
        more: dict[str, list[torch.Tensor]]

    class Packed(nn.Module):
        def forward(self, x):
            return Result(x, {"a": [x, x / 0]})

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.packed = Packed()

        def forward(self, x):
            return self.packed(x).logits

    assert first_non_finite(Outer(), torch.ones(1, 2)) == "packed"


def test_the_mode_is_as_it_is_and_statistics_and_generator_come_back():
    class Seen(nn.Module):
        def forward(self, x):
            modes.append(self.training)
            return x

    modes: list[bool] = []
    model = nn.Sequential(small_network(), Seen()).train()
    state, generator = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    assert first_non_finite(model, pictures()) is None
    assert modes == [True]
    assert torch.equal(torch.get_rng_state(), generator)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    assert hooks_of(model) == 0


def test_dropout_draws_the_masks_of_the_current_generator():
    class Trap(nn.Module):
        def forward(self, x):
            return x / (x != 0).float()  # not finite exactly where dropout put a zero

    model = nn.Sequential(nn.Dropout(0.5), Trap()).train()
    answers = set()
    for seed in range(20):
        torch.manual_seed(seed)
        found = first_non_finite(model, torch.ones(1, 1))
        assert first_non_finite(model, torch.ones(1, 1)) == found
        torch.manual_seed(seed)
        assert (found == "1") == bool((model[0](torch.ones(1, 1)) == 0).any())
        answers.add(found)
    assert answers == {None, "1"}
