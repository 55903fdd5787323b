"""Two columns on two devices against the network on one: outputs, gradients, masks, weights as they are saved."""

from __future__ import annotations

import copy
import os
import signal
from pathlib import Path

import pytest
import torch
from tests.tiny import TINY
from torch import Tensor, nn

import epochal
from epochal.core.fault import InputFault, Interrupted
from epochal.core.run import Run
from epochal.engine import checkpoint
from epochal.engine.pieces import whole_parameters
from epochal.landmarks.alexnet.columns import TwoColumnAlexNet
from epochal.landmarks.alexnet.init import HE
from epochal.landmarks.alexnet.model import AlexNet
from epochal.landmarks.alexnet.modern import ModernAlexNet
from epochal.landmarks.alexnet.scaled import ScaledAlexNet, Widths
from epochal.landmarks.alexnet.source import SourceAlexNet

CPU = torch.device("cpu")
SMALL = Widths(maps=(8, 12, 16, 12, 8), kernels=(3, 3), units=10)


def narrow(model: nn.Module) -> nn.Module:
    """The network with narrow dense layers, which are fifty-eight of its sixty-one million weights."""
    model.fc6, model.fc7, model.fc8 = nn.Linear(256 * 6 * 6, 12), nn.Linear(12, 10), nn.Linear(10, 7)
    return model


NETWORKS = {
    "paper": lambda: narrow(AlexNet(7, init=HE)),
    "source": lambda: narrow(SourceAlexNet(7, init=HE)),
    "scaled": lambda: ScaledAlexNet(7, pixels=28, widths=SMALL),
    "without conv3": lambda: ScaledAlexNet(7, pixels=28, widths=SMALL, without="conv3"),
    "without conv5, tanh, no overlap": lambda: ScaledAlexNet(
        7, pixels=28, widths=SMALL, without="conv5", activation="tanh", overlap=False
    ),
    "two maps and three units": lambda: ScaledAlexNet(
        3, pixels=16, widths=Widths(maps=(2, 2, 4, 2, 2), kernels=(3, 3), units=3)
    ),
    "no normalisation, no dropout": lambda: ScaledAlexNet(7, pixels=28, widths=SMALL, lrn=False, dropout=False),
}


def both(
    name: str, dtype: torch.dtype, devices: tuple[str, str] = ("cpu", "cpu")
) -> tuple[nn.Module, TwoColumnAlexNet]:
    torch.manual_seed(3)
    one = NETWORKS[name]().to(dtype)
    with torch.no_grad():
        for parameter in one.parameters():  # biases that are not all alike
            parameter.add_(torch.randn_like(parameter) * 0.01)
    return one, TwoColumnAlexNet(one, (CPU, CPU))


def pictures(model: nn.Module, dtype: torch.dtype, count: int = 1) -> Tensor:
    side = {AlexNet: 227, SourceAlexNet: 224}.get(type(model)) or model.pixels
    return torch.randn(count, 3, side, side, dtype=dtype, generator=torch.Generator().manual_seed(1)) * 3


def gradients(model: nn.Module, image: Tensor, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    model.train()
    torch.manual_seed(seed)
    scores = model(image)
    nn.functional.cross_entropy(scores, torch.arange(len(image), device=scores.device) % 3).backward()
    joined = {
        name: torch.cat([piece.grad.cpu() for piece in pieces]) for name, pieces in whole_parameters(model).items()
    }
    return scores.detach(), joined


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_and_gradients_are_those_of_the_network_on_one_device(name: str) -> None:
    one, two = both(name, torch.float64)
    image = pictures(one, torch.float64)
    expected, wanted = gradients(one, image, seed=9)
    scores, found = gradients(two, image, seed=9)
    assert torch.allclose(scores, expected, rtol=1e-12, atol=1e-12), "dropout's masks included"
    assert list(found) == list(wanted)
    for parameter, gradient in wanted.items():
        assert gradient.abs().max() > 0
        assert torch.allclose(found[parameter], gradient, rtol=1e-10, atol=1e-12), parameter
    assert torch.allclose(two.eval()(image), one.eval()(image), rtol=1e-12, atol=1e-12)


def test_in_float32_the_whole_network_differs_by_rounding_alone() -> None:
    torch.manual_seed(4)
    one = AlexNet(init=HE)
    two = TwoColumnAlexNet(one, (CPU, CPU))
    image = pictures(one, torch.float32)
    expected, wanted = gradients(one, image, seed=9)
    scores, found = gradients(two, image, seed=9)
    assert (scores - expected).norm() <= 3e-6 * expected.norm()
    for parameter, gradient in wanted.items():
        assert (found[parameter] - gradient).norm() <= 3e-6 * gradient.norm(), parameter


def test_the_paper_s_exchange_is_where_the_paper_has_it() -> None:
    """ "The kernels of layer 3 take input from all kernel maps in layer 2", those of layer 4 only from the same GPU."""
    _, two = both("scaled", torch.float32)
    seen = {
        name: [piece.weight.shape[1] for piece in getattr(two, name)] for name in ("conv2", "conv3", "conv4", "fc7")
    }
    assert seen == {"conv2": [4, 4], "conv3": [12, 12], "conv4": [8, 8], "fc7": [10, 10]}
    rows = {name: [len(piece.weight) for piece in getattr(two, name)] for name in ("conv1", "conv3", "fc6", "fc7")}
    assert rows == {"conv1": [4, 4], "conv3": [8, 8], "fc6": [5, 5], "fc7": [5, 5]}


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_saved_is_the_network_on_one_device_and_loads_into_either(name: str) -> None:
    one, two = both(name, torch.float32)
    saved = two.state_dict()
    assert list(saved) == list(one.state_dict())
    assert all(torch.equal(saved[key], value) for key, value in one.state_dict().items())
    other = copy.deepcopy(one)
    for parameter in other.parameters():
        nn.init.normal_(parameter)
    two.load_state_dict(other.state_dict())
    assert all(torch.equal(two.state_dict()[key], value) for key, value in other.state_dict().items())
    one.load_state_dict(two.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_weights_that_lack_a_layer_or_have_one_too_many_are_refused() -> None:
    one, two = both("scaled", torch.float32)
    state = one.state_dict()
    with pytest.raises(RuntimeError, match=r"Missing key.*conv3"):
        two.load_state_dict({key: value for key, value in state.items() if key != "conv3.weight"})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        two.load_state_dict({**state, "conv3.gain": torch.ones(3)})
    with pytest.raises(ValueError, match="17 rows"):
        two.load_state_dict({**state, "conv3.weight": torch.zeros(17, 12, 3, 3)})


def test_making_the_columns_draws_no_random_number() -> None:
    one = NETWORKS["scaled"]()
    before = torch.get_rng_state()
    TwoColumnAlexNet(one, (CPU, CPU))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    "model",
    [ScaledAlexNet(3, columns=1, widths=SMALL), ModernAlexNet(3, widths=SMALL), nn.Linear(3, 2)],
    ids=["one column", "other layers", "no network of ours"],
)
def test_a_network_without_two_columns_is_refused(model: nn.Module) -> None:
    with pytest.raises(InputFault, match="cannot be put on two devices"):
        TwoColumnAlexNet(model, (CPU, CPU))


RECIPE = TINY.replace(epochs=1.5)


def interrupted(folder: Path, **where: str) -> Run:
    def stop(row: dict) -> None:
        if row.get("step") == 20:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        epochal.train("alexnet", recipe=RECIPE, workers=0, runs=folder, report=stop, **where)
    return epochal.runs(folder)[0]


def state(run: Run) -> checkpoint.Snapshot:
    snapshot = checkpoint.load(run.checkpoints).snapshot
    snapshot.values.pop("loop.seconds")
    return snapshot


def losses(run: Run) -> list[float]:
    return [row["loss"] for row in run.metrics()]


def test_a_training_in_columns_is_that_on_one_device_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    one = epochal.train("alexnet", recipe=RECIPE, workers=0, device="cpu", runs=tmp_path / "one")
    two = epochal.train("alexnet", recipe=RECIPE, workers=0, columns="cpu, cpu", runs=tmp_path / "two")
    assert losses(two) == pytest.approx(losses(one), abs=1e-4)
    assert {name: tensor.shape for name, tensor in state(two).tensors.items()} == {
        name: tensor.shape for name, tensor in state(one).tensors.items()
    }
    assert (two.record()["device"], two.record()["column_devices"]) == ("cpu", ["cpu", "cpu"])
    assert epochal.evaluate(two, device="cpu")["top1"] == pytest.approx(two.record()["results"]["top1"])

    run = interrupted(tmp_path / "stopped", columns="cpu,cpu")
    epochal.resume(run)
    assert checkpoint.fingerprint(state(run)) == checkpoint.fingerprint(state(two))
    assert run.record()["stretches"][0]["column_devices"] == ["cpu", "cpu"]

    run = interrupted(tmp_path / "joined", columns="cpu,cpu")
    epochal.resume(run, device="cpu")
    assert run.record()["column_devices"] is None
    assert losses(run) == pytest.approx(losses(one), abs=1e-4)

    run = interrupted(tmp_path / "parted", device="cpu")
    epochal.resume(run, columns="cpu,cpu")
    assert run.record()["column_devices"] == ["cpu", "cpu"]
    assert losses(run) == pytest.approx(losses(one), abs=1e-4)


@pytest.mark.parametrize(
    ("columns", "told"),
    [("cpu", "two devices"), ("cpu,cpu,cpu", "two devices"), ("auto,cpu", "two devices"), ("cpu,abacus", "abacus")],
)
def test_what_is_no_pair_of_devices_is_refused(columns: str, told: str) -> None:
    with pytest.raises(InputFault) as caught:
        epochal.train("alexnet", recipe=RECIPE, columns=columns)
    assert told in str(caught.value)
    assert not epochal.runs()


def test_columns_and_a_device_are_not_both_given(tmp_path: Path) -> None:
    with pytest.raises(InputFault, match="either --columns"):
        epochal.train("alexnet", recipe=RECIPE, columns="cpu,cpu", device="cpu")
    with pytest.raises(InputFault, match="without two columns"):
        epochal.train("alexnet", recipe=RECIPE.replace(columns=1), columns="cpu,cpu")
    assert not epochal.runs(), "a training that cannot begin leaves nothing"


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["paper", "source", "scaled"])
def test_columns_on_graphics_cards_give_the_same(name: str) -> None:
    second = "cuda:1" if torch.cuda.device_count() > 1 else "cuda:0"
    one, _ = both(name, torch.float64)
    two = TwoColumnAlexNet(one, (torch.device("cuda:0"), torch.device(second)))
    one = one.cuda().eval()
    image = pictures(one, torch.float64).cuda()
    assert torch.allclose(two.eval()(image), one(image), rtol=1e-9, atol=1e-9)
