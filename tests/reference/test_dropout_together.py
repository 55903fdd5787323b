"""Two processes make the update of one, max-norm and L1 included, and stay the same."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from tests.processes import in_processes
from tests.tiny import TINY_DROPOUT

from epochal.data.source import open_data
from epochal.engine.distributed import together
from epochal.engine.group import ALONE, Group
from epochal.landmarks.dropout.train import task

# Masks differ from process to process, and the KL is taken of each part of a batch: without them all is the same.
RECIPE = TINY_DROPOUT.replace(retention=(1.0,), sparsity=0.0, l1=1e-4, max_norm=0.8, lr=0.05)


def trained(group: Group) -> tuple[list[float], list[float]]:
    made = task(RECIPE, open_data("digits"), seed=2, device=torch.device("cpu"), group=group)
    losses = [float(made.step(number, batch)["loss"]) for number, batch in enumerate(islice(made.batches(0), 10))]
    return losses, made.model.fc1.weight.detach().flatten().tolist()


def train_here() -> tuple[list[float], list[float]]:
    with together() as group:
        return trained(group)


def test_two_processes_make_the_update_of_one() -> None:
    first, second = in_processes(2, train_here)
    assert first.fault == second.fault == ""
    assert first.value == second.value
    losses, weights = trained(ALONE)
    assert first.value[0] == pytest.approx(losses, rel=1e-4)
    assert first.value[1] == pytest.approx(weights, abs=1e-5)
    norms = torch.tensor(first.value[1]).view(24, -1).norm(dim=1)
    assert norms.max() == pytest.approx(0.8, rel=1e-5)
