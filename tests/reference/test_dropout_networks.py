"""The paper's nets: their counts, what they compute, and averages over thinned ones."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from epochal import landmarks as table
from epochal.core.fault import InputFault
from epochal.landmarks.dropout.convolutional import DropoutConvNet
from epochal.landmarks.dropout.model import Dropout, DropoutNet, of_layers
from epochal.landmarks.dropout.monte_carlo import averaged, averages, thinned
from epochal.landmarks.dropout.networks import network
from epochal.landmarks.dropout.recipe import CIFAR, PAPER, SOURCE
from epochal.landmarks.dropout.whitening import EPSILON, Whitening, contrast_normalised


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_networks_have_the_counts_of_the_card() -> None:
    recipes = {
        "3 x 1024 (paper)": PAPER,
        "2 x 8192": PAPER.replace(units=(8192, 8192)),
        "1024-1024-2048 (source, Table 9)": SOURCE,
        "CIFAR-10 (cifar)": CIFAR,
    }
    counts = table.load("dropout").CARD.presets
    assert set(recipes) == set(counts)
    with torch.device("meta"):
        assert {name: parameters(network(recipe, 10)) for name, recipe in recipes.items()} == counts
    assert counts["3 x 1024 (paper)"] == 2_913_290
    assert counts["2 x 8192"] == 73_629_706


def small(**changes) -> DropoutNet:
    torch.manual_seed(0)
    return DropoutNet(4, **{"pixels": 6, "units": (5, 7), "retention": (0.8, 0.5), **changes})


def test_in_use_the_net_is_the_plain_one_with_scaled_weights() -> None:
    """Figure 2: w <- p w, written with numpy."""
    model = small().eval()
    image = torch.randn(3, 3, 6, 6)
    x = image.mean(1).flatten(1).numpy().astype(np.float64)
    for place, kept in enumerate((0.8, 0.5, 0.5), 1):
        layer = model.get_submodule(f"fc{place}")
        x = x @ (kept * layer.weight.detach().numpy().T.astype(np.float64)) + layer.bias.detach().numpy()
        x = np.maximum(x, 0) if place < 3 else x
    assert np.allclose(model(image).detach().numpy(), x, atol=1e-5)


def test_without_dropout_it_is_torchs_own_stack_of_layers() -> None:
    model = small(retention=(1.0,)).train()
    plain = nn.Sequential(nn.Linear(36, 5), nn.ReLU(), nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 4))
    for place, layer in enumerate(layer for layer in plain if isinstance(layer, nn.Linear)):
        layer.load_state_dict(model.get_submodule(f"fc{place + 1}").state_dict())
    gray = torch.randn(3, 1, 6, 6).expand(3, 3, 6, 6)
    assert torch.allclose(model(gray), plain(gray[:, 0].flatten(1)), atol=1e-6)


def test_dropout_is_at_the_input_and_at_every_hidden_layer_with_its_own_retention() -> None:
    kept = [layer.retention for layer in small(retention=(0.9, 0.6, 0.4)).modules() if isinstance(layer, Dropout)]
    assert kept == [0.9, 0.6, 0.4]
    conv = DropoutConvNet(pixels=8, maps=(2, 3, 4), units=(5, 6))
    layers = [layer for layer in conv.modules() if isinstance(layer, Dropout)]
    assert [layer.retention for layer in layers] == [0.9, 0.75, 0.75, 0.5, 0.5, 0.5]
    order = [name for name, _ in conv.named_children() if name.startswith(("drop", "conv", "fc"))]
    assert " ".join(order) == "drop0 conv1 drop1 conv2 drop2 conv3 drop3 fc4 drop4 fc5 drop5 fc6"
    assert of_layers((0.8, 0.5), 4) == (0.8, 0.5, 0.5, 0.5)
    with pytest.raises(InputFault, match="3 retentions for the input and 1 hidden"):
        of_layers((0.8, 0.5, 0.5), 2)


def test_a_net_can_see_colours_and_can_be_a_softmax_alone() -> None:
    assert DropoutNet(4, pixels=6, gray=False, units=(), retention=(1.0,)).fc1.in_features == 108
    with pytest.raises(InputFault, match="3 x 5 x 5"):
        small()(torch.randn(1, 3, 5, 5))


def test_weights_start_with_the_deviation_that_was_asked_for() -> None:
    model = DropoutNet(units=(512,), gain=2.0)
    assert model.fc1.weight.detach().std() == pytest.approx(2.0 / 28, rel=0.02)
    assert model.fc2.weight.detach().std() == pytest.approx(2.0 / 512**0.5, rel=0.05)
    assert not model.fc1.bias.any()


def test_an_average_over_sampled_nets_tends_to_that_over_all_thinned_nets() -> None:
    torch.manual_seed(1)
    model = DropoutNet(3, pixels=2, units=(3,), retention=(0.8, 0.5), gain=3.0)
    image = torch.randn(2, 1, 2, 2).expand(2, 3, 2, 2)
    exact = torch.zeros(2, 3, dtype=torch.float64)
    for bits in itertools.product((0.0, 1.0), repeat=7):  # each of the 2^7 thinned nets, with its chance
        mask = torch.tensor(bits)
        chance = torch.where(mask[:4] > 0, 0.8, 0.2).prod() * 0.5**3
        hidden = torch.relu(model.fc1(image[:, 0].flatten(1) * mask[:4])) * mask[4:]
        exact += chance * torch.softmax(model.fc2(hidden).double(), 1)
    model.train()
    sampled = averaged(model, image, 3_000)
    assert torch.allclose(sampled.double(), exact, atol=0.03)
    assert model.training, "as it was before"
    assert all(module.training for module in model.modules())
    with pytest.raises(ValueError, match="0 nets"):
        averaged(model, image, 0)


def test_the_averages_are_running_ones() -> None:
    model = small().eval()
    image = torch.randn(5, 3, 6, 6)
    torch.manual_seed(3)
    said = list(averages(model, image, 4))
    torch.manual_seed(3)
    with thinned(model), torch.no_grad():
        each = [torch.softmax(model(image), 1) for _ in range(4)]
    for count, average in enumerate(said, 1):
        assert torch.allclose(average, torch.stack(each[:count]).mean(0), atol=1e-6)
    assert not any(module.training for module in model.modules())


def test_whitened_pictures_are_uncorrelated_and_turned_as_little_as_can_be() -> None:
    torch.manual_seed(5)
    mixed = torch.randn(4_000, 27) @ (torch.eye(27) + 0.15 * torch.randn(27, 27))
    pictures = mixed.view(4_000, 3, 3, 3)
    layer = Whitening(27)
    assert torch.allclose(layer(pictures), contrast_normalised(pictures), atol=1e-5), "the identity at first"
    layer.learn(pictures.split(500))
    flat = contrast_normalised(pictures).flatten(1).double().numpy()
    values, vectors = np.linalg.eigh(np.cov(flat.T, bias=True))
    expected = (flat - flat.mean(0)) @ (vectors / np.sqrt(values.clip(0) + EPSILON * values.mean())) @ vectors.T
    white = layer(pictures).flatten(1)
    assert np.allclose(white.numpy(), expected, atol=1e-2)
    covariance = torch.cov(white.T)
    # One direction is gone: the contrast's own, in which all pictures are the same.
    assert torch.linalg.eigvalsh(covariance)[1:].sub(1).abs().max() < 0.1
    assert torch.allclose(layer.matrix, layer.matrix.T, atol=1e-5), "ZCA: no rotation"


def test_contrast_normalisation_leaves_mean_0_and_deviation_1_and_a_flat_picture_flat() -> None:
    normal = contrast_normalised(torch.rand(6, 3, 8, 8) * 40 + 7)
    assert normal.mean((1, 2, 3)).abs().max() < 1e-5
    assert torch.allclose(normal.flatten(1).std(1, unbiased=False), torch.ones(6), atol=1e-4)
    assert not contrast_normalised(torch.full((1, 3, 4, 4), 5.0)).any()


@pytest.mark.parametrize("pixels", [8, 9, 28, 30])
def test_the_convolutional_net_takes_pictures_of_any_side(pixels: int) -> None:
    recipe = CIFAR.replace(maps=(2, 2, 2), units=(3, 3), stored_size=pixels, crop=pixels, whiten=False)
    assert network(recipe, 4)(torch.randn(2, 3, pixels, pixels)).shape == (2, 4)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"stored_size": 512, "crop": 512, "maps": (1, 1, 1), "units": (2, 2)},
            "whitening takes every pixel with every other: crop=100 or less, not 512",
        ),
        ({"max_norm": 1e-300}, "max_norm"),
        ({"retention": (1e-6,)}, "retention"),
    ],
)
def test_settings_that_no_machine_or_number_can_hold_are_refused(changes: dict, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        CIFAR.replace(**changes)
