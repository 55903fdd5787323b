"""The networks for small pictures: the scaled AlexNet and the 2012 release's nets for CIFAR-10."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from epochal.core.fault import InputFault
from epochal.landmarks.alexnet.cifar import CifarNet, LocalCifarNet, LocallyConnected
from epochal.landmarks.alexnet.init import PAPER
from epochal.landmarks.alexnet.scaled import ScaledAlexNet, Widths

SMALL = Widths(maps=(8, 16, 24, 24, 16), kernels=(5, 3), units=32)


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize("pixels", [16, 24, 28, 32])
@pytest.mark.parametrize("overlap", [True, False])
def test_the_scaled_network_fits_its_pictures(pixels: int, overlap: bool) -> None:
    model = ScaledAlexNet(7, pixels=pixels, overlap=overlap, widths=SMALL)
    assert model(torch.randn(2, 3, pixels, pixels)).shape == (2, 7)


def test_windows_that_overlap_give_maps_of_the_same_size() -> None:
    for pixels in (28, 32):
        overlapping = ScaledAlexNet(pixels=pixels, widths=SMALL)
        apart = ScaledAlexNet(pixels=pixels, widths=SMALL, overlap=False)
        for pool in ("pool1", "pool2", "pool5"):
            x = torch.zeros(1, 1, pixels // 2, pixels // 2)
            assert getattr(overlapping, pool)(x).shape == getattr(apart, pool)(x).shape
        assert parameters(overlapping) == parameters(apart)


def test_the_scaled_network_has_the_papers_structure() -> None:
    model = ScaledAlexNet()
    assert [getattr(model, f"conv{i}").groups for i in range(1, 6)] == [1, 2, 1, 2, 2]
    halved = ScaledAlexNet(columns=1)
    assert [getattr(halved, f"conv{i}").out_channels for i in range(1, 6)] == [32, 96, 192, 192, 256]
    assert [getattr(halved, f"conv{i}").groups for i in range(1, 6)] == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("choices", [{"without": w, "columns": c} for w in ("conv3", "conv4", "conv5") for c in (1, 2)])
def test_the_scaled_network_works_without_a_middle_layer(choices: dict[str, object]) -> None:
    model = ScaledAlexNet(widths=SMALL, **choices)  # type: ignore[arg-type]
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 10)
    assert sum(isinstance(layer, nn.Conv2d) for layer in model.modules()) == 4


def test_one_step_changes_every_weight() -> None:
    torch.manual_seed(1)
    model = ScaledAlexNet(widths=SMALL)
    functional.cross_entropy(model(torch.randn(16, 3, 32, 32)), torch.arange(16) % 10).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_the_scaled_network_can_start_as_the_paper_does() -> None:
    model = ScaledAlexNet(init=PAPER)
    assert model.fc6.weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert (model.fc6.bias == 1).all()


def test_pictures_of_another_size_are_refused() -> None:
    for model in (ScaledAlexNet(widths=SMALL), CifarNet(), LocalCifarNet(pixels=32)):
        with pytest.raises(InputFault, match="3 x 30 x 30") as caught:
            model(torch.zeros(1, 3, 30, 30))
        assert caught.value.expected == "3 x 32 x 32"


def test_an_unknown_activation_is_refused() -> None:
    for network in (ScaledAlexNet, CifarNet, LocalCifarNet):
        with pytest.raises(InputFault, match="'swish'"):
            network(activation="swish")


# conv 5x5 of 3->32, 32->32, 32->64 maps, and a dense layer on 64 maps of 4 x 4 or 3 x 3 positions
@pytest.mark.parametrize(("pixels", "dense"), [(32, 10_250), (24, 5_770)])
def test_the_four_layer_network_has_its_size(pixels: int, dense: int) -> None:
    model = CifarNet(pixels=pixels)
    assert {name: parameters(layer) for name, layer in model.named_children() if parameters(layer)} == {
        "conv1": 2_432,
        "conv2": 25_632,
        "conv3": 51_264,
        "fc10": dense,
    }
    assert model(torch.randn(2, 3, pixels, pixels)).shape == (2, 10)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid"])
@pytest.mark.parametrize("lrn", [True, False])
def test_the_four_layer_network_is_that_of_the_file(activation: str, lrn: bool) -> None:
    torch.manual_seed(2)
    model = CifarNet(activation=activation, lrn=lrn).double()
    act = {"relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}[activation]
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64) * 50

    def normed(x: torch.Tensor) -> torch.Tensor:
        ones = torch.ones(x.shape[1], 1, 3, 3, dtype=x.dtype)
        total = functional.conv2d(x**2, ones, padding=1, groups=x.shape[1])
        return x / (1 + 0.00005 / 9 * total) ** 0.75 if lrn else x

    x = normed(functional.max_pool2d(act(model.conv1(image)), 3, 2, ceil_mode=True))
    x = normed(functional.avg_pool2d(act(model.conv2(x)), 3, 2, ceil_mode=True))
    x = functional.avg_pool2d(act(model.conv3(x)), 3, 2, ceil_mode=True)
    torch.testing.assert_close(model(image), model.fc10(x.flatten(1)))


def test_the_small_networks_start_as_their_files_say() -> None:
    torch.manual_seed(4)
    model = LocalCifarNet(maps3=64)
    expected = {"conv1": 0.0001, "conv2": 0.01, "local3": 0.04, "local4": 0.04, "fc10": 0.01}
    for name, sd in expected.items():
        layer = getattr(model, name)
        assert layer.weight.std().item() == pytest.approx(sd, rel=0.05), name
        assert not layer.bias.any()


# 36 positions, each with its own 3 x 3 kernels and its own biases
@pytest.mark.parametrize(("maps3", "local3", "local4"), [(32, 664_704, 332_928), (64, 1_329_408, 664_704)])
def test_the_locally_connected_networks_have_their_sizes(maps3: int, local3: int, local4: int) -> None:
    model = LocalCifarNet(maps3=maps3)
    counts = {name: parameters(layer) for name, layer in model.named_children() if parameters(layer)}
    assert counts == {"conv1": 4_864, "conv2": 102_464, "local3": local3, "local4": local4, "fc10": 11_530}
    assert model(torch.randn(2, 3, 24, 24)).shape == (2, 10)


@torch.no_grad()
def test_normalisation_comes_after_the_first_pool_and_before_the_second() -> None:
    torch.manual_seed(3)
    model = LocalCifarNet()
    image = torch.randn(2, 3, 24, 24) * 2000
    norm = nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0)  # torch divides by the size, as the code does
    x = norm(functional.max_pool2d(model.conv1(image).relu(), 3, 2, ceil_mode=True))
    x = functional.max_pool2d(norm(model.conv2(x).relu()), 3, 2, ceil_mode=True)
    x = model.local4(model.local3(x).relu()).relu()
    torch.testing.assert_close(model(image), model.fc10(x.flatten(1)))
    assert not torch.allclose(LocalCifarNet.forward(model, image), _without_norm(model)(image))


def _without_norm(model: LocalCifarNet) -> LocalCifarNet:
    twin = LocalCifarNet(lrn=False)
    twin.load_state_dict(model.state_dict())
    return twin


def test_equal_weights_everywhere_make_a_locally_connected_layer_a_convolution() -> None:
    torch.manual_seed(6)
    convolution = nn.Conv2d(5, 7, 3, padding=1, dtype=torch.float64)
    layer = LocallyConnected(5, 7, 6).double()
    with torch.no_grad():
        layer.weight.copy_(convolution.weight.flatten(1).T.expand_as(layer.weight))
        layer.bias.copy_(convolution.bias.expand_as(layer.bias))  # type: ignore[union-attr]
    x = torch.randn(2, 5, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(layer(x), convolution(x))


def test_a_locally_connected_layer_differs_from_place_to_place() -> None:
    torch.manual_seed(6)
    layer = LocallyConnected(1, 1, 4)
    with torch.no_grad():
        layer.weight.zero_()
        layer.weight[1 * 4 + 2, 4] = 5.0  # row 1, column 2; the middle of the kernel
    x = torch.rand(1, 1, 4, 4) + 1
    expected = torch.zeros(4, 4)
    expected[1, 2] = 5.0 * x[0, 0, 1, 2]
    assert torch.equal(layer(x)[0, 0], expected)
