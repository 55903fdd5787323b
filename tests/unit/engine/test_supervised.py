from __future__ import annotations

from itertools import islice

import pytest
import torch
from tests.tiny import TINY
from torch import nn

from epochal.core.fault import InputFault
from epochal.data.source import open_data
from epochal.engine import optimizer_state
from epochal.engine.finite import FiniteWatch
from epochal.engine.supervised import Supervised, load_weights
from epochal.landmarks.alexnet.train import task


def small(micro_batches: int = 1, **changes) -> Supervised:
    recipe = TINY.replace(**changes)
    return task(recipe, open_data("digits"), seed=1, device=torch.device("cpu"), micro_batches=micro_batches)


def test_micro_batches_leave_the_update_as_it_is() -> None:
    whole, split = small(dropout=False), small(micro_batches=5, dropout=False)  # 48 does not divide by 5
    for number, batch in enumerate(islice(whole.batches(0), 3)):
        first, second = whole.step(number, batch), split.step(number, batch)
        assert torch.allclose(first["loss"], second["loss"], atol=1e-6)
        assert torch.equal(first["accuracy"], second["accuracy"])
    for (name, a), b in zip(whole.model.named_parameters(), split.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6), name


def test_a_gradient_that_is_not_finite_names_step_and_layer_and_spares_the_weights() -> None:
    trained = small(dropout=False)
    batches = trained.batches(0)
    trained.step(0, next(batches))
    before = [p.detach().clone() for p in trained.model.parameters()]
    # The forward pass stays finite; the gradient of conv3's output does not, so conv3 is the last layer it spoils.
    handle = trained.model.conv3.register_full_backward_hook(
        lambda module, gradients, outputs: tuple(g * float("inf") if g is not None else g for g in gradients)
    )
    trained.step(1, next(batches))
    handle.remove()
    trouble = trained.trouble()
    assert trouble is not None
    assert "step 1:" in trouble.what
    assert "gradient of conv2" in trouble.what, "conv3 spoils what flows back into conv2"
    assert all(torch.equal(a, b) for a, b in zip(before, trained.model.parameters(), strict=True))
    trained.step(2, next(batches))
    assert "step 1:" in trained.trouble().what, "the first bad step is kept"
    assert all(torch.equal(a, b) for a, b in zip(before, trained.model.parameters(), strict=True))


def test_a_loss_that_is_not_finite_names_the_layer_where_it_began() -> None:
    trained = small()
    with torch.no_grad():
        trained.model.conv4.bias[3] = float("nan")
    trained.step(0, next(trained.batches(0)))
    trouble = trained.trouble()
    assert trouble is not None
    assert "step 0:" in trouble.what
    assert "output of layer conv4" in trouble.what
    assert "digits" in trouble.what, "the samples are named"


def test_a_learning_rate_that_is_far_too_high_stops_the_run() -> None:
    trained = small(lr=100.0, epochs=3.0, warmup_epochs=0.0, init_sd=0.1)
    for number, batch in enumerate(trained.batches(0)):
        trained.step(number, batch)
        if trained.trouble() is not None:
            break
    else:
        pytest.fail("a learning rate of 100 cannot train")


def test_what_follows_an_update_sees_the_new_weights_once_a_step() -> None:
    trained = small(micro_batches=3, dropout=False)
    weight, seen = trained.model.fc8.weight, []
    trained.after_update = lambda: seen.append(weight.detach().clone())
    batches = trained.batches(0)
    for number in range(2):
        before = weight.detach().clone()
        trained.step(number, next(batches))
        assert len(seen) == number + 1
        assert torch.equal(seen[-1], weight)
        assert not torch.equal(seen[-1], before)


@pytest.mark.parametrize("micro_batches", [1, 5])
def test_a_penalty_is_added_to_the_loss_of_each_picture_however_a_batch_is_split(micro_batches: int) -> None:
    plain, penalised = small(dropout=False), small(micro_batches, dropout=False)
    weight = penalised.model.fc8.weight
    penalised.penalty = lambda: 0.5 * weight.square().sum()
    batch = next(plain.batches(0))
    first = weight.detach().clone()
    losses = [float(trained.step(0, batch)["loss"]) for trained in (plain, penalised)]
    assert losses[1] - losses[0] == pytest.approx(0.5 * float(first.square().sum()), rel=1e-3)
    # The penalty's gradient is the weight itself.
    rate = penalised.optimizer.param_groups[0]["lr"]
    assert torch.allclose(plain.model.fc8.weight - weight, rate * first, atol=1e-6)


def test_a_healthy_step_reports_no_trouble() -> None:
    trained = small()
    trained.step(0, next(trained.batches(0)))
    assert trained.trouble() is None


def test_the_gradient_norm_is_that_of_all_gradients_together() -> None:
    trained = small()
    losses = trained.step(0, next(trained.batches(0)))
    expected = torch.cat([p.grad.flatten() for p in trained.model.parameters()]).norm()
    assert torch.allclose(losses["gradient_norm"], expected, rtol=1e-5)


def test_momentum_comes_back_in_its_weights_memory_layout() -> None:
    first, second = small(), small()
    for number, batch in enumerate(islice(first.batches(0), 3)):
        first.step(number, batch)
    state = first.state()
    contiguous = {name: tensor.contiguous().clone() for name, tensor in state.tensors.items()}
    second.restore(type(state)(contiguous, dict(state.values)))
    for parameter, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        momentum = second.optimizer.state[other]["momentum_buffer"]
        assert torch.equal(momentum, first.optimizer.state[parameter]["momentum_buffer"])
        assert momentum.stride() == other.stride()


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW, torch.optim.RMSprop])
def test_any_optimizer_goes_on_from_its_captured_state(kind: type[torch.optim.Optimizer]) -> None:
    def model() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))

    def step(net: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        net(torch.arange(8.0).reshape(2, 4)).square().sum().backward()
        optimizer.step()

    options = {"lr": 0.01} | ({"momentum": 0.9} if kind is not torch.optim.AdamW else {})
    first, second = model(), model()
    one, two = kind(first.parameters(), **options), kind(second.parameters(), **options)
    for _ in range(3):
        step(first, one)
    second.load_state_dict(first.state_dict())
    optimizer_state.restore(optimizer_state.capture(one, first), two, second)
    step(first, one)
    step(second, two)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_weights_of_another_network_are_refused_by_name_and_shape() -> None:
    with pytest.raises(InputFault, match=r"weight is \(3, 5\)"):
        load_weights(nn.Linear(4, 3), {"weight": torch.zeros(3, 5), "bias": torch.zeros(3)})
    with pytest.raises(InputFault, match="bias is missing"):
        load_weights(nn.Linear(4, 3), {"weight": torch.zeros(3, 4)})


def test_an_optimizer_that_would_not_withhold_a_bad_update_is_refused() -> None:
    trained = small()
    plain = torch.optim.SGD(trained.model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match="fused"):
        Supervised(trained.model, plain, trained.schedule, trained.feed, epochs=1.0)


def test_a_parameter_without_a_gradient_does_not_confuse_the_watch() -> None:
    trained = small(dropout=False)
    trained.model.spare = nn.Parameter(torch.zeros(3))
    trained.watch = FiniteWatch(trained.model, trained.device)
    trained.optimizer.found_inf = trained.watch.withheld
    handle = trained.model.conv2.weight.register_hook(lambda gradient: gradient * float("nan"))
    trained.step(0, next(trained.batches(0)))
    handle.remove()
    assert "gradient of conv2.weight" in trained.trouble().what


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("optimizer.fc6.weight.momentum_buffer", torch.zeros(1)),
        ("optimizer.fc6.weight.momentum_buffer", torch.zeros(16, 32, dtype=torch.float64)),
        ("optimizer.nothing.weight.momentum_buffer", torch.zeros(3)),
        ("statistics.mean", torch.zeros(7, 7, 3)),
    ],
)
def test_a_forged_state_is_refused_before_anything_computes_with_it(name: str, value: torch.Tensor) -> None:
    trained = small()
    trained.step(0, next(trained.batches(0)))
    state = trained.state()
    with pytest.raises((ValueError, LookupError)):
        trained.restore(type(state)({**state.tensors, name: value}, dict(state.values)))


@pytest.mark.parametrize(("name", "value"), [("7.lr", 0.1), ("0.params", 0.1), ("0.lr", "x"), ("0.lr", float("inf"))])
def test_forged_numbers_of_an_optimizer_are_refused(name: str, value: object) -> None:
    trained = small()
    trained.step(0, next(trained.batches(0)))
    state = trained.state()
    with pytest.raises((ValueError, LookupError)):
        trained.restore(type(state)(dict(state.tensors), {**state.values, f"optimizer.{name}": value}))


@pytest.mark.gpu
def test_a_resumed_step_on_a_gpu_has_the_bits_of_a_straight_one() -> None:
    from epochal.engine import random

    device = torch.device("cuda")

    def fresh() -> Supervised:
        return task(TINY.replace(lrn=True), open_data("digits"), seed=1, device=device)

    straight = fresh()
    for number, batch in enumerate(islice(straight.batches(0), 8)):
        if number == 4:
            state = straight.state()
            saved = type(state)({name: t.clone() for name, t in state.tensors.items()}, dict(state.values))
            generators = random.capture(device)
        straight.step(number, batch)
    resumed = fresh()
    resumed.restore(saved)
    random.restore(generators, device)
    for number, batch in zip(range(4, 8), resumed.batches(4), strict=False):
        resumed.step(number, batch)
    for a, b in zip(straight.model.parameters(), resumed.model.parameters(), strict=True):
        assert torch.equal(a, b)
