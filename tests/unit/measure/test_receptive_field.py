"""Receptive fields against gradients, against the arithmetic of strides, and where they are known by heart."""

import numpy as np
import pytest
import torch
from tests.tiny import TINY
from torch import nn
from torch.nn import functional

from epochal.core.fault import InputFault
from epochal.landmarks.alexnet.networks import network
from epochal.measure.receptive_field import receptive_fields


def by_gradient(model: nn.Module, shape: tuple, layer: str) -> np.ndarray:
    """What each unit sees by brute force: the pixels that have a gradient, in a twin where nothing cancels or stops it.

    [rows, columns, 4]: top, left, bottom, right.
    """
    for name, module in list(model.named_modules()):
        owner = model.get_submodule(name.rpartition(".")[0])
        leaf = name.rpartition(".")[2]
        if isinstance(module, nn.MaxPool2d):
            average = nn.AvgPool2d(module.kernel_size, module.stride, module.padding, module.ceil_mode)
            setattr(owner, leaf, average)
        elif isinstance(module, nn.ReLU | nn.Tanh | nn.Sigmoid):
            setattr(owner, leaf, nn.Softplus())
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.abs() + 0.01)
    model.double().eval()
    seen: list[torch.Tensor] = []
    model.get_submodule(layer).register_forward_hook(lambda _m, _a, output: seen.append(output))
    image = torch.rand(shape, dtype=torch.float64, requires_grad=True)
    model(image)
    maps = seen[0]
    boxes = np.empty((*maps.shape[2:], 4), dtype=int)
    for row, column in np.ndindex(*maps.shape[2:]):
        (gradient,) = torch.autograd.grad(maps[0, :, row, column].sum(), image, retain_graph=True)
        there = np.argwhere(gradient[0].abs().sum(0).numpy() > 0)
        boxes[row, column] = [*there.min(0), *(there.max(0) + 1)]
    return boxes


def boxes(field, shape: tuple) -> np.ndarray:
    return np.array([[field.box(row, column) for column in range(shape[1])] for row in range(shape[0])])


class Beyond(nn.Module):
    """Zeros at the right and below, as the 2012 code reads them, and a part cut off."""

    def forward(self, x):
        return functional.pad(x, (0, 3, 0, 3))[:, :, 1:, 2:]


class Around(nn.Module):
    """A branch and a shortcut that sees more than the branch."""

    def __init__(self):
        super().__init__()
        self.branch, self.shortcut = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 5, padding=2)

    def forward(self, x):
        return torch.cat([self.branch(x) + self.shortcut(x), x], dim=1)


CHAINS = {
    "strides": [nn.Conv2d(3, 4, 5, stride=2), nn.ReLU(), nn.MaxPool2d(3, 2), nn.Conv2d(4, 6, 3, padding=1, groups=2)],
    "pools over the edge": [nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(4, 2, 3)],
    "dilation": [nn.Conv2d(3, 2, 3, dilation=3, padding=2), nn.AvgPool2d(2), nn.Conv2d(2, 2, 2)],
    "oblong": [nn.Conv2d(3, 2, (1, 5), stride=(2, 1)), nn.MaxPool2d((3, 1), (1, 2)), nn.Conv2d(2, 2, (3, 2))],
    "functions": [Beyond(), nn.Conv2d(3, 4, 4, stride=3), nn.ReLU(), Around()],
    "an even kernel": [nn.Conv2d(3, 4, 2, padding=1), nn.MaxPool2d(2), nn.Conv2d(4, 4, 4, stride=2)],
}


@pytest.mark.parametrize("chain", CHAINS)
def test_every_unit_sees_what_its_gradient_says(chain: str) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(*CHAINS[chain])
    shape = (1, 3, 23, 26)
    last = str(len(model) - 1)
    field = receptive_fields(model, torch.zeros(shape), [last])[last]
    expected = by_gradient(model, shape, last)
    assert (boxes(field, expected.shape) == expected).all()
    assert field.size == (
        (expected[..., 2] - expected[..., 0]).max(),
        (expected[..., 3] - expected[..., 1]).max(),
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"lrn": True},
        {"network": "modern", "batch_norm": True, "residual": True},
        {"network": "cifar", "lrn": True},
        {"network": "local", "lrn": True},
        {"network": "shallow"},
        {"columns": 1, "without": "conv4", "overlap": False},
    ],
    ids=str,
)
def test_every_network_of_the_recipe_sees_what_its_gradient_says(changes: dict) -> None:
    torch.manual_seed(0)
    recipe = TINY.replace(**changes)
    shape = (1, 3, recipe.crop, recipe.crop)
    model = network(recipe, 4)
    layers = [name for name in ("relu1", "relu2", "relu3", "relu5") if name in dict(model.named_modules())]
    fields = receptive_fields(model, torch.zeros(shape), layers)
    for layer in layers:
        expected = by_gradient(network(recipe, 4), shape, layer)
        assert (boxes(fields[layer], expected.shape) == expected).all(), layer


def test_the_papers_layers_see_what_the_arithmetic_says() -> None:
    """Each layer adds (kernel - 1) steps of the layer below it."""
    geometry = [(11, 4, 0), (3, 2, 0), (5, 1, 2), (3, 2, 0), (3, 1, 1), (3, 1, 1), (3, 1, 1)]
    layers: list[nn.Module] = []
    expected, size, step = {}, 1, 1
    for kernel, stride, padding in geometry:
        maps = 3 if not layers else 2
        is_pool = stride == 2
        layers.append(nn.MaxPool2d(kernel, stride) if is_pool else nn.Conv2d(maps, 2, kernel, stride, padding))
        size, step = size + (kernel - 1) * step, step * stride
        expected[str(len(layers) - 1)] = (size, size)
    fields = receptive_fields(nn.Sequential(*layers), torch.zeros(1, 3, 227, 227), list(expected))
    assert {name: field.size for name, field in fields.items()} == expected
    assert [size for size, _ in expected.values()] == [11, 19, 51, 67, 99, 131, 163]
    assert fields["0"].box(0, 54) == (0, 216, 11, 227)
    assert fields["2"].box(0, 26) == (0, 192, 35, 227), "cut off at the border"


def test_a_unit_that_sees_only_padding_sees_nothing() -> None:
    field = receptive_fields(nn.Conv2d(1, 1, 1, padding=2), torch.zeros(1, 1, 4, 4), [""])[""]
    assert field.box(0, 3) == (0, 1, 0, 2)
    assert field.box(2, 2) == (0, 0, 1, 1)


def test_the_network_is_not_touched() -> None:
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.BatchNorm2d(2)).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    receptive_fields(model, torch.zeros(1, 3, 8, 8), ["1"])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def test_what_has_no_maps_or_does_not_exist_is_refused() -> None:
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.dense, self.spare = nn.Conv2d(3, 2, 3), nn.Linear(72, 2), nn.Conv2d(3, 2, 3)

        def forward(self, x):
            return self.dense(self.conv(x).flatten(1))

    picture = torch.zeros(1, 3, 8, 8)
    with pytest.raises(InputFault, match="has no maps"):
        receptive_fields(Model(), picture, ["dense"])
    with pytest.raises(InputFault, match="did not run"):
        receptive_fields(Model(), picture, ["spare"])
    with pytest.raises(InputFault, match="no layer called 'conf'"):
        receptive_fields(Model(), picture, ["conf"])
