"""The scaled network with batch normalisation and shortcuts, and the training that came with them."""

from __future__ import annotations

import os
import signal
from itertools import islice
from pathlib import Path

import pytest
import torch
from tests.tiny import TINY
from torch import Tensor, nn
from torch.nn import functional

import epochal
from epochal.core.fault import Interrupted
from epochal.core.run import Run
from epochal.data.digits import read_digits
from epochal.engine import checkpoint
from epochal.engine.checkpoint import Snapshot, fingerprint
from epochal.engine.supervised import Supervised
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.alexnet.modern import ModernAlexNet, Nothing
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.landmarks.alexnet.scaled import ScaledAlexNet, Widths
from epochal.landmarks.alexnet.train import task

SMALL = Widths(maps=(8, 16, 24, 24, 16), kernels=(5, 3), units=32)
SWITCHES = [(False, False), (True, False), (False, True), (True, True)]
# All that came later at once, for the tests of the training.
MODERN: AlexNetRecipe = TINY.replace(
    network="modern",
    batch_norm=True,
    residual=True,
    optimizer="adamw",
    lr=0.002,
    weight_decay=0.05,
    label_smoothing=0.1,
    mixup=0.4,
    cutmix=1.0,
    pictures=480,  # 10 steps an epoch
)


def modern(**choices: object) -> ModernAlexNet:
    torch.manual_seed(4)
    return ModernAlexNet(widths=SMALL, **choices)  # type: ignore[arg-type]


def small(recipe: AlexNetRecipe = MODERN, **changes: object) -> Supervised:
    return task(recipe.replace(**changes), read_digits(), seed=1, device=torch.device("cpu"))


@pytest.mark.parametrize("choices", [{}, {"lrn": False}, {"without": "conv4", "columns": 1, "activation": "tanh"}])
def test_with_both_switches_off_it_is_the_scaled_network_to_the_bit(choices: dict) -> None:
    torch.manual_seed(4)
    plain = ScaledAlexNet(widths=SMALL, **choices)
    switched_off = modern(batch_norm=False, residual=False, **choices)
    weights = plain.state_dict()
    assert {name: w.shape for name, w in switched_off.state_dict().items()} == {n: w.shape for n, w in weights.items()}
    assert all(torch.equal(weights[name], w) for name, w in switched_off.state_dict().items())
    image = torch.randn(4, 3, 32, 32)
    outcomes = []
    for model in (plain, switched_off):
        torch.manual_seed(5)  # dropout
        scores = model(image)
        scores.square().sum().backward()
        outcomes.append((scores, {name: p.grad for name, p in model.named_parameters()}))
    (scores, gradients), (others, other_gradients) = outcomes
    assert torch.equal(scores, others)
    assert all(torch.equal(gradients[name], other_gradients[name]) for name in gradients)


@pytest.mark.parametrize(("batch_norm", "residual"), SWITCHES)
def test_the_layers_it_shares_with_the_scaled_network_start_alike(batch_norm: bool, residual: bool) -> None:
    """So that a comparison with one seed compares the invention and not the luck of the start."""
    torch.manual_seed(4)
    plain = ScaledAlexNet(widths=SMALL).state_dict()
    found = modern(batch_norm=batch_norm, residual=residual).state_dict()
    assert all(torch.equal(plain[name], found[name]) for name in plain)


def test_batch_norm_normalises_after_every_convolution_and_no_responses() -> None:
    model = modern(batch_norm=True, residual=False)
    norms = [layer for layer in model.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert [norm.num_features for norm in norms] == list(SMALL.maps)
    assert not [layer for layer in model.modules() if isinstance(layer, LocalResponseNorm)]
    responses = [layer for layer in modern(batch_norm=False).modules() if isinstance(layer, LocalResponseNorm)]
    assert len(responses) == 2


def by_hand(model: ModernAlexNet, image: Tensor) -> Tensor:
    """The forward pass in training without dropout, written out for both switches on."""

    def normed(x: Tensor) -> Tensor:  # a batch norm that has just begun: weight 1, bias 0
        mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        return (x - mean) / (variance + 1e-5).sqrt()

    def convolved(x: Tensor, layer: nn.Conv2d) -> Tensor:
        padding = layer.kernel_size[0] // 2
        return functional.conv2d(x, layer.weight, layer.bias, padding=padding, groups=layer.groups)

    def pooled(x: Tensor) -> Tensor:
        return functional.max_pool2d(x, 3, 2, ceil_mode=True)

    x = pooled(normed(convolved(image, model.conv1)).relu())
    x = pooled(normed(convolved(x, model.conv2)).relu())
    x = (normed(convolved(x, model.conv3)) + functional.conv2d(x, model.shortcut3.weight)).relu()
    x = (normed(convolved(x, model.conv4)) + x).relu()
    x = (normed(convolved(x, model.conv5)) + functional.conv2d(x, model.shortcut5.weight)).relu()
    x = pooled(x).flatten(1)
    return model.fc8(model.fc7(model.fc6(x).relu()).relu())


def test_the_forward_pass_is_the_one_written_out() -> None:
    model = modern(dropout=False).double()
    image = torch.randn(6, 3, 32, 32, dtype=torch.float64) * 3
    torch.testing.assert_close(model(image), by_hand(model, image))


def test_a_shortcut_is_nothing_to_compute_where_the_number_of_maps_stays() -> None:
    model = modern()  # 16 maps come into conv3, 24 into conv4 and conv5
    assert model.shortcut3.weight.shape == (24, 16, 1, 1)
    assert isinstance(model.shortcut4, nn.Identity)
    assert model.shortcut5.weight.shape == (16, 24, 1, 1)
    assert model.shortcut3.bias is None
    assert all(isinstance(getattr(modern(residual=False), f"shortcut{i}"), Nothing) for i in (3, 4, 5))


def test_a_projecting_shortcut_keeps_the_size_of_the_signal() -> None:
    torch.manual_seed(0)
    model = ModernAlexNet(widths=Widths(maps=(8, 128, 256, 256, 256), kernels=(3, 3), units=8))
    x = torch.randn(4, 128, 4, 4)
    assert model.shortcut3(x).std().item() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(("batch_norm", "residual"), SWITCHES)
@pytest.mark.parametrize("without", [None, "conv3", "conv4", "conv5"])
@pytest.mark.parametrize("columns", [1, 2])
def test_the_gradient_reaches_everything_whatever_layer_is_left_out(
    batch_norm: bool, residual: bool, without: str | None, columns: int
) -> None:
    model = modern(batch_norm=batch_norm, residual=residual, without=without, columns=columns)
    functional.cross_entropy(model(torch.randn(16, 3, 32, 32)), torch.arange(16) % 10).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # A bias before a normalisation is taken out again by it: its gradient is zero but for rounding.
        undone = batch_norm and name.startswith("conv") and name.endswith("bias")
        assert undone or parameter.grad.abs().sum() > 0, name
    left_out = {"conv3": "3", "conv4": "4", "conv5": "5"}.get(without or "", "none")
    assert not [name for name, _ in model.named_parameters() if name.split(".")[0].endswith(left_out)]


def test_pictures_of_another_size_are_refused() -> None:
    with pytest.raises(epochal.InputFault, match="3 x 30 x 30"):
        modern()(torch.zeros(1, 3, 30, 30))


def test_a_bad_gradient_is_blamed_on_the_layer_where_it_arose() -> None:
    """What is registered late must not be taken for what comes late: fc7, not a normalisation far below it."""
    trained = small()
    handle = trained.model.fc7.weight.register_hook(lambda gradient: gradient * float("nan"))
    below = trained.model.bn2.weight.register_hook(lambda gradient: gradient * float("nan"))
    trained.step(0, next(trained.batches(0)))
    handle.remove()
    below.remove()
    assert "gradient of fc7.weight" in trained.trouble().what


def test_a_loss_that_is_not_finite_names_the_layer_where_it_began() -> None:
    """Through layers that answer no tensor, such as the shortcut that is not there."""
    trained = small(residual=False)
    with torch.no_grad():
        trained.model.conv4.bias[3] = float("nan")
    trained.step(0, next(trained.batches(0)))
    assert "output of layer conv4" in trained.trouble().what


def test_modules_are_listed_in_the_order_of_the_forward_pass() -> None:
    names = [name.split(".")[0] for name, _ in modern().named_parameters()]
    order = "conv1 bn1 conv2 bn2 conv3 bn3 shortcut3 conv4 bn4 conv5 bn5 shortcut5 fc6 fc7 fc8"
    assert list(dict.fromkeys(names)) == order.split()


# --- AdamW, as torch's fused kernel does it.


def test_the_recipes_numbers_reach_the_optimizer() -> None:
    trained = small(momentum=0.8, bias_rate=2.0, decay_biases=False)
    assert isinstance(trained.optimizer, torch.optim.AdamW)
    weights, biases = trained.optimizer.param_groups
    assert (weights["betas"], weights["weight_decay"], weights["rate"]) == ((0.8, 0.999), 0.05, 1.0)
    assert (biases["weight_decay"], biases["rate"]) == (0.0, 2.0)


def test_a_step_of_adamw_is_the_one_of_loshchilov_and_hutter() -> None:
    trained = small(warmup_epochs=0.0, bias_rate=2.0)
    before = {name: p.detach().clone() for name, p in trained.model.named_parameters()}
    trained.step(0, next(trained.batches(0)))
    for name, parameter in trained.model.named_parameters():
        gradient, rate = parameter.grad, trained.schedule.lr(0) * (2.0 if name.endswith("bias") else 1.0)
        # After one step both averages, corrected for their start at zero, are the gradient and its square.
        expected = before[name] * (1 - rate * 0.05) - rate * gradient / (gradient.abs() + 1e-8)
        torch.testing.assert_close(parameter.detach(), expected, atol=1e-5, rtol=1e-4, msg=name)


def test_adamw_withholds_a_bad_update_and_all_later_ones() -> None:
    trained = small()
    batches = trained.batches(0)
    trained.step(0, next(batches))
    before = {name: p.detach().clone() for name, p in trained.model.named_parameters()}
    moments = [{key: value.clone() for key, value in state.items()} for state in trained.optimizer.state.values()]
    handle = trained.model.conv3.weight.register_hook(lambda gradient: gradient * float("inf"))
    trained.step(1, next(batches))
    handle.remove()
    trained.step(2, next(batches))
    assert "step 1:" in trained.trouble().what
    for name, parameter in trained.model.named_parameters():
        assert torch.equal(parameter, before[name]), name
    for state, held in zip(trained.optimizer.state.values(), moments, strict=True):
        assert all(torch.equal(state[key], held[key]) for key in held), "counts and averages stay as they were"


def test_adamws_averages_come_back_in_their_weights_memory_layout() -> None:
    first, second = small(), small()
    for number, batch in enumerate(islice(first.batches(0), 3)):
        first.step(number, batch)
    state = first.state()
    stored = {name: tensor.contiguous().clone() for name, tensor in state.tensors.items()}  # as a file holds them
    second.restore(Snapshot(stored, dict(state.values)))
    assert any(not p.is_contiguous() for p in first.model.parameters()), "channels last"
    for parameter, other in zip(first.model.parameters(), second.model.parameters(), strict=True):
        held, found = first.optimizer.state[parameter], second.optimizer.state[other]
        assert set(held) == set(found) == {"step", "exp_avg", "exp_avg_sq"}
        for key in ("exp_avg", "exp_avg_sq"):
            assert torch.equal(held[key], found[key])
            assert found[key].stride() == other.stride()
        assert found["step"] == 3


# --- Stopped and resumed.


def bits(run: Run) -> tuple[int, str]:
    loaded = checkpoint.load(run.checkpoints)
    values = {name: value for name, value in loaded.snapshot.values.items() if name != "loop.seconds"}
    return loaded.step, fingerprint(Snapshot(loaded.snapshot.tensors, values))


def trained_run(folder: Path, report=lambda row: None) -> Run:
    recipe = MODERN.replace(epochs=4.5, lrn=False)  # 45 steps; rows of the log at 20 and 40
    return epochal.train("alexnet", recipe=recipe, seed=3, workers=0, device="cpu", runs=folder, report=report)


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained_run(tmp_path_factory.mktemp("straight"))


def test_stopped_in_an_epoch_and_resumed_it_has_the_bits_of_a_straight_run(straight: Run, tmp_path: Path) -> None:
    def stop(row: dict) -> None:
        if row["kind"] == "step" and row["step"] == 20:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        trained_run(tmp_path, stop)
    (run,) = epochal.runs(tmp_path)
    step, _ = bits(run)
    assert step == 20
    assert bits(epochal.resume(run)) == bits(straight)
    assert run.record()["results"] == straight.record()["results"]


def test_the_running_statistics_are_kept_and_are_what_an_evaluation_uses(straight: Run) -> None:
    tensors = checkpoint.load(straight.checkpoints).snapshot.under("task").under("model").tensors
    assert {name for name in tensors if name.startswith("bn1")} == {
        "bn1.weight",
        "bn1.bias",
        "bn1.running_mean",
        "bn1.running_var",
        "bn1.num_batches_tracked",
    }
    assert tensors["bn1.num_batches_tracked"] == 45
    assert tensors["bn1.running_mean"].abs().sum() > 0
    measured = epochal.evaluate(straight, device="cpu")
    assert measured["top1"] == pytest.approx(straight.record()["results"]["top1"], abs=1e-6)
    assert measured["loss"] == pytest.approx(straight.record()["results"]["loss"], abs=1e-5)
