"""From a recipe to a network: every choice is there, or refused with the networks that have it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.tiny import TINY
from torch import nn

from epochal.core.fault import InputFault
from epochal.landmarks.alexnet import CARD
from epochal.landmarks.alexnet.cifar import LocallyConnected
from epochal.landmarks.alexnet.networks import CHOICES, network
from epochal.landmarks.alexnet.recipe import MODERN, PAPER, SMALL, SOURCE, AlexNetRecipe
from epochal.landmarks.alexnet.sgd import parameter_groups
from epochal.landmarks.alexnet.shallow import ShallowNet
from epochal.landmarks.alexnet.train import optimizer

# A recipe for each network; those of the paper's size are built on the meta device, which holds no weights.
BASES: dict[str, AlexNetRecipe] = {
    "paper": PAPER,
    "source": SOURCE,
    "torchvision": PAPER.replace(network="torchvision", crop=224),
    "scaled": TINY,
    "modern": TINY.replace(network="modern"),
    "cifar": TINY.replace(network="cifar", stored_size=32, crop=32),
    "local": TINY.replace(network="local", stored_size=32, crop=24),
    "shallow": TINY.replace(network="shallow"),
}
LARGE = ("paper", "source", "torchvision")
# Another value than the default for each choice.
OTHERWISE: dict[str, Any] = {
    "activation": "tanh",
    "lrn": False,
    "overlap": False,
    "columns": 1,
    "without": "conv4",
    "dropout": False,
    "batch_norm": True,
    "residual": True,
}
DEFAULTS = {name: str(AlexNetRecipe.model_fields[name].default).lower() for name in OTHERWISE}
# Parts a network lacks, so that turning them off is no fault and changes nothing.
LACKS = {("cifar", "dropout"), ("local", "dropout"), ("shallow", "dropout"), ("shallow", "lrn")}
HAS = [(name, choice) for name, choices in CHOICES.items() for choice in choices]
HAS_NOT = [(name, choice) for name in CHOICES for choice in OTHERWISE if choice not in CHOICES[name]]


def built(recipe: AlexNetRecipe, classes: int = 10) -> nn.Module:
    if recipe.network not in LARGE:
        return network(recipe, classes)
    with torch.device("meta"):
        return network(recipe, classes)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_every_network_of_a_recipe_has_its_choices_listed() -> None:
    kinds = AlexNetRecipe.model_fields["network"].annotation.__args__
    assert set(CHOICES) == set(kinds) == set(BASES)
    assert set(OTHERWISE) == {choice for choices in CHOICES.values() for choice in choices}


@pytest.mark.parametrize("name", [name for name in BASES if name not in LARGE])
@pytest.mark.parametrize("classes", [2, 10])
def test_every_network_answers_with_its_recipes_pictures_and_classes(name: str, classes: int) -> None:
    recipe = BASES[name]
    scores = built(recipe, classes)(torch.randn(2, 3, recipe.crop, recipe.crop))
    assert scores.shape == (2, classes)
    assert torch.isfinite(scores).all()


@pytest.mark.parametrize("name", LARGE)
def test_the_large_networks_have_the_sizes_on_the_card(name: str) -> None:
    assert parameters(built(BASES[name], 1000)) == CARD.presets[name]


@pytest.mark.parametrize("name", [name for name in BASES if name not in LARGE])
def test_the_seed_decides_the_weights(name: str) -> None:
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(torch.cat([p.detach().flatten() for p in built(BASES[name]).parameters()]))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


# conv1 3->32, conv2 32->32, conv3 32->64 with 5 x 5 kernels; a dense layer on 64 maps of 4 x 4.
CIFAR = (32 * 75 + 32) + (32 * 800 + 32) + (64 * 800 + 64) + (10 * 1024 + 10)
# conv1 3->64, conv2 64->64 with 5 x 5 kernels; two layers with 3 x 3 kernels of their own at 36 positions; dense.
LOCAL = (64 * 75 + 64) + (64 * 1600 + 64) + 36 * (32 * 576 + 32) + 36 * (32 * 288 + 32) + (10 * 1152 + 10)
# 48 filters of 3 x 3 on 28 pixels, a dense layer on 48 maps of 14 x 14.
SHALLOW = (48 * 27 + 48) + (10 * 48 * 196 + 10)


@pytest.mark.parametrize(
    ("name", "changes", "expected", "counted"),
    [
        ("cifar", {"crop": 32}, 89_578, CIFAR),
        ("local", {"crop": 24}, 1_116_490, LOCAL),
        ("shallow", {}, 95_434, SHALLOW),
    ],
)
def test_the_small_networks_have_the_sizes_worked_out_by_hand(
    name: str, changes: dict[str, Any], expected: int, counted: int
) -> None:
    assert parameters(network(SMALL.replace(network=name, **changes), 10)) == expected == counted


def test_local_maps_widen_the_third_layer_of_the_local_network() -> None:
    model = network(BASES["local"].replace(local_maps=64), 10)
    assert isinstance(model.local3, LocallyConnected)
    assert parameters(model.local3) == 36 * (64 * 576 + 64)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
def test_the_shallow_network_is_one_convolution_one_pooling_and_the_classes(activation: str) -> None:
    torch.manual_seed(0)
    model = ShallowNet(7, pixels=20, activation=activation, maps=6, kernel=5).double()
    image = torch.randn(3, 3, 20, 20, dtype=torch.float64)
    act = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[activation]
    x = act(nn.functional.conv2d(image, model.conv1.weight, model.conv1.bias, padding=2))
    x = nn.functional.max_pool2d(x, 3, 2, ceil_mode=True).flatten(1)
    torch.testing.assert_close(model(image), x @ model.fc2.weight.T + model.fc2.bias)
    with pytest.raises(InputFault, match="3 x 22 x 22"):
        model(torch.zeros(1, 3, 22, 22, dtype=torch.float64))


@pytest.mark.parametrize(("name", "choice"), HAS)
def test_a_choice_that_a_network_has_changes_it(name: str, choice: str) -> None:
    before, after = built(BASES[name].replace(lrn=True)), built(BASES[name].replace(**{choice: OTHERWISE[choice]}))
    if choice == "lrn":
        assert (repr(before) == repr(after)) == ((name, choice) in LACKS)
    else:
        same = repr(built(BASES[name])) == repr(after)
        assert same == ((name, choice) in LACKS)


@pytest.mark.parametrize(("name", "choice"), HAS_NOT)
def test_a_choice_that_a_network_lacks_is_refused_with_those_that_have_it(name: str, choice: str) -> None:
    with pytest.raises(InputFault) as caught:
        built(BASES[name].replace(**{"lrn": True, choice: OTHERWISE[choice]}))
    fault = caught.value
    if choice in ("batch_norm", "residual"):  # which the recipe itself knows
        assert "network=modern" in fault.expected
        return
    assert f"'{name}' has no choice of {choice}" in fault.what
    assert fault.expected == f"{choice}={DEFAULTS[choice]}"
    named = [word.removeprefix("network=") for word in fault.remedy.split() if word.startswith("network=")]
    assert named == [other for other in CHOICES if choice in CHOICES[other]]
    for other in named:
        built(BASES[other].replace(**{choice: OTHERWISE[choice]}))


def test_the_modern_recipe_is_the_small_one_with_every_invention_and_the_same_widths() -> None:
    model = network(MODERN, 10)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in model.modules()) == 5
    small = dict(network(SMALL, 10).named_parameters())
    assert {name: p.shape for name, p in model.named_parameters() if name in small} == {
        name: p.shape for name, p in small.items()
    }


# --- Which weights are decayed.


def decayed(recipe: AlexNetRecipe) -> tuple[set[str], set[str], set[str]]:
    """The names of what is decayed, of what is not, and of what has a rate of its own."""
    model = network(recipe, 10)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = optimizer(recipe, model).param_groups
    assert sorted(id(p) for group in groups for p in group["params"]) == sorted(names), "each in one group"
    found: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for group in groups:
        for parameter in group["params"]:
            found[0 if group["weight_decay"] else 1].add(names[id(parameter)])
            if group["rate"] != 1.0:
                found[2].add(names[id(parameter)])
    return found


@pytest.mark.parametrize("name", ["scaled", "cifar", "local"])
def test_without_decay_of_convolutions_exactly_their_weights_go_undecayed(name: str) -> None:
    model = network(BASES[name], 10)
    convolutions = {f"{n}.weight" for n, layer in model.named_modules() if isinstance(layer, nn.Conv2d)}
    biases = {n for n, _ in model.named_parameters() if n.endswith("bias")}
    others = {n for n, _ in model.named_parameters()} - convolutions - biases
    assert convolutions
    assert others, "dense and locally connected layers"
    assert decayed(BASES[name]) == (convolutions | biases | others, set(), set())
    free = BASES[name].replace(decay_convolutions=False)
    assert decayed(free) == (biases | others, convolutions, set())
    section_3_3 = free.replace(decay_biases=False, bias_rate=2.0)
    assert decayed(section_3_3) == (others, convolutions | biases, biases)


def test_frozen_weights_are_in_no_group_and_no_group_is_empty() -> None:
    model = network(BASES["local"], 10)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("conv"))
    groups = parameter_groups(model, weight_decay=0.1, decay_convolutions=False, decay_biases=True, bias_rate=1.0)
    assert [len(group["params"]) for group in groups] == [2, 2]
    assert {id(p) for group in groups for p in group["params"]} == {
        id(p) for name, p in model.named_parameters() if name.startswith("conv")
    }
