"""The network of the 2012 code, against the same lines written out with torch's own layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from epochal.core.fault import InputFault
from epochal.landmarks.alexnet.source import SourceAlexNet


@pytest.fixture(scope="module")
def source() -> SourceAlexNet:
    torch.manual_seed(5)
    return SourceAlexNet(10).eval()


def in_columns(x: torch.Tensor) -> torch.Tensor:
    """torch's norm divides alpha by the size, as the 2012 code does."""
    norm = nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)
    return torch.cat([norm(half) for half in x.chunk(2, dim=1)], dim=1)


def spatial(x: torch.Tensor) -> torch.Tensor:
    """The sum over 5 x 5 positions as a convolution of each map with ones."""
    ones = torch.ones(x.shape[1], 1, 5, 5)
    return x / (1 + 0.001 / 25 * functional.conv2d(x**2, ones, padding=2, groups=x.shape[1])) ** 0.75


@torch.no_grad()
def test_the_forward_pass_is_that_of_the_2012_code(source: SourceAlexNet) -> None:
    w = dict(source.named_parameters())

    def convolved(x: torch.Tensor, i: int, columns: int, **how: int) -> torch.Tensor:
        return functional.conv2d(x, w[f"conv{i}.weight"], w[f"conv{i}.bias"], groups=columns, **how)

    image = torch.randn(2, 3, 224, 224) * 60
    x = torch.zeros(2, 3, 227, 227)
    x[:, :, :224, :224] = image
    x = functional.max_pool2d(in_columns(convolved(x, 1, 1, stride=4)), 3, 2).relu()
    x = functional.max_pool2d(spatial(in_columns(convolved(x, 2, 2, padding=2).relu())), 3, 2)
    x = convolved(x, 3, 1, padding=1).relu()
    x = convolved(x, 4, 2, padding=1).relu()
    x = functional.max_pool2d(convolved(x, 5, 2, padding=1), 3, 2).relu().flatten(1)
    for i in (6, 7):
        x = functional.linear(x, w[f"fc{i}.weight"], w[f"fc{i}.bias"]).relu() * 0.5
    x = functional.linear(x, w["fc8.weight"], w["fc8.bias"])
    torch.testing.assert_close(source(image), x, rtol=1e-4, atol=1e-4)


def test_the_middle_convolutions_start_three_times_as_wide(source: SourceAlexNet) -> None:
    for name in ("conv1", "conv2", "fc6", "fc7"):
        assert getattr(source, name).weight.std().item() == pytest.approx(0.01, rel=0.03)
    for name in ("conv3", "conv4", "conv5"):
        assert getattr(source, name).weight.std().item() == pytest.approx(0.03, rel=0.03)
    assert {
        name
        for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
        if (getattr(source, name).bias == 1).all()
    } == {"conv2", "conv4", "conv5", "fc6", "fc7"}


def test_images_of_the_papers_227_pixels_are_refused(source: SourceAlexNet) -> None:
    with pytest.raises(InputFault, match="3 x 227 x 227"):
        source(torch.zeros(1, 3, 227, 227))
