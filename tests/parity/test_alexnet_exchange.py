"""AlexNet's weights in others' layouts: the same weights give the same answers, there and here, and back."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.tiny import TINY
from tests.unit.interop.caffemodel import caffemodel
from torch import Tensor, nn
from torch.nn import functional as F

import epochal
from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.interop.onnx_file import write_onnx
from epochal.interop.safetensors_file import write_safetensors
from epochal.landmarks.alexnet import exchange
from epochal.landmarks.alexnet.cifar import CifarNet, LocalCifarNet
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.alexnet.model import AlexNet
from epochal.landmarks.alexnet.modern import ModernAlexNet
from epochal.landmarks.alexnet.networks import network
from epochal.landmarks.alexnet.scaled import ScaledAlexNet
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet
from epochal.landmarks.alexnet.transfer import own_recipe
from epochal.verbs.trained import load_classifier
from epochal.verbs.weights import load_into, read_weights, with_pixel_scale

CLASSES = 10


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    """Equal to 1e-5 of the largest answer."""
    assert float((ours - theirs).abs().max()) <= 1e-5 * float(theirs.abs().max())


def narrow_paper() -> AlexNet:
    """The paper's network, run by its own code, with layers so narrow that a test can afford it."""
    with torch.device("meta"):
        model = AlexNet(CLASSES)
    model.conv1, model.conv2 = nn.Conv2d(3, 16, 11, stride=4), nn.Conv2d(16, 32, 5, padding=2, groups=2)
    model.conv3 = nn.Conv2d(32, 24, 3, padding=1)
    model.conv4 = nn.Conv2d(24, 24, 3, padding=1, groups=2)
    model.conv5 = nn.Conv2d(24, 16, 3, padding=1, groups=2)
    model.fc6, model.fc7, model.fc8 = nn.Linear(16 * 36, 64), nn.Linear(64, 64), nn.Linear(64, CLASSES)
    return model.eval()


def narrow_head(model: nn.Module) -> nn.Module:
    """torchvision's network, or ours of its form, with narrow dense layers."""
    model.classifier[1], model.classifier[4] = nn.Linear(9216, 64), nn.Linear(64, 64)
    model.classifier[6] = nn.Linear(64, CLASSES)
    return model.eval()


def single_tower() -> nn.Module:
    with torch.device("meta"):
        model = SingleTowerAlexNet(CLASSES)
    return narrow_head(model).to_empty(device="cpu")


# --- torchvision ---


@pytest.fixture(scope="module")
def torchvisions() -> nn.Module:
    import torchvision

    torch.manual_seed(0)
    with torch.device("meta"):
        model = torchvision.models.alexnet(num_classes=CLASSES)
    narrow_head(model).to_empty(device="cpu")
    for layer in model.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    return model


def test_torchvisions_weights_give_torchvisions_answers_and_go_back(torchvisions: nn.Module, tmp_path: Path) -> None:
    torch.save(torchvisions.state_dict(), tmp_path / "alexnet.pth")
    weights = read_weights(tmp_path / "alexnet.pth", "alexnet")
    assert weights.layout == "torchvision"
    assert weights.settings["network"] == "torchvision"
    assert [row.name for row in weights.rows] == list(torchvisions.state_dict())
    model = single_tower()
    load_into(model, weights)
    image = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert_same(model(image), torchvisions(image))
    recipe = own_recipe(weights.settings)
    back, belongs_to = exchange.in_layout("torchvision", dict(model.state_dict()), recipe)
    assert belongs_to == recipe
    write_safetensors(tmp_path / "back.safetensors", back, {})
    again = read_weights(tmp_path / "back.safetensors", "alexnet")
    assert again.layout == "torchvision"
    state = torchvisions.state_dict()
    assert set(again.tensors) == set(state)
    assert all(torch.equal(again.tensors[name], state[name]) for name in state)


def test_torchvisions_weights_see_our_pixels_as_their_own(torchvisions: nn.Module) -> None:
    """Their deviations go into the first layer, so that centred pixels from 0 to 255 give their answers."""
    state = torchvisions.state_dict()
    stored = _stored(state, kind="torch")
    weights = _remapped(stored)
    ours = with_pixel_scale(weights, "alexnet", 64.0)
    assert ours.pixels is not None
    assert ours.pixels.scale == (64.0, 64.0, 64.0)
    assert "pixels divided by 64" in ours.rows[0].done[-1]
    picture = torch.randint(0, 256, (2, 3, 224, 224)).float()
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    deviation = torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    model = single_tower()
    load_into(model, ours)
    with torch.no_grad():
        theirs = torchvisions((picture / 255 - mean) / deviation)
        assert_same(model((picture - ours.pixels.mean[:, None, None]) / 64.0), theirs)


def _stored(state: dict[str, Tensor], kind: str, layers: str = "") -> Any:
    from epochal.interop.stored import Header, Stored

    headers = {name: Header(tuple(tensor.shape), tensor.dtype) for name, tensor in state.items()}
    return Stored(Path("weights"), kind, headers, lambda name: state[name].clone(), {"layers": layers})


def _remapped(stored: Any, wanted: str | None = None) -> Any:
    from epochal.interop.layout import common_prefix, remapped

    prefix = common_prefix(stored.tensors)
    shapes = {name.removeprefix(prefix): header.shape for name, header in stored.tensors.items()}
    layers = stored.metadata["layers"]
    return remapped(stored, exchange.layout_of(shapes, kind=stored.kind, layers=layers, wanted=wanted), prefix)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda name: f"module.{name}",
        lambda name: f"model.{name}",
        lambda name: f"_orig_mod.module.{name}",
        lambda name: name.replace("features.", "features.module."),
        lambda name: name.replace("features.", "module.features.module.").replace("classifier.", "module.classifier."),
    ],
    ids=["DataParallel", "Lightning", "compiled DataParallel", "torch's ImageNet example", "both"],
)
def test_wrapped_networks_are_recognised(wrap: Any) -> None:
    state = OrderedDict((wrap(name), torch.zeros(2, 3, 1, 1)) for name in exchange.TORCHVISION)
    weights = _remapped(_stored(state, "torch"))
    assert weights.layout == "torchvision"
    assert set(weights.tensors) == set(exchange.TORCHVISION)
    assert not weights.unplaced


def test_other_networks_of_torchvision_are_refused() -> None:
    import torchvision

    with torch.device("meta"):
        state = torchvision.models.vgg11().features.state_dict()
        model = SingleTowerAlexNet(CLASSES)
    weights = _remapped(
        _stored({f"features.{name}": torch.zeros(tensor.shape) for name, tensor in state.items()}, "torch")
    )
    with pytest.raises(InputFault, match=r"features\.0\.weight is 64 x 3 x 3 x 3") as fault:
        load_into(model, weights)
    assert fault.value.expected == "64 x 3 x 11 x 11"
    with pytest.raises(InputFault, match="not in a layout known for alexnet"):
        exchange.layout_of({"layer1.0.conv1.weight": (64, 64, 3, 3), "fc.weight": (1000, 512)})


@pytest.mark.parametrize("name", ["torchvision", "caffe"])
def test_a_layouts_settings_build_its_network(name: str) -> None:
    recipe = epochal.recipe("alexnet", "paper")
    names = (
        exchange.TORCHVISION if name == "torchvision" else [f"{layer}.{n}" for layer in exchange.LAYERS for n in (0, 1)]
    )
    layout = exchange.layout_of(dict.fromkeys(names, (1, 1, 1, 1)))
    assert layout.name == name
    with torch.device("meta"):
        model = network(recipe.replace(**layout.settings), CLASSES)
    assert set(model.state_dict()) == {layout.names[one] for one in names}
    assert layout.pixels is not None
    assert (layout.pixels.crop, layout.pixels.stored_size) == (224 if name == "torchvision" else 227, 256)


# --- Caffe ---


def caffe_answers(weights: dict[str, Tensor], bgr: Tensor) -> Tensor:
    """Caffe's AlexNet as its deploy.prototxt says: BGR, LRN with k = 1 and alpha / 5, ceil pooling, plain dense."""

    def conv(x: Tensor, layer: str, **options: int) -> Tensor:
        return F.relu(F.conv2d(x, weights[f"{layer}.0"], weights[f"{layer}.1"], **options))

    def pooled(x: Tensor) -> Tensor:
        return F.max_pool2d(x, 3, 2, ceil_mode=True)

    def normed(x: Tensor) -> Tensor:
        return F.local_response_norm(x, 5, alpha=1e-4, beta=0.75, k=1.0)

    x = pooled(normed(conv(bgr, "conv1", stride=4)))
    x = pooled(normed(conv(x, "conv2", padding=2, groups=2)))
    x = conv(conv(x, "conv3", padding=1), "conv4", padding=1, groups=2)
    x = pooled(conv(x, "conv5", padding=1, groups=2)).flatten(1)
    x = F.relu(F.linear(x, weights["fc6.0"], weights["fc6.1"]))
    x = F.relu(F.linear(x, weights["fc7.0"], weights["fc7.1"]))
    return F.linear(x, weights["fc8.0"], weights["fc8.1"])


@pytest.fixture(scope="module")
def caffes() -> dict[str, Tensor]:
    """Weights that let the norms bite: pixels of a hundred give responses of hundreds."""
    generator = torch.Generator().manual_seed(1)
    shapes = {name: tensor.shape for name, tensor in narrow_paper().state_dict().items()}
    weights = {}
    for name, shape in shapes.items():
        layer, _, kind = name.partition(".")
        deviation = (2 / shape[1:].numel()) ** 0.5 if kind == "weight" else 0.5
        weights[f"{layer}.{int(kind == 'bias')}"] = deviation * torch.randn(shape, generator=generator)
    return weights


@pytest.fixture(scope="module")
def bgr() -> Tensor:
    """Centred pixels as Caffe would see them."""
    return 100 * torch.randn(2, 3, 227, 227, generator=torch.Generator().manual_seed(2))


def test_caffes_weights_give_caffes_answers(caffes: dict[str, Tensor], bgr: Tensor, tmp_path: Path) -> None:
    layers = {name.partition(".")[0]: [] for name in caffes}
    for name, tensor in caffes.items():
        layers[name.partition(".")[0]].append(tensor.numpy())
    path = tmp_path / "bvlc_alexnet.caffemodel"
    path.write_bytes(caffemodel("AlexNet", list(layers.items()), old=True))
    weights = read_weights(path, "alexnet")
    assert weights.layout == "caffe"
    assert {row.source: row.name for row in weights.rows}["conv1.0"] == "conv1.weight"
    assert weights.rows[0].done[0] == "BGR to RGB"
    model = narrow_paper()
    load_into(model, weights)
    with torch.no_grad():
        theirs = caffe_answers(caffes, bgr)
        assert_same(model(bgr.flip(1)), theirs)
        assert float((model(bgr) - theirs).abs().max()) > 1e-2 * float(theirs.abs().max()), "the colours' order counts"


def test_every_change_is_needed(caffes: dict[str, Tensor], bgr: Tensor) -> None:
    """Were one left out, the answers would be others: none is there for show."""
    weights = _remapped(_stored(caffes, "caffe"))
    model = narrow_paper()
    changed = {row.name for row in weights.rows if row.done}
    assert changed == {
        *("conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias", "conv3.weight"),
        *("fc7.weight", "fc8.weight"),
    }
    names = {row.name: row.source for row in weights.rows}
    load_into(model, weights)
    with torch.no_grad():
        theirs = caffe_answers(caffes, bgr)
        for name in sorted(changed):
            parameter = model.get_parameter(name)
            kept = parameter.clone()
            parameter.copy_(caffes[names[name]])
            differs = float((model(bgr.flip(1)) - theirs).abs().max())
            parameter.copy_(kept)
            assert differs > 1e-4 * float(theirs.abs().max()), name


def test_converted_weights_are_recognised_by_caffes_numbers_or_when_said_so(tmp_path: Path) -> None:
    shapes = {"conv1": (8, 3, 3, 3), "conv2": (8, 4, 3, 3), "fc8": (2, 8)}
    arrays = {f"{layer}.0": np.ones(shape, "f4") for layer, shape in shapes.items()}
    np.savez(tmp_path / "net.npz", **arrays)
    assert read_weights(tmp_path / "net.npz", "alexnet").layout == "caffe"
    named = {f"{layer}.weight": torch.ones(shape) for layer, shape in shapes.items()}
    write_safetensors(tmp_path / "net.safetensors", named, {})
    assert read_weights(tmp_path / "net.safetensors", "alexnet").layout == "ours", "the names cannot tell"
    weights = read_weights(tmp_path / "net.safetensors", "alexnet", layout="caffe")
    assert weights.layout == "caffe"
    assert weights.rows[0].done[0] == "BGR to RGB"


def test_caffenet_is_told_from_alexnet_by_the_order_of_its_layers() -> None:
    state = {f"{layer}.{place}": torch.ones(2, 2, 1, 1) for layer in ("conv1", "conv2") for place in (0, 1)}
    pools_first = _remapped(_stored(state, "caffe", "conv1 relu1 pool1 norm1 conv2 relu2 pool2 norm2"))
    norms_first = _remapped(_stored(state, "caffe", "conv1 relu1 norm1 pool1 conv2 relu2 norm2 pool2"))
    assert any("CaffeNet" in note for note in pools_first.notes)
    assert not any("CaffeNet" in note for note in norms_first.notes)


def test_a_network_without_groups_is_refused(caffes: dict[str, Tensor]) -> None:
    """The common mistake: 62 million parameters, as conv2, conv4 and conv5 see all maps."""
    weights = _remapped(_stored({**caffes, "conv2.0": torch.zeros(32, 16, 5, 5)}, "caffe"))
    with pytest.raises(InputFault, match=r"conv2\.weight is 32 x 16 x 5 x 5") as fault:
        load_into(narrow_paper(), weights)
    assert fault.value.expected == "32 x 8 x 5 x 5"


# --- ours ---

OURS: dict[str, tuple[Any, dict[str, Any]]] = {
    "paper": (lambda: AlexNet(CLASSES), {"network": "paper", "columns": 2, "without": None}),
    "half": (lambda: AlexNet(CLASSES, columns=1), {"network": "paper", "columns": 1}),
    "without conv4": (lambda: AlexNet(CLASSES, without="conv4"), {"network": "paper", "without": "conv4"}),
    "scaled": (lambda: ScaledAlexNet(CLASSES), {"network": "scaled", "maps": [64, 192, 384, 384, 256], "units": 1024}),
    "scaled half": (lambda: ScaledAlexNet(CLASSES, columns=1), {"columns": 1, "maps": [64, 192, 384, 384, 256]}),
    "modern": (lambda: ModernAlexNet(CLASSES), {"network": "modern", "batch_norm": True, "residual": True}),
    "cifar": (lambda: CifarNet(CLASSES), {"network": "cifar"}),
    "local": (lambda: LocalCifarNet(CLASSES), {"network": "local"}),
}


@pytest.mark.parametrize(("build", "expected"), OURS.values(), ids=OURS)
def test_a_bare_file_of_our_names_says_what_network_it_is(build: Any, expected: dict[str, Any]) -> None:
    with torch.device("meta"):
        state = build().state_dict()
    layout = exchange.layout_of({name: tuple(tensor.shape) for name, tensor in state.items()})
    assert layout.name == "ours"
    assert set(layout.names) == set(state)
    assert {name: layout.settings.get(name) for name in expected} == expected


@pytest.mark.parametrize("wanted", ["torchvision", "caffe"])
def test_weights_are_not_taken_for_what_they_are_not(wanted: str) -> None:
    with pytest.raises(InputFault, match=f"not in the layout {wanted}"):
        exchange.layout_of({"fc1.weight": (2, 2)}, wanted=wanted)
    with pytest.raises(InputFault, match="no layout is called 'timm'"):
        exchange.layout_of({"conv1.weight": (2, 3, 3, 3)}, wanted="timm")
    with pytest.raises(InputFault, match="torchvision has no network like 'paper'"):
        exchange.in_layout("torchvision", {}, epochal.recipe("alexnet", "paper"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run of a second's training, with the norm that ONNX shall show."""
    return epochal.train("alexnet", recipe=TINY.replace(lrn=True), workers=0, runs=tmp_path_factory.mktemp("runs"))


def test_a_run_goes_out_and_comes_back_bit_for_bit(run: Run, tmp_path: Path) -> None:
    done = epochal.export(run, "safetensors", out=tmp_path / "w.safetensors")
    direct, back = read_weights(run, "alexnet"), read_weights(tmp_path / "w.safetensors", "alexnet")
    state = load_classifier(run)[0].model.state_dict()
    assert done.tensors == len(state) == len(direct.tensors) == len(back.tensors)
    for name, tensor in state.items():
        assert torch.equal(direct.tensors[name], tensor)
        assert torch.equal(back.tensors[name], tensor)
    assert direct.settings == back.settings == run.record()["recipe"]
    assert direct.classes == back.classes == tuple(run.record()["classes"])
    assert direct.pixels is not None
    assert back.pixels is not None
    assert direct.pixels.mean.shape == (20, 20, 3)
    assert direct.pixels.scale == back.pixels.scale
    assert torch.equal(back.pixels.mean, direct.pixels.mean)


def test_an_export_tells_nothing_of_this_machine(photos_run: Run, tmp_path: Path) -> None:
    """A run on one's own pictures knows where they lie; what is handed on does not."""
    for format in ("safetensors", "hub"):
        done = epochal.export(photos_run, format, out=tmp_path / format)
        files = [done.path] if done.path.is_file() else list(done.path.iterdir())
        for path in files:
            assert b"/secret/place" not in path.read_bytes(), path.name
    assert "--data imagefolder:PATH" in (tmp_path / "hub" / "README.md").read_text()


@pytest.fixture
def photos_run(run: Run, tmp_path: Path) -> Run:
    import shutil

    copy = Run(Path(shutil.copytree(run.folder, tmp_path / "copy")))
    copy.update(data="imagefolder:/secret/place")
    return copy


def test_a_hub_folder_answers_as_the_run_bit_for_bit(run: Run, tmp_path: Path) -> None:
    epochal.export(run, "hub", out=tmp_path / "model")
    loaded = epochal.from_pretrained(tmp_path / "model", device="cpu")
    own, _, _ = load_classifier(run, "cpu")
    chance = np.random.default_rng(0)
    pictures = [chance.integers(0, 256, (30, 40, 3), dtype=np.uint8) for _ in range(5)]
    assert torch.equal(loaded.answer(pictures), own.answer(pictures))
    assert torch.equal(loaded.answer(pictures, ten=True), own.answer(pictures, ten=True))
    assert loaded.classes == own.classes
    assert torch.equal(loaded.statistics.mean, own.statistics.mean)
    weights = read_weights(tmp_path / "model", "alexnet")
    assert all(torch.equal(tensor, own.model.state_dict()[name]) for name, tensor in weights.tensors.items())
    assert weights.pixels is not None
    assert torch.equal(weights.pixels.mean, own.statistics.mean)


def test_the_cards_own_example_runs(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    done = epochal.export(run, "hub", out=tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (50, 40), (9, 99, 200)).save("photo.jpg")
    code = (done.path / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    exec(compile(code.replace('"PATH"', repr(str(done.path))), "README.md", "exec"), {})
    name, _, share = capsys.readouterr().out.strip().rpartition(" ")
    assert name in run.record()["classes"]
    assert 0 < float(share) <= 1


def test_another_version_of_the_landmark_is_told(run: Run, tmp_path: Path) -> None:
    import json

    done = epochal.export(run, "hub", out=tmp_path / "model")
    config = json.loads((done.path / "config.json").read_text())
    (done.path / "config.json").write_text(json.dumps({**config, "landmark_version": 0}))
    with pytest.warns(UserWarning, match="version 0 of alexnet"):
        epochal.from_pretrained(done.path, device="cpu")


# --- ONNX ---


def test_a_runs_onnx_takes_pixels_and_gives_the_runs_answers(run: Run, tmp_path: Path) -> None:
    onnx, onnxruntime = pytest.importorskip("onnx"), pytest.importorskip("onnxruntime")
    done = epochal.export(run, "onnx", out=tmp_path / "model.onnx")
    assert "checked in onnxruntime with 1, 3, 5 pictures" in done.notes[-1]
    classifier, _, _ = load_classifier(run, "cpu")
    chance = np.random.default_rng(0)
    pictures = [chance.integers(0, 256, (16, 16, 3), dtype=np.uint8) for _ in range(7)]
    # As a user would prepare them: the central square of 16, two zeros around it, the central 16 of that.
    pixels = np.stack(pictures).transpose(0, 3, 1, 2).astype(np.float32)
    session = onnxruntime.InferenceSession(done.path, providers=["CPUExecutionProvider"])
    logits, shares = session.run(["logits", "probabilities"], {"image": pixels})
    assert_same(torch.from_numpy(shares), classifier.answer(pictures))
    assert np.array_equal(logits.argmax(1), shares.argmax(1))
    content = onnx.load(done.path)
    metadata = {entry.key: entry.value for entry in content.metadata_props}
    assert metadata["landmark"] == "alexnet"
    assert "take the central 16 x 16" in metadata["preparation"]
    assert "LRN" in {node.op_type for node in content.graph.node}, "one node, as ONNX has it"


class Answers(nn.Module):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor]:
        return (self.model(image),)


SMALL = {"pixels": 24}
NETWORKS = {
    "modern": lambda: ModernAlexNet(CLASSES, **SMALL),
    "cifar": lambda: CifarNet(CLASSES, **SMALL),
    "local": lambda: LocalCifarNet(CLASSES, **SMALL),
    "columns": lambda: nn.Sequential(nn.Conv2d(3, 12, 3), LocalResponseNorm(columns=2, alpha=0.1), nn.Flatten()),
}


@pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
def test_every_network_goes_to_onnx(build: Any, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    model = Answers(build()).eval()
    agreement = write_onnx(tmp_path / "net.onnx", model, torch.randn(5, 3, 24, 24), ["logits"], {})
    assert agreement.difference <= 1e-5


def test_the_papers_network_goes_to_onnx(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    model = Answers(narrow_paper()).eval()
    agreement = write_onnx(tmp_path / "paper.onnx", model, 50 * torch.randn(5, 3, 227, 227), ["logits"], {})
    assert agreement.difference <= 1e-5
