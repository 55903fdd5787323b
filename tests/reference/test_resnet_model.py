"""The networks against the paper's numbers and against its equations, written out once more."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import epochal
from epochal.core.fault import InputFault
from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.resnet.block import BasicBlock, Bottleneck
from epochal.landmarks.resnet.depths import IMAGENET, cifar_blocks, imagenet_blocks
from epochal.landmarks.resnet.imagenet import ResNet
from epochal.landmarks.resnet.model import CifarResNet
from epochal.landmarks.resnet.shortcut import ZeroPadded
from epochal.measure.cost import cost

PRESETS = epochal.landmark("resnet").presets


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def preset(name: str) -> nn.Module:
    """The network that a preset's name means."""
    size, _, more = name.partition(", ")
    choices = {"residual": False, "shortcut": "A"} if more == "plain" else {}
    choices |= {"shortcut": more[-1]} if more.startswith("shortcut") else {}
    with torch.device("meta"):
        if size.startswith("cifar"):
            return CifarResNet(int(size.split()[1]), **choices)
        return ResNet(int(size), **choices)


def test_every_preset_has_the_parameters_that_the_card_says() -> None:
    assert {name: count(preset(name)) for name in PRESETS} == PRESETS


@pytest.mark.parametrize("depth", [50, 101, 152])
def test_both_variants_of_a_bottleneck_network_have_the_same_parameters(depth: int) -> None:
    with torch.device("meta"):
        assert count(ResNet(depth, variant="v1")) == count(ResNet(depth, variant="v1.5"))


# Table 1's last row, in billions; torchvision's own count of V1.5 for 50 layers is 4.09.
@pytest.mark.parametrize(
    ("depth", "variant", "billions"),
    [(18, "v1", 1.8), (34, "v1", 3.6), (50, "v1", 3.8), (101, "v1", 7.6), (152, "v1", 11.3), (50, "v1.5", 4.09)],
)
def test_the_multiply_adds_are_those_of_table_1(depth: int, variant: str, billions: float) -> None:
    with torch.device("meta"):
        found = cost(ResNet(depth, variant=variant), torch.empty(1, 3, 224, 224)).multiply_adds
    assert found / 1e9 == pytest.approx(billions, rel=0.03)


@pytest.mark.parametrize("depth", [20, 32, 44, 56, 110])
def test_a_network_has_as_many_layers_as_its_name_says_and_its_plain_twin_the_same(depth: int) -> None:
    with torch.device("meta"):
        residual, plain = CifarResNet(depth), CifarResNet(depth, residual=False)
    layers = [m for m in residual.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    assert len(layers) == depth
    shapes = [{name: tuple(t.shape) for name, t in one.state_dict().items()} for one in (residual, plain)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("depth", IMAGENET)
def test_a_network_for_imagenet_has_as_many_layers_but_for_projections(depth: int) -> None:
    with torch.device("meta"):
        model = ResNet(depth)
    layers = [n for n, m in model.named_modules() if isinstance(m, nn.Conv2d | nn.Linear) and "downsample" not in n]
    assert len(layers) == depth


def by_hand(weights: dict[str, Tensor], image: Tensor, n: int, *, residual: bool, padded: bool) -> Tensor:
    """Section 4.2 in functions: (6n + 2) layers, in evaluation mode."""

    def layer(x: Tensor, conv: str, bn: str, stride: int = 1) -> Tensor:
        kernel = weights[f"{conv}.weight"]
        y = F.conv2d(x, kernel, None, stride, padding=kernel.shape[-1] // 2)
        mean, variance = weights[f"{bn}.running_mean"], weights[f"{bn}.running_var"]
        y = (y - mean[:, None, None]) / torch.sqrt(variance[:, None, None] + 1e-5)
        return y * weights[f"{bn}.weight"][:, None, None] + weights[f"{bn}.bias"][:, None, None]

    x = layer(image, "conv1", "bn1").relu()
    for stage in (1, 2, 3):
        for block in range(n):
            at, stride = f"layer{stage}.{block}", 2 if stage > 1 and block == 0 else 1
            y = layer(layer(x, f"{at}.conv1", f"{at}.bn1", stride).relu(), f"{at}.conv2", f"{at}.bn2")
            if residual and stride == 2 and padded:
                small, zeros = x[:, :, ::2, ::2], torch.zeros(len(x), x.shape[1] // 2, *y.shape[2:])
                y = y + torch.cat([zeros, small, zeros], 1)
            elif residual and stride == 2:
                y = y + layer(x, f"{at}.downsample.0", f"{at}.downsample.1", 2)
            elif residual:
                y = y + x
            x = y.relu()
    return x.mean((2, 3)) @ weights["fc.weight"].T + weights["fc.bias"]


@pytest.mark.parametrize(("residual", "option"), [(True, "A"), (True, "B"), (False, "A")])
@pytest.mark.parametrize("pixels", [32, 24])
def test_the_network_is_what_section_4_2_says(residual: bool, option: str, pixels: int) -> None:
    torch.manual_seed(1)
    model = CifarResNet(14, 7, residual=residual, shortcut=option).eval()
    for module in model.modules():
        if isinstance(module, BatchNorm):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0.0, 0.2)
    image = torch.randn(3, 3, pixels, pixels)
    with torch.no_grad():
        expected = by_hand(model.state_dict(), image, 2, residual=residual, padded=option == "A")
        torch.testing.assert_close(model(image), expected, rtol=1e-5, atol=1e-5)


def test_option_a_thins_out_and_pads_with_zeros_on_both_sides() -> None:
    x = torch.randn(2, 4, 5, 6)
    y = ZeroPadded(4, 8, 2)(x)
    assert y.shape == (2, 8, 3, 3)
    assert torch.equal(y[:, 2:6], x[:, :, ::2, ::2])
    assert not y[:, :2].any()
    assert not y[:, 6:].any()


@pytest.mark.parametrize(
    ("option", "projections"), [("A", 0), ("B", 3), ("C", 16)], ids=["zero padding", "on change", "everywhere"]
)
def test_an_option_projects_where_it_says(option: str, projections: int) -> None:
    with torch.device("meta"):
        model = ResNet(34, shortcut=option)
    assert sum(isinstance(block.downsample, nn.Sequential) for block in blocks(model)) == projections


def blocks(model: nn.Module) -> list[BasicBlock | Bottleneck]:
    return [module for module in model.modules() if isinstance(module, BasicBlock | Bottleneck)]


def test_a_block_whose_layers_answer_zero_is_a_rectified_identity_and_its_plain_twin_is_nothing() -> None:
    x = torch.randn(2, 6, 8, 8)
    for residual in (True, False):
        block = BasicBlock(6, 6, residual=residual)
        nn.init.zeros_(block.bn2.weight)
        assert torch.equal(block(x), x.relu() if residual else torch.zeros_like(x))


@pytest.mark.parametrize(("variant", "strides"), [("v1", (2, 1)), ("v1.5", (1, 2))])
def test_a_bottleneck_has_its_stride_where_the_variant_says(variant: str, strides: tuple[int, int]) -> None:
    with torch.device("meta"):
        first = ResNet(50, variant=variant).layer2[0]
    assert (first.conv1.stride[0], first.conv2.stride[0]) == strides
    assert first.conv3.stride == (1, 1)


def test_weights_are_drawn_with_the_variance_of_he() -> None:
    torch.manual_seed(0)
    model = CifarResNet(20)
    for name, layer in model.named_modules():
        if isinstance(layer, nn.Conv2d) and layer.weight.numel() > 2000:
            fan_in = layer.in_channels * 9
            assert float(layer.weight.detach().std()) == pytest.approx(math.sqrt(2 / fan_in), rel=0.1), name
            assert float(layer.weight.detach().mean()) == pytest.approx(0.0, abs=0.1 * math.sqrt(2 / fan_in)), name
        if isinstance(layer, BatchNorm):
            assert (layer.weight == 1).all()
            assert (layer.bias == 0).all()
    assert float(model.fc.weight.detach().std()) == pytest.approx(math.sqrt(2 / 64), rel=0.1)
    assert not model.fc.bias.any()


@pytest.mark.parametrize(("depth", "n"), [(8, 1), (20, 3), (50, 8), (110, 18), (164, 27), (1202, 200)])
def test_a_depth_of_6n_plus_2_has_n_blocks_in_each_stage(depth: int, n: int) -> None:
    assert cifar_blocks(depth) == n


@pytest.mark.parametrize(
    ("depth", "nearest"),
    [(2, "8"), (21, "20 or 26"), (25, "20 or 26"), (100, "98 or 104"), (10**6, "6002")],
)
def test_another_depth_is_refused_and_the_nearest_are_named(depth: int, nearest: str) -> None:
    with pytest.raises(InputFault, match=f"depth={depth}") as caught:
        cifar_blocks(depth)
    assert caught.value.expected.endswith(f"the nearest: {nearest}")


def test_imagenet_has_five_depths_and_two_plain_ones() -> None:
    with pytest.raises(InputFault) as caught:
        imagenet_blocks(56)
    assert "34 or 50" in caught.value.expected
    with pytest.raises(InputFault, match="no plain network"):
        ResNet(50, residual=False)
    with pytest.raises(InputFault, match="variant"):
        ResNet(50, variant="v2")
    with pytest.raises(InputFault, match="shortcut 'D'"):
        CifarResNet(20, shortcut="D")


@pytest.mark.parametrize("change", [{"depth": 21}, {"network": "imagenet", "depth": 20}, {"gentle_lr": 0.01}])
def test_a_recipe_that_does_not_fit_together_is_refused(change: dict) -> None:
    with pytest.raises(InputFault, match="do not fit together") as caught:
        epochal.recipe("resnet", "small").replace(**change)
    assert caught.value.expected


def test_the_recipe_names_the_nearest_depths() -> None:
    with pytest.raises(InputFault) as caught:
        epochal.recipe("resnet", "small").override(["depth=50", "depth=51"])
    assert "50 or 56" in caught.value.expected


def test_the_papers_recipe_for_cifar_has_its_steps() -> None:
    recipe = epochal.recipe("resnet", "paper-cifar")
    steps = 50_000 // recipe.batch_size
    assert [round(epochs * steps) for epochs in (*recipe.drop_epochs, recipe.epochs)] == [32_000, 48_000, 64_000]


@pytest.mark.parametrize("shape", [(1, 1, 32, 32), (1, 3, 7, 32)])
def test_images_that_it_can_do_nothing_with_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputFault, match="images of shape"):
        CifarResNet(8)(torch.zeros(shape))


def test_its_normalisation_is_that_of_the_landmark_it_builds_on() -> None:
    model = ResNet(18, 2, shortcut="B")
    assert not any(isinstance(module, nn.modules.batchnorm._NormBase) for module in model.modules())
    assert sum(isinstance(module, BatchNorm) for module in model.modules()) == 1 + 16 + 3


def test_a_batch_with_one_value_for_each_map_is_refused() -> None:
    """A single picture of 32 pixels has one place left in the last stage."""
    recipe = epochal.recipe("resnet", "smoke").replace(
        network="imagenet", depth=18, shortcut="B", crop=32, stored_size=32, padding=0, batch_size=1
    )
    with pytest.raises(InputFault, match="a batch of one value has no variance"):
        epochal.train("resnet", recipe=recipe, workers=0, device="cpu")
