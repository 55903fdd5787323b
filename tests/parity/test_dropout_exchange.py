"""Weights in and out: a plain stack of torch's layers answers as the net that dropout trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.tiny import TINY_DROPOUT
from torch import nn

import epochal
from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.landmarks.dropout.convolutional import DropoutConvNet
from epochal.landmarks.dropout.exchange import in_layout, layout_of
from epochal.landmarks.dropout.model import DropoutNet
from epochal.landmarks.dropout.recipe import CIFAR, PAPER
from epochal.landmarks.dropout.transfer import own_recipe
from epochal.verbs.trained import find_trained, load_classifier


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs")
    return epochal.train("dropout", recipe=TINY_DROPOUT, workers=0, device="cpu", runs=folder)


def plain_net(tensors: dict[str, torch.Tensor]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for place in (1, 2, 3):
        weight = tensors[f"fc{place}.weight"]
        layers += [nn.Linear(weight.shape[1], weight.shape[0]), nn.ReLU()]
        layers[-2].load_state_dict({"weight": weight, "bias": tensors[f"fc{place}.bias"]})
    return nn.Sequential(*layers[:-1])


def test_scaled_weights_are_those_of_a_plain_net_with_the_same_answers(run: Run, tmp_path: Path) -> None:
    classifier, _, _ = load_classifier(run, "cpu")
    done = epochal.export(run, "safetensors", out=tmp_path / "net.safetensors", layout="scaled")
    weights = epochal.read_weights(done.path, "dropout", layout="scaled")
    image = torch.rand(4, 1, 16, 16)
    plain = plain_net(weights.tensors)(image)
    assert torch.allclose(plain, classifier.model(image.expand(4, 3, 16, 16)), atol=1e-5)
    assert weights.settings["noise"] == "inverted", "read back, nothing is scaled in use"


@pytest.mark.parametrize("centred", [False, True])
def test_it_is_told_what_is_done_to_a_picture(centred: bool, tmp_path: Path) -> None:
    recipe = TINY_DROPOUT.replace(centred=centred, epochs=0.1)
    run = epochal.train("dropout", recipe=recipe, workers=0, device="cpu", runs=tmp_path)
    done = epochal.export(run, out=tmp_path / "net.safetensors")
    mean = "subtract the training set's mean picture (RGB, 0 to 255)"
    assert (mean in done.preparation) == centred
    assert ("take its pixels as they are (RGB, 0 to 255)" in done.preparation) != centred
    weights = epochal.read_weights(done.path, "dropout")
    assert weights.pixels is not None
    assert ("minus nothing" in weights.pixels.told) != centred


def test_weights_of_a_sequential_are_recognised_and_answer_as_there(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(256, 24), nn.ReLU(), nn.Dropout(0.5), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 10))
    torch.save(net.state_dict(), tmp_path / "mlp.pth")
    weights = epochal.read_weights(tmp_path / "mlp.pth", "dropout")
    assert weights.layout == "sequential"
    assert [row.name for row in weights.rows][:2] == ["fc1.weight", "fc1.bias"]
    trained = find_trained("dropout", weights=weights, overrides=["precision=fp32"], device="cpu").classifier
    picture = torch.randint(0, 256, (16, 16, 1), dtype=torch.uint8).expand(16, 16, 3).contiguous().numpy()
    expected = torch.softmax(net.eval()(torch.from_numpy(picture[..., 0]).float().flatten()[None] / 255), 1)
    assert torch.allclose(trained.answer([picture]), expected, atol=1e-5)


def test_our_own_weights_come_back_and_go_on(run: Run, tmp_path: Path) -> None:
    done = epochal.export(run, "safetensors", out=tmp_path / "own.safetensors")
    weights = epochal.read_weights(done.path, "dropout")
    state = load_classifier(run, "cpu")[0].model.state_dict()
    assert all(torch.equal(weights.tensors[name], tensor) for name, tensor in state.items())
    gentle = TINY_DROPOUT.replace(epochs=0.5, lr=1e-4, l1=0.0, sparsity=0.0)
    again = epochal.train("dropout", recipe=gentle, weights=weights, workers=0, device="cpu", runs=tmp_path)
    assert again.record()["start"]["mapped"] == len(state)
    before, after = run.record()["results"]["top1"], again.record()["results"]["top1"]
    assert abs(after - before) < 0.1, "it begins where the other ended"


def test_shapes_tell_the_network() -> None:
    with torch.device("meta"):
        nets = (
            DropoutNet(pixels=28, units=(8192, 8192)),
            DropoutNet(pixels=32, gray=False, units=(), retention=(1.0,)),
            DropoutConvNet(whiten=True),
        )
    found = [layout_of({name: tuple(t.shape) for name, t in net.state_dict().items()}).settings for net in nets]
    assert found[0] == {"network": "dense", "units": [8192, 8192], "gray": True, "stored_size": 28, "crop": 28}
    assert found[1] == {**found[0], "units": [], "gray": False, "stored_size": 32, "crop": 32, "retention": [1.0]}
    assert own_recipe(found[1]).units == ()
    assert (found[2]["maps"], found[2]["units"], found[2]["crop"]) == ([96, 128, 256], [2048, 2048], 32)
    assert found[2]["whiten"] is True


def test_each_layers_input_is_scaled_by_its_own_retention() -> None:
    ones = {f"fc{place}.weight": torch.ones(2, 2) for place in (1, 2, 3, 4)}
    scaled, recipe = in_layout("scaled", ones, PAPER)
    assert recipe == PAPER.replace(noise="inverted"), "nothing is scaled in use any more"
    assert [float(scaled[name][0, 0]) for name in ones] == pytest.approx([0.8, 0.5, 0.5, 0.5])
    conv = {
        **{f"conv{n}.weight": torch.ones(1) for n in (1, 2, 3)},
        **{f"fc{n}.weight": torch.ones(1) for n in (4, 5, 6)},
    }
    scaled, _ = in_layout("scaled", conv, CIFAR)
    assert [float(scaled[name]) for name in conv] == pytest.approx([0.9, 0.75, 0.75, 0.5, 0.5, 0.5])
    inverted = PAPER.replace(noise="inverted")
    assert in_layout("scaled", ones, inverted) == (ones, inverted), "nothing is scaled in use"


@pytest.mark.parametrize(
    ("shapes", "wanted", "said"),
    [
        ({"layer.weight": (3, 4)}, None, "layout known for dropout"),
        ({"0.weight": (3, 784), "0.bias": (3,), "1.running_mean": (3,)}, None, "layout known for dropout"),
        ({"fc1.weight": (3, 785)}, None, "layout known for dropout"),
        ({"fc1.weight": (3, 784)}, "sequential", "layout sequential"),
        ({"fc1.weight": (3, 784)}, "caffe", "no layout is called 'caffe'"),
    ],
    ids=str,
)
def test_what_is_of_no_net_here_is_refused(shapes: dict, wanted: str | None, said: str) -> None:
    with pytest.raises(InputFault, match=said):
        layout_of(shapes, wanted=wanted)
