"""Max-norm and penalties, against formulas written with numpy; the optimizer with growing momentum against torch's."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest
import torch
from tests.tiny import TINY_DROPOUT
from torch import nn

from epochal.data.source import open_data
from epochal.engine.supervised import Supervised
from epochal.landmarks.dropout.max_norm import MaxNorm, constrained, incoming_norms
from epochal.landmarks.dropout.penalty import Penalty, bernoulli_kl, normal_kl
from epochal.landmarks.dropout.sgd import GrowingMomentumSGD
from epochal.landmarks.dropout.train import task


def small(micro_batches: int = 1, **changes) -> Supervised:
    recipe = TINY_DROPOUT.replace(**changes)
    return task(recipe, open_data("digits"), seed=1, device=torch.device("cpu"), micro_batches=micro_batches)


@pytest.mark.parametrize("shape", [(40, 30), (12, 3, 5, 5)], ids=["dense", "convolution"])
def test_max_norm_projects_every_units_incoming_weights_onto_the_ball(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    weight = torch.randn(shape) * torch.rand(shape[0]).view(-1, *(1,) * (len(shape) - 1))
    weight[3] = 0.0
    before = weight.numpy().copy()
    MaxNorm([weight], 2.0)()
    rows = before.reshape(shape[0], -1).astype(np.float64)
    norms = np.linalg.norm(rows, axis=1)
    expected = (rows * np.minimum(1.0, 2.0 / np.maximum(norms, 1e-30))[:, None]).reshape(shape)
    assert (norms > 2).any()
    assert (norms < 2).any()
    assert np.allclose(weight.numpy(), expected, rtol=1e-6)
    assert np.array_equal(weight.numpy()[norms < 2], before[norms < 2]), "what is short enough keeps its bits"
    assert incoming_norms(weight).max() <= 2.0 * (1 + 1e-6)


def test_hidden_units_are_constrained_after_every_update_and_the_classes_are_not() -> None:
    trained = small(max_norm=0.7, lr=0.5)
    for number, batch in enumerate(islice(trained.batches(0), 5)):
        trained.step(number, batch)
        for name in ("fc1", "fc2"):
            norms = incoming_norms(trained.model.get_submodule(name).weight.detach())
            assert norms.max() == pytest.approx(0.7, rel=1e-5), "some unit is at the limit, none is above"
    assert incoming_norms(trained.model.fc3.weight.detach()).max() > 0.7
    assert len(constrained(trained.model, output=True)) == 3
    trained.model.fc1.requires_grad_(False)
    assert [len(w) for w in constrained(trained.model, output=False)] == [16], "a frozen layer keeps its weights"


def test_an_update_with_max_norm_is_torchs_update_and_then_the_projection() -> None:
    with_it, without = small(max_norm=0.7), small(max_norm=None)
    batch = next(with_it.batches(0))
    for trained in (with_it, without):
        torch.manual_seed(7)
        trained.step(0, batch)
    for ours, free in zip(
        constrained(with_it.model, output=False), constrained(without.model, output=False), strict=True
    ):
        norms = torch.linalg.vector_norm(free.detach(), dim=1, keepdim=True)
        assert torch.allclose(ours, free * (0.7 / norms).clamp(max=1.0), rtol=1e-6)


def test_the_divergences_are_those_of_two_coins_and_of_two_normal_variables() -> None:
    q = torch.tensor([0.2, 0.05, 0.7])
    ours, t = float(bernoulli_kl(q, 0.05)), 0.05
    expected = sum(t * math.log(t / a) + (1 - t) * math.log((1 - t) / (1 - a)) for a in (0.2, 0.05, 0.7))
    assert ours == pytest.approx(expected, rel=1e-5)
    assert float(bernoulli_kl(torch.tensor([0.05]), 0.05)) == pytest.approx(0.0, abs=1e-7)
    assert torch.isfinite(bernoulli_kl(torch.tensor([0.0, 1.0]), 0.05))
    first, second = (torch.distributions.Normal(torch.tensor(mean), 1.0) for mean in (0.05, 0.7))
    divergence = torch.distributions.kl_divergence(first, second)
    assert float(normal_kl(torch.tensor([0.7]), 0.05)) == pytest.approx(float(divergence))


@pytest.mark.parametrize("activation", ["relu", "logistic"])
def test_the_penalty_is_l1_of_all_weights_and_the_divergence_of_the_batchs_mean_activities(activation: str) -> None:
    act = {"relu": nn.ReLU, "logistic": nn.Sigmoid}[activation]
    model = nn.Sequential(nn.Linear(6, 5), act(), nn.Linear(5, 3))
    penalty = Penalty(model, l1=0.01, sparsity=2.0, target=0.1)
    x = torch.randn(8, 6)
    model(x)
    weights = sum(float(np.abs(layer.weight.detach().numpy()).sum()) for layer in (model[0], model[2]))
    mean = model[1](model[0](x)).mean(0).detach()  # calls the net's parts once more
    divergence = float((bernoulli_kl if activation == "logistic" else normal_kl)(mean, 0.1))
    assert float(penalty().detach()) == pytest.approx(0.01 * weights + 2 * 2.0 * divergence, rel=1e-5)
    assert float(penalty().detach()) == pytest.approx(0.01 * weights, rel=1e-5), "what it has seen, it has seen"
    model.eval()(x)
    assert float(penalty().detach()) == pytest.approx(0.01 * weights, rel=1e-5), "use is not penalised"


def test_penalties_go_into_the_gradient() -> None:
    plain = {"l1": 0.0, "sparsity": 0.0, "max_norm": None, "momentum": 0.0, "lr": 1.0}
    without, with_l1, sparse = small(**plain), small(**{**plain, "l1": 1e-3}), small(**{**plain, "sparsity": 0.5})
    batch = next(without.batches(0))
    first = without.model.fc1.weight.detach().clone()
    for trained in (without, with_l1, sparse):
        torch.manual_seed(7)
        trained.step(0, batch)
    difference = without.model.fc1.weight - with_l1.model.fc1.weight
    assert torch.allclose(difference, 1e-3 * first.sign(), atol=1e-6)
    assert not torch.allclose(sparse.model.fc1.weight, without.model.fc1.weight)


def test_l1_is_the_same_however_a_batch_is_split() -> None:
    changes = {"retention": (1.0,), "sparsity": 0.0, "l1": 1e-3}
    whole, split = small(**changes), small(5, **changes)
    batch = next(whole.batches(0))
    losses = [trained.step(0, batch)["loss"] for trained in (whole, split)]
    assert torch.allclose(*losses, atol=1e-6)
    for ours, theirs in zip(whole.model.parameters(), split.model.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_momentum_that_grows_is_torchs_with_the_momentum_of_each_step() -> None:
    ours, theirs = (nn.Parameter(torch.ones(4)) for _ in range(2))
    growing = GrowingMomentumSGD([{"params": [ours]}], 0.1, start=0.5, end=0.99, steps=3)
    plain = torch.optim.SGD([theirs], lr=0.1, momentum=0.9)
    for step in range(6):
        plain.param_groups[0]["momentum"] = 0.99 - 0.49 * math.exp(-step / 3)
        for parameter, optimizer in ((ours, growing), (theirs, plain)):
            parameter.grad = torch.full((4,), 0.3 * (step + 1))
            optimizer.step()
    assert torch.allclose(ours, theirs)


def test_only_weights_decay_and_the_head_may_learn_faster() -> None:
    groups = small(weight_decay=0.1, head_rate=5.0).optimizer.param_groups
    found = [(group["weight_decay"], group["rate"], [tuple(p.shape) for p in group["params"]]) for group in groups]
    assert found == [
        (0.1, 1.0, [(24, 256), (16, 24)]),
        (0.0, 1.0, [(24,), (16,)]),
        (0.1, 5.0, [(10, 16)]),
        (0.0, 5.0, [(10,)]),
    ]
