"""The signal: what it says, and that taking it leaves no trace."""

from __future__ import annotations

import os
import signal as process_signal
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import TINIES, TOGETHER
from tests.unit.engine.toy import Toy
from torch import Tensor, nn
from torch.nn import functional

import epochal
from epochal.core.fault import InputFault, Interrupted
from epochal.core.run import Run
from epochal.data.source import open_data
from epochal.engine import checkpoint, random
from epochal.engine.fit import Pace, fit
from epochal.engine.signal import UNITS, signals
from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.batchnorm.train import task


class Net(nn.Module):
    """Two layers, the first of them normalised, dropout between them."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(3, 6, 3), norm, nn.ReLU(inplace=True)
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(6 * 16, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.drop(self.relu(self.norm(self.conv(x)))).flatten(1))


def pictures() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    return torch.randn(10, 3, 6, 6), torch.arange(10) % 4


@pytest.mark.parametrize("norm", [BatchNorm(6), nn.BatchNorm2d(6), nn.GroupNorm(2, 6)], ids=lambda n: type(n).__name__)
def test_a_response_is_what_enters_the_non_linearity(norm: nn.Module) -> None:
    images, labels = pictures()
    model = Net(norm)
    found = signals(model, images, labels)
    assert list(found) == ["conv", "fc"]
    with torch.no_grad():
        wanted = norm.train()(model.conv(images)).numpy()
    *percentiles, deviation = found["conv"]["forward"]
    assert percentiles == pytest.approx(np.percentile(wanted, [15, 50, 85]).tolist(), rel=1e-3, abs=1e-4)
    assert deviation == pytest.approx(wanted.std(), rel=1e-3)
    assert len(found["conv"]["units"]) == UNITS
    second = np.percentile(wanted[:, 6 // UNITS], [15, 50, 85])
    assert found["conv"]["units"][1] == pytest.approx(second.tolist(), rel=1e-3, abs=1e-4)


def test_without_normalisation_it_is_what_the_weights_make() -> None:
    images, labels = pictures()
    model = Net(nn.Identity())
    with torch.no_grad():
        wanted = model.conv(images).numpy()
    assert signals(model, images, labels)["conv"]["forward"][3] == pytest.approx(wanted.std(), rel=1e-3)


def test_the_gradient_is_that_of_the_mean_loss_with_respect_to_the_response() -> None:
    images, labels = pictures()
    model = Net(nn.Identity())
    model.relu = nn.ReLU()
    response = model.conv(images).detach().requires_grad_()
    scores = model.fc(model.relu(response).flatten(1))
    (wanted,) = torch.autograd.grad(functional.cross_entropy(scores, labels), response)
    found = signals(model, images, labels)["conv"]["gradient"]
    assert found[3] == pytest.approx(float(wanted.std(correction=0)), rel=1e-3)
    assert found[2] == pytest.approx(float(np.percentile(wanted.numpy(), 85)), rel=1e-2)


def test_it_leaves_weights_gradients_buffers_modes_and_generators_as_they_were() -> None:
    images, labels = pictures()
    model = Net(BatchNorm(6))
    model.drop.eval()
    model(images).sum().backward()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    gradients = [parameter.grad.clone() for parameter in model.parameters()]
    modes, state = [module.training for module in model.modules()], torch.get_rng_state()
    signals(model, images, labels)
    assert torch.equal(torch.get_rng_state(), state)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert all(torch.equal(a, p.grad) for a, p in zip(gradients, model.parameters(), strict=True))
    assert images.requires_grad is False
    assert not any(module._forward_hooks for module in model.modules())


def test_frozen_normalisation_works_with_what_it_has_and_numbers_that_are_none_are_none() -> None:
    images, labels = pictures()
    model = Net(BatchNorm(6))
    model.norm.requires_grad_(False)
    model.norm.running_mean.fill_(100.0)
    assert signals(model, images, labels)["conv"]["forward"][1] < -50
    model.fc.weight.data.fill_(float("inf"))
    assert signals(model, images, labels)["fc"]["forward"] == [None] * 4


def bits(run: Run) -> str:
    return checkpoint.fingerprint(checkpoint.Snapshot(checkpoint.load(run.checkpoints).snapshot.tensors))


def recorded(run: Run) -> list[dict]:
    return [
        {name: value for name, value in row.items() if name != "seconds"}
        for row in run.metrics()
        if row["kind"] == "signal"
    ]


@pytest.mark.parametrize("name", TOGETHER)  # those with layers
def test_recording_does_not_change_the_training_and_a_stopped_run_records_the_same(name: str, tmp_path: Path) -> None:
    def stop(row: dict) -> None:
        if row["kind"] == "signal" and row["step"] == 8:
            os.kill(os.getpid(), process_signal.SIGTERM)

    recipe = TINIES[name].replace(epochs=0.5)
    common = {"recipe": recipe, "workers": 0, "device": "cpu", "seed": 3}
    silent = epochal.train(name, runs=tmp_path / "silent", **common)
    straight = epochal.train(name, runs=tmp_path / "straight", signal_steps=4, **common)
    assert bits(silent) == bits(straight)
    assert recorded(silent) == []
    rows = recorded(straight)
    last = checkpoint.load(straight.checkpoints).step
    assert last >= 15
    assert [row["step"] for row in rows] == [*range(0, last, 4), last]
    assert all(row["layers"].keys() == rows[0]["layers"].keys() for row in rows)
    with pytest.raises(Interrupted):
        epochal.train(name, runs=tmp_path / "stopped", signal_steps=4, report=stop, **common)
    (run,) = epochal.runs(tmp_path / "stopped")
    # As after a power cut: rows of steps that must be made again.
    run.log({"kind": "signal", "step": 12, "epoch": 0.4, "seconds": 1.0, "layers": {}})
    done = epochal.resume(run)
    assert recorded(done) == rows
    assert bits(done) == bits(straight)


def test_a_step_is_the_same_after_the_signal_was_taken() -> None:
    def trained(taken: bool) -> str:
        made = task(TINIES["batchnorm"], open_data("digits"), seed=1, device=torch.device("cpu"))
        for number, batch in enumerate(islice(made.batches(0), 4)):
            made.step(number, batch)
            if taken:
                made.signal()
        return checkpoint.fingerprint(made.state() | random.capture(made.device))

    assert trained(True) == trained(False)


def test_a_task_without_a_signal_says_so(tmp_path: Path) -> None:
    run = Run.create(tmp_path, "toy", {"landmark": "toy", "recipe": {}})
    with pytest.raises(InputFault, match="no signal to record"):
        fit(Toy(), run, Pace(signal_steps=5))
