"""Our networks for ImageNet against torchvision's with the same weights: keys, outputs, gradients, statistics."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from epochal.landmarks.resnet.imagenet import ResNet

CLASSES = 6
DEPTHS = (18, 34, 50, 101, 152)


def theirs(depth: int) -> nn.Module:
    import torchvision

    torch.manual_seed(depth)
    model = getattr(torchvision.models, f"resnet{depth}")(num_classes=CLASSES)
    for module in model.modules():  # as after a training
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.25)
            nn.init.uniform_(module.weight, 0.8, 1.0)
            nn.init.normal_(module.bias, 0.0, 0.1)
    return model


def ours(depth: int, model: nn.Module, variant: str = "v1.5") -> ResNet:
    found = ResNet(depth, CLASSES, variant=variant)
    found.load_state_dict(model.state_dict())
    return found


def assert_same(a: torch.Tensor, b: torch.Tensor) -> None:
    """Equal to 1e-5 of the largest number."""
    assert float((a - b).abs().max()) <= 1e-5 * float(b.abs().max().clamp_min(1e-6))


@pytest.mark.parametrize("depth", DEPTHS)
def test_keys_and_shapes_are_torchvisions(depth: int) -> None:
    import torchvision

    with torch.device("meta"):
        models = (getattr(torchvision.models, f"resnet{depth}")(), ResNet(depth))
    shapes = [{key: tuple(value.shape) for key, value in model.state_dict().items()} for model in models]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("depth", [18, 50])
@pytest.mark.parametrize("pixels", [64, 97])
def test_equal_weights_give_equal_scores(depth: int, pixels: int) -> None:
    model = theirs(depth).eval()
    image = torch.randn(2, 3, pixels, pixels)
    with torch.no_grad():
        assert_same(ours(depth, model).eval()(image), model(image))


@pytest.mark.parametrize("depth", [18, 50])
def test_equal_weights_give_equal_gradients_and_statistics(depth: int) -> None:
    model = theirs(depth).double()
    twin = ours(depth, model).double()
    image, labels = torch.randn(4, 3, 64, 64, dtype=torch.float64), torch.tensor([0, 1, 2, 3])
    for one in (model, twin):
        functional.cross_entropy(one.train()(image), labels).backward()
    expected = dict(model.named_parameters())
    for name, parameter in twin.named_parameters():
        assert parameter.grad is not None
        assert expected[name].grad is not None
        assert_same(parameter.grad, expected[name].grad)
    for (name, buffer), (_, wanted) in zip(twin.named_buffers(), model.named_buffers(), strict=True):
        assert torch.allclose(buffer.double(), wanted.double(), rtol=1e-6), name


def test_the_first_variant_is_torchvisions_with_the_stride_in_the_first_layer() -> None:
    model = theirs(50).eval()
    image = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        other = model(image)
        for stage in (model.layer2, model.layer3, model.layer4):
            stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
        printed = model(image)
        assert_same(ours(50, model, "v1").eval()(image), printed)
    assert float((other - printed).abs().max()) > 1e-3 * float(printed.abs().max())


def test_our_weights_load_there() -> None:
    model, twin = theirs(18).eval(), ResNet(18, CLASSES).eval()
    model.load_state_dict(twin.state_dict())
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert_same(model(image), twin(image))
