"""ResNet's weights in others' layouts: the same weights give the same answers, there and here, and back."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.tiny import TINY_RESNET
from torch import nn

import epochal
from epochal.core.fault import InputFault
from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.resnet import exchange
from epochal.landmarks.resnet.imagenet import ResNet
from epochal.landmarks.resnet.model import CifarResNet
from epochal.verbs.weights import read_weights

MEAN, DEVIATION = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])


def trained(model: nn.Module) -> nn.Module:
    """A network whose statistics and scales are as after a training."""
    torch.manual_seed(5)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d | BatchNorm):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.8, 1.25)
            nn.init.normal_(module.bias, 0.0, 0.1)
    return model.eval()


def circulating(depth: int, path: Path) -> nn.Module:
    """Weights as the CIFAR-10 networks circulate: wrapped, prefixed, `linear` for `fc`, no counts of batches."""
    model = trained(CifarResNet(depth))
    state = {
        f"module.{name.replace('fc.', 'linear.')}": tensor
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    torch.save({"best_prec1": 91.0, "state_dict": state}, path)
    return model


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    return path


def normalised(picture: Path, side: int) -> torch.Tensor:
    image = Image.open(picture).convert("RGB").resize((side, side), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.asarray(image).copy()).float() / 255
    return ((pixels - MEAN) / DEVIATION).permute(2, 0, 1)[None]


@pytest.mark.parametrize("depth", [8, 14])
def test_circulating_weights_of_any_depth_answer_as_there(depth: int, picture: Path, tmp_path: Path) -> None:
    model = circulating(depth, tmp_path / "theirs.th")
    (told,) = epochal.predict("resnet", [picture], weights=tmp_path / "theirs.th", device="cpu", top=10)
    with torch.no_grad():
        wanted = model(normalised(picture, 32)).softmax(1)[0]
    found = dict(told.classes)
    assert [found[f"class {number}"] for number in range(10)] == pytest.approx(wanted.tolist(), abs=1e-5)


def test_the_depth_is_told_by_the_weights_and_another_is_refused(picture: Path, tmp_path: Path) -> None:
    circulating(14, tmp_path / "theirs.th")
    weights = read_weights(tmp_path / "theirs.th", "resnet")
    assert (weights.layout, weights.settings["depth"], weights.settings["shortcut"]) == ("akamaster", 14, "A")
    options = {"weights": weights, "device": "cpu"}
    assert epochal.predict("resnet", [picture], overrides=["depth=14"], **options)
    with pytest.raises(InputFault, match=r"another network: layer1\.2\.bn1\.bias is missing") as caught:
        epochal.predict("resnet", [picture], overrides=["depth=20"], **options)
    assert caught.value.remedy == "leave out --set depth: the weights tell it"


def test_counts_of_batches_that_old_files_lack_are_zero_and_told(tmp_path: Path) -> None:
    circulating(8, tmp_path / "theirs.th")
    weights = read_weights(tmp_path / "theirs.th", "resnet")
    counters = [name for name in weights.tensors if name.endswith("num_batches_tracked")]
    assert len(counters) == 7
    assert all(weights.tensors[name] == 0 for name in counters)
    assert any("nothing -> bn1.num_batches_tracked" in line for line in weights.account())
    assert not weights.unplaced


def test_torchvisions_weights_answer_as_torchvision_does(picture: Path, tmp_path: Path) -> None:
    import torchvision

    model = trained(torchvision.models.resnet18(num_classes=5))
    torch.save(model.state_dict(), tmp_path / "theirs.pth")
    (told,) = epochal.predict("resnet", [picture], weights=tmp_path / "theirs.pth", device="cpu", top=5)
    with torch.no_grad():
        wanted = model(normalised(picture, 256)[..., 16:240, 16:240]).softmax(1)[0]
    found = dict(told.classes)
    assert [found[f"class {number}"] for number in range(5)] == pytest.approx(wanted.tolist(), abs=2e-3)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
@pytest.mark.parametrize("option", ["A", "B", "C"])
def test_names_and_shapes_tell_depth_and_shortcut(depth: int, option: str) -> None:
    with torch.device("meta"):
        state = ResNet(depth, 9, shortcut=option).state_dict()
    layout = exchange.layout_of({name: tuple(tensor.shape) for name, tensor in state.items()})
    known = {name: layout.settings[name] for name in ("network", "depth", "shortcut", "variant")}
    assert known == {"network": "imagenet", "depth": depth, "shortcut": option, "variant": "v1.5"}
    assert set(layout.names) == set(state)
    assert layout.notes


@pytest.mark.parametrize("option", ["A", "B", "C"])
def test_names_and_shapes_tell_those_of_a_small_network_too(option: str) -> None:
    state = CifarResNet(20, shortcut=option).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    layout = exchange.layout_of(shapes)
    assert layout.name == "ours"
    assert layout.settings == {"network": "cifar", "depth": 20, "shortcut": option}
    with pytest.raises(InputFault, match="not in the layout torchvision"):
        exchange.layout_of(shapes, wanted="torchvision")
    with pytest.raises(InputFault, match="no layout is called 'keras'"):
        exchange.layout_of(shapes, wanted="keras")


@pytest.mark.parametrize("drop", ["layer3.1.conv1.weight", "conv1.weight"])
def test_weights_of_no_known_network_are_refused(drop: str) -> None:
    state = {name: tuple(t.shape) for name, t in CifarResNet(14).state_dict().items() if not name.startswith(drop[:9])}
    with pytest.raises(InputFault, match="not in a layout known for resnet"):
        exchange.layout_of(state)


def test_a_run_goes_out_in_akamasters_names() -> None:
    tensors = CifarResNet(8).state_dict()
    renamed, recipe = exchange.in_layout("akamaster", tensors, TINY_RESNET)
    assert {name.replace("linear.", "fc.") for name in renamed} == set(tensors)
    assert recipe == TINY_RESNET


@pytest.mark.parametrize(
    ("layout", "change", "told"),
    [
        ("torchvision", {"variant": "v1"}, "variant=v1"),
        ("torchvision", {"shortcut": "A"}, "shortcut=A"),
        ("torchvision", {"network": "cifar", "depth": 20}, "network=cifar"),
        ("akamaster", {}, "network=imagenet"),
    ],
)
def test_a_network_that_others_do_not_have_is_not_written_in_their_names(layout: str, change: dict, told: str) -> None:
    recipe = epochal.recipe("resnet", "paper").replace(**{"depth": 50, "shortcut": "B", "variant": "v1.5", **change})
    with pytest.raises(InputFault, match=told):
        exchange.in_layout(layout, {}, recipe)


# Published with the weights, measured again by everyone who uses them. Fifteen and forty seconds of a core.
@pytest.mark.real_data
@pytest.mark.timeout(1500)
@pytest.mark.parametrize(
    ("depth", "file", "top1"),
    [
        pytest.param(20, "resnet20-12fca82f.th", 0.9173, id="20"),
        pytest.param(56, "resnet56-4bfd9763.th", 0.9339, id="56", marks=pytest.mark.slow),
    ],
)
def test_the_weights_that_circulate_have_their_accuracy_on_cifar10(depth: int, file: str, top1: float) -> None:
    path = Path(os.environ["EPOCHAL_DATA"]) / "cifar-resnet-weights" / file
    if not path.is_file():
        pytest.skip("cifar-resnet-weights is not in EPOCHAL_DATA")
    measured = epochal.evaluate("resnet", weights=path, overrides=[f"depth={depth}"], data="cifar10", device="cpu")
    assert measured["top1"] == top1


@pytest.mark.parametrize(("shortcut", "is_told"), [("A", True), ("B", False)])
def test_weights_that_a_plain_network_could_have_too_are_said_to_be(shortcut: str, is_told: bool) -> None:
    model = CifarResNet(8, shortcut=shortcut)
    notes = exchange.layout_of({name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}).notes
    assert any("residual=false" in note for note in notes) == is_told
