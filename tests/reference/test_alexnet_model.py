"""The paper's network: its counts, its shapes, its columns, and how it starts."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from epochal.core.fault import InputFault
from epochal.landmarks.alexnet.init import PAPER, SOURCE, Init, initialise
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.alexnet.model import AlexNet
from epochal.landmarks.alexnet.source import SourceAlexNet
from epochal.landmarks.dropout.model import Dropout

LAYERS = {
    "conv1": 34_944,
    "conv2": 307_456,
    "conv3": 885_120,
    "conv4": 663_936,
    "conv5": 442_624,
    "fc6": 37_752_832,
    "fc7": 16_781_312,
    "fc8": 4_097_000,
}

# Channels, height, width as in Section 3.5 and the paper's Figure 2.
SHAPES = {
    "conv1": (96, 55, 55),
    "norm1": (96, 55, 55),
    "pool1": (96, 27, 27),
    "conv2": (256, 27, 27),
    "norm2": (256, 27, 27),
    "pool2": (256, 13, 13),
    "conv3": (384, 13, 13),
    "conv4": (384, 13, 13),
    "conv5": (256, 13, 13),
    "pool5": (256, 6, 6),
    "fc6": (4096,),
    "fc7": (4096,),
    "fc8": (1000,),
}


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.fixture(scope="module")
def paper() -> AlexNet:
    torch.manual_seed(7)
    return AlexNet().eval()


def unbuilt(**choices: object) -> AlexNet:
    """A network without numbers in it, to count."""
    with torch.device("meta"):
        return AlexNet(**choices)  # type: ignore[arg-type]


def outputs_of(model: nn.Module, image: torch.Tensor) -> dict[str, torch.Tensor]:
    """What every layer gives for an image."""
    seen: dict[str, torch.Tensor] = {}
    hooks = [
        layer.register_forward_hook(lambda _, __, output, name=name: seen.__setitem__(name, output))
        for name, layer in model.named_children()
    ]
    with torch.no_grad():
        model(image)
    for hook in hooks:
        hook.remove()
    return seen


def test_every_layer_has_the_papers_number_of_parameters(paper: AlexNet) -> None:
    counts = {name: parameters(layer) for name, layer in paper.named_children() if parameters(layer)}
    assert counts == LAYERS
    assert parameters(paper) == 60_965_224
    assert sum(count for name, count in counts.items() if name.startswith("conv")) == 2_334_080


def test_one_column_halves_every_convolution_but_the_last() -> None:
    model = unbuilt(columns=1)
    assert parameters(model) == 59_798_312
    assert [getattr(model, f"conv{i}").out_channels for i in range(1, 6)] == [48, 128, 192, 192, 256]


@pytest.mark.parametrize("choices", [{"activation": "tanh"}, {"lrn": False}, {"overlap": False}, {"dropout": False}])
def test_what_has_no_weights_changes_no_count(choices: dict[str, object]) -> None:
    assert parameters(unbuilt(**choices)) == 60_965_224


@pytest.mark.parametrize(
    ("without", "count"),
    [
        # conv4 sees the 256 maps of conv2, 128 in each column
        ("conv3", 60_965_224 - 885_120 - 384 * (192 - 128) * 9),
        ("conv4", 60_965_224 - 663_936),
        # fc6 sees the 384 maps of conv4
        ("conv5", 60_965_224 - 442_624 + (384 - 256) * 36 * 4096),
    ],
)
def test_a_middle_layer_can_be_left_out(without: str, count: int) -> None:
    model = unbuilt(without=without)
    assert parameters(model) == count
    assert model(torch.empty(1, 3, 227, 227, device="meta")).shape == (1, 1000)


@pytest.mark.parametrize("overlap", [True, False])
def test_every_layers_output_has_the_papers_shape(overlap: bool) -> None:
    model = unbuilt(overlap=overlap)
    shapes = {name: tuple(output.shape[1:]) for name, output in outputs_of(model, _blank()).items()}
    assert {name: shapes[name] for name in SHAPES} == SHAPES


def _blank() -> torch.Tensor:
    return torch.empty(1, 3, 227, 227, device="meta")


def test_one_image_takes_724_million_multiplications() -> None:
    model = unbuilt()
    total = 0
    for name, output in outputs_of(model, _blank()).items():
        layer = getattr(model, name)
        if isinstance(layer, nn.Conv2d | nn.Linear):
            total += output[0].numel() * layer.weight[0].numel()
    assert total / 1e6 == pytest.approx(724.4, abs=0.05)


def test_the_hidden_layers_have_659_272_units() -> None:
    outputs = outputs_of(unbuilt(), _blank())
    assert sum(output[0].numel() for name, output in outputs.items() if name.startswith(("conv", "fc"))) == 659_272


@pytest.mark.parametrize("layer", ["conv2", "conv4", "conv5"])
def test_a_column_sees_only_its_own_maps(paper: AlexNet, layer: str) -> None:
    first, second = _changed_halves(getattr(paper, layer))
    assert first
    assert not second


def test_the_third_convolution_sees_both_columns(paper: AlexNet) -> None:
    assert _changed_halves(paper.conv3) == (True, True)


@torch.no_grad()
def _changed_halves(convolution: nn.Module) -> tuple[bool, bool]:
    """Which halves of the maps that go out change with the first half of those that come in."""
    assert isinstance(convolution, nn.Conv2d)
    x = torch.randn(1, convolution.in_channels, 4, 4)
    y = x.clone()
    y[:, : convolution.in_channels // 2] += 1.0
    first, second = (convolution(x) != convolution(y)).any(dim=(0, 2, 3)).chunk(2)
    assert first.all() or not first.any()
    assert second.all() or not second.any()
    return bool(first.any()), bool(second.any())


def test_the_forward_pass_is_the_papers_sequence(paper: AlexNet) -> None:
    """Every line again, from the weights alone."""
    functional = nn.functional
    w = dict(paper.named_parameters())
    image = torch.randn(1, 3, 227, 227) * 50
    x = image
    for i, stride, padding, columns in ((1, 4, 0, 1), (2, 1, 2, 2), (3, 1, 1, 1), (4, 1, 1, 2), (5, 1, 1, 2)):
        x = functional.conv2d(x, w[f"conv{i}.weight"], w[f"conv{i}.bias"], stride, padding, 1, columns).clamp(min=0)
        if i in (1, 2):
            x = functional.local_response_norm(x, 5, 5e-4, 0.75, 2.0)
        if i in (1, 2, 5):
            x = functional.max_pool2d(x, 3, 2)
    x = x.flatten(1)
    x = 0.5 * functional.linear(x, w["fc6.weight"], w["fc6.bias"]).clamp(min=0)
    x = 0.5 * functional.linear(x, w["fc7.weight"], w["fc7.bias"]).clamp(min=0)
    x = functional.linear(x, w["fc8.weight"], w["fc8.bias"])
    with torch.no_grad():
        torch.testing.assert_close(paper(image), x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(1, 3, 224, 224), (2, 1, 227, 227), (1, 3, 227, 224)])
def test_images_of_another_size_are_refused(shape: tuple[int, ...]) -> None:
    model = unbuilt()
    with pytest.raises(InputFault, match=f"{shape[1]} x {shape[2]} x {shape[3]}") as caught:
        model(torch.empty(shape, device="meta"))
    assert caught.value.expected == "3 x 227 x 227"


@pytest.mark.parametrize(
    ("choices", "message"),
    [({"activation": "gelu"}, "gelu"), ({"columns": 3}, "3 columns"), ({"without": "conv1"}, "conv1")],
)
def test_what_the_paper_does_not_vary_is_refused(choices: dict[str, object], message: str) -> None:
    with pytest.raises(InputFault, match=message):
        unbuilt(**choices)


@pytest.mark.parametrize(("name", "kind"), [("relu", nn.ReLU), ("tanh", nn.Tanh), ("sigmoid", nn.Sigmoid)])
def test_the_activation_is_used_after_every_layer_but_the_last(name: str, kind: type[nn.Module]) -> None:
    model = unbuilt(activation=name)
    assert sum(isinstance(layer, kind) for layer in model.modules()) == 7
    assert not any(getattr(layer, "inplace", False) for layer in model.modules())


def test_no_module_runs_twice() -> None:
    model = unbuilt()
    runs: list[str] = []
    for name, layer in model.named_children():
        layer.register_forward_hook(lambda *_, name=name: runs.append(name))
    model(_blank())
    assert runs == [name for name, _ in model.named_children()]


def test_response_normalisation_can_be_left_out() -> None:
    assert sum(isinstance(layer, LocalResponseNorm) for layer in unbuilt().modules()) == 2
    assert not any(isinstance(layer, LocalResponseNorm) for layer in unbuilt(lrn=False).modules())


def test_the_weights_start_as_section_5_says(paper: AlexNet) -> None:
    for name in LAYERS:
        layer = getattr(paper, name)
        # Five times the standard error of the mean and of the deviation of so many draws.
        slack = 5 * 0.01 / math.sqrt(layer.weight.numel())
        assert abs(layer.weight.mean().item()) < slack
        assert layer.weight.std().item() == pytest.approx(0.01, abs=slack)
        ones = name in ("conv2", "conv4", "conv5", "fc6", "fc7")
        assert torch.equal(layer.bias, torch.full_like(layer.bias, 1.0 if ones else 0.0))


class Few(nn.Module):
    """Layers with the paper's names, but small."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 5)
        self.conv3 = nn.Conv2d(64, 64, 3)
        self.fc6 = nn.Linear(300, 200)


def test_other_starts_can_be_asked_for() -> None:
    model = Few()
    initialise(model, SOURCE)
    assert model.conv1.weight.std().item() == pytest.approx(0.01, rel=0.06)
    assert model.conv3.weight.std().item() == pytest.approx(0.03, rel=0.06)
    initialise(model, Init(sd=None, middle_sd=0.02, bias=0.1))
    assert model.conv1.weight.std().item() == pytest.approx(math.sqrt(2 / 75), rel=0.06)
    assert model.conv3.weight.std().item() == pytest.approx(0.02, rel=0.06)
    assert model.fc6.weight.std().item() == pytest.approx(math.sqrt(2 / 300), rel=0.06)
    assert model.fc6.bias.unique().item() == pytest.approx(0.1)
    assert model.conv1.bias.unique().item() == 0.0


def test_the_same_seed_gives_the_same_weights() -> None:
    one, two = Few(), Few()
    initialise(one, PAPER, torch.Generator().manual_seed(3))
    initialise(two, PAPER, torch.Generator().manual_seed(3))
    torch.manual_seed(3)
    three = Few()
    torch.manual_seed(3)
    initialise(three, PAPER)
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, two.state_dict()[name])
        assert torch.equal(weight, three.state_dict()[name])


def test_dropout_silences_half_and_use_halves_all() -> None:
    torch.manual_seed(0)
    x = torch.rand(50, 400) + 1.0
    layer = Dropout()
    y = layer(x)
    kept = y != 0
    assert torch.equal(y[kept], x[kept])
    assert kept.float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert torch.equal(layer.eval()(x), x / 2)
    torch.manual_seed(0)
    torch.rand(50, 400)
    assert torch.equal(layer.train()(x), y)


def source_outputs() -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        return outputs_of(SourceAlexNet(), torch.empty(1, 3, 224, 224))


def test_the_source_network_has_the_papers_shapes_and_count() -> None:
    shapes = {name: tuple(output.shape[1:]) for name, output in source_outputs().items()}
    assert {name: shapes[name] for name in SHAPES} == SHAPES
    assert list(shapes)[:4] == ["conv1", "norm1", "pool1", "relu1"]
    with torch.device("meta"):
        assert parameters(SourceAlexNet()) == 60_965_224
