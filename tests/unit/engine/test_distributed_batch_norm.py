"""Two processes normalise over the whole batch, as one process with all of it does."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from tests.processes import in_processes
from tests.tiny import TINY_BATCHNORM

from epochal.data.source import open_data
from epochal.engine.checkpoint import Snapshot, fingerprint
from epochal.engine.distributed import together
from epochal.engine.group import ALONE, Group

RECIPE = TINY_BATCHNORM.replace(dropout=0.0, lr=0.01, epochs=0.2, population_batches=2)


def trained(group: Group) -> tuple[list[float], dict[str, list[float]], dict[str, float], dict, str]:
    """Losses, running statistics, evaluation, signal and a fingerprint after a short training and its Algorithm 2."""
    from epochal.landmarks.batchnorm.train import task

    made = task(RECIPE, open_data("digits"), seed=2, device=torch.device("cpu"), group=group)
    batches = islice(made.batches(0), made.steps)
    losses = [float(made.step(number, batch)["loss"]) for number, batch in enumerate(batches)]
    buffers = {name: buffer.double().tolist() for name, buffer in made.model.named_buffers() if buffer.dim()}
    model = fingerprint(Snapshot(dict(made.model.state_dict())))
    made.micro_batches = 2 // group.size  # the signal is taken from no more pictures than a process has in memory
    return losses, buffers, made.evaluate(), made.signal(), model


def train_here() -> tuple:
    with together() as group:
        return trained(group)


def test_two_processes_are_one_with_the_whole_batch() -> None:
    losses, buffers, metrics, signal, _ = trained(ALONE)
    answers = in_processes(2, train_here)
    assert [one.fault for one in answers] == ["", ""]
    first, second = (one.value for one in answers)
    assert first == second, "all processes know the same and have the same weights, to the bit"
    assert first[0] == pytest.approx(losses, abs=1e-5)
    assert first[1].keys() == buffers.keys()
    for name, values in buffers.items():
        assert first[1][name] == pytest.approx(values, abs=1e-4), name
    assert first[2] == pytest.approx(metrics, abs=1e-4)
    assert first[3].keys() == signal.keys()
    for layer, said in signal.items():
        for kind in ("forward", "gradient"):
            # Five digits are kept, and the weights differ in the last ones.
            assert first[3][layer][kind] == pytest.approx(said[kind], rel=1e-2, abs=1e-4), (layer, kind)
        for unit, (found, wanted) in enumerate(zip(first[3][layer]["units"], said["units"], strict=True)):
            assert found == pytest.approx(wanted, rel=1e-2, abs=1e-3), (layer, unit)
