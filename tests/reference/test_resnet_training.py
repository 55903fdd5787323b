"""How a ResNet is trained: what decays, what is frozen, what a start takes over, what it is compared by."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.tiny import TINY_RESNET
from torch import nn

import epochal
from epochal.core.fault import InputFault
from epochal.data.sampler import Plan
from epochal.engine import checkpoint
from epochal.engine.schedule import Gentle
from epochal.lab.ways import from_scratch, gentler
from epochal.landmarks.resnet.model import CifarResNet
from epochal.landmarks.resnet.train import parameter_groups, schedule
from epochal.landmarks.resnet.train import task as resnet_task
from epochal.landmarks.resnet.transfer import layers, own_recipe
from epochal.verbs.launch import opener
from epochal.verbs.weights import read_weights


def trained_tensors(run: epochal.Run) -> dict[str, torch.Tensor]:
    return checkpoint.load(run.checkpoints).snapshot.under("task").under("model").tensors


@pytest.mark.parametrize("decay_norms", [False, True])
def test_weights_decay_and_normalisations_only_where_asked(decay_norms: bool) -> None:
    model = CifarResNet(8, shortcut="B")
    recipe = TINY_RESNET.replace(shortcut="B", decay_norms=decay_norms, weight_decay=0.25, head_rate=3.0)
    groups = parameter_groups(recipe, model)
    of = {id(p): group for group in groups for p in group["params"]}
    assert len(of) == sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    for name, parameter in model.named_parameters():
        is_matrix = parameter.dim() > 1
        assert of[id(parameter)]["weight_decay"] == (0.25 if is_matrix or decay_norms else 0.0), name
        assert of[id(parameter)]["rate"] == (3.0 if name.startswith("fc.") else 1.0), name


@pytest.mark.parametrize("landmark", ["alexnet", "resnet"])
def test_a_plateau_has_no_epochs_to_drop_at(landmark: str) -> None:
    recipe = epochal.recipe(landmark, "paper")
    assert recipe.schedule == "plateau"
    with pytest.raises(InputFault, match="settings do not fit"):
        recipe.override(["drop_epochs=5"])
    recipe.override(["drop_epochs=5", "schedule=drops"])


def test_the_recipe_of_110_layers_begins_gently() -> None:
    recipe = epochal.recipe("resnet", "paper-cifar-110")
    found = schedule(recipe, Plan(50_000, recipe.batch_size, 0))
    assert isinstance(found, Gentle)
    assert (found.lr(0), found.error, found.then.lr(0), found.then.lr(32_000)) == (0.01, 0.8, 0.1, pytest.approx(0.01))


def test_a_gentle_start_ends_within_a_training_and_the_log_shows_it() -> None:
    recipe = TINY_RESNET.replace(warmup_epochs=0.0, gentle_lr=0.01, gentle_error=0.6, epochs=2.0)
    run = epochal.train("resnet", recipe=recipe, workers=0, device="cpu")
    rates = [row["lr"] for row in run.metrics() if row["kind"] == "step"]
    assert rates[0] == 0.01
    assert len(set(rates)) > 1


def test_the_early_crops_are_a_share_of_the_training_and_its_evaluations_see_whole_pictures() -> None:
    recipe = epochal.recipe("resnet", "smoke").replace(early_crop=8, early_share=0.5, epochs=4.0)
    data = opener("resnet")("digits")
    task = resnet_task(recipe, data, seed=0, device=torch.device("cpu"))
    sides = {}
    for batch, number in zip(task.batches(0), range(4 * task.feed.plan.steps_per_epoch), strict=False):
        sides.setdefault(number // task.feed.plan.steps_per_epoch, set()).add(batch.images.shape[-1])
    assert sides == {0: {8}, 1: {8}, 2: {16}, 3: {16}}
    whole = recipe.replace(early_crop=None, early_share=0.0)
    assert task.evaluate() == resnet_task(whole, data, seed=0, device=torch.device("cpu")).evaluate()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"early_crop": 12}, "early_share"),
        ({"early_share": 0.5}, "early_crop"),
        ({"early_crop": 12, "early_share": 0.5, "crop": 10}, "early_crop of at most crop = 10"),
    ],
)
def test_early_crops_that_cannot_be_are_refused(settings: dict[str, float], told: str) -> None:
    with pytest.raises(InputFault, match=told):
        epochal.recipe("resnet", "smoke").parse({**epochal.recipe("resnet", "smoke").model_dump(), **settings})


def test_stages_are_named_and_the_last_layer_is_the_head() -> None:
    model = CifarResNet(8)
    known = layers(model)
    assert known.modules == {
        "conv1": ("conv1", "bn1"),
        **{stage: (stage,) for stage in ("layer1", "layer2", "layer3", "fc")},
    }
    assert known.head == ("fc",)
    assert known.chosen(["layer1", "conv1"]) == ["conv1", "bn1", "layer1"]
    assert known.chosen(["body"]) == known.chosen(["convolutions"]) == ["conv1", "bn1", "layer1", "layer2", "layer3"]
    with pytest.raises(InputFault, match="no layer called 'layer4'"):
        known.chosen(["layer4"])
    with pytest.raises(InputFault, match="none is left"):
        known.chosen(["body", "fc"])
    assert known.sizes(["body"]) == (650, sum(p.numel() for p in model.parameters()))


def test_a_frozen_body_keeps_weights_and_statistics_and_a_new_head_is_learned(tmp_path: Path) -> None:
    first = epochal.train("resnet", recipe=TINY_RESNET.replace(epochs=0.5), workers=0, device="cpu", runs=tmp_path)
    weights = replace(read_weights(first, "resnet"), classes=tuple("abcdefghij"))
    recipe = gentler(TINY_RESNET.replace(epochs=0.5, freeze=("body",)))
    second = epochal.train("resnet", recipe=recipe, weights=weights, workers=0, device="cpu", runs=tmp_path)
    before, after = trained_tensors(first), trained_tensors(second)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"fc.weight", "fc.bias"}
    assert second.record()["start"]["drawn"] == ["fc.weight", "fc.bias"]


def test_known_settings_make_a_recipe_of_their_family() -> None:
    assert own_recipe({"network": "imagenet", "depth": 18}).crop == 224
    small = own_recipe({"network": "cifar", "depth": 56, "shortcut": "A"})
    assert (small.crop, small.padding, small.depth) == (32, 4, 56)
    short = from_scratch("resnet", small.model_dump())
    assert short.batch_size == 32
    assert short.lr == pytest.approx(small.lr / 4)
    assert from_scratch("resnet", epochal.recipe("resnet", "paper-cifar-110").model_dump()).gentle_lr is None


def test_the_printed_network_and_torchvisions_differ_in_where_they_stride() -> None:
    found = epochal.compare("resnet:paper", "resnet:torchvision")
    different = [(a.name, a.form, b.form) for a, b in found.rows if a and b and a.form != b.form]
    assert [name for name, _, _ in different] == [
        f"layer{stage}.0.{conv}" for stage in (2, 3, 4) for conv in ("conv1", "conv2")
    ]
    assert "stride 2" in different[0][1]
    assert "stride 2" in different[1][2]
    assert "sqrt(2 / fan-in)" in found.a.initialisation


def test_torchvisions_networks_start_as_the_comparison_says() -> None:
    import torchvision

    said = epochal.compare("resnet:paper", "resnet:torchvision").b.initialisation
    assert "sqrt(2 / fan-out)" in said
    assert "dense layer's weights and biases uniform within 1 / sqrt(fan-in)" in said
    torch.manual_seed(0)
    model = torchvision.models.resnet18(num_classes=10)
    weight = model.layer2[0].conv1.weight.detach()  # 64 maps to 128
    assert float(weight.std()) == pytest.approx((2 / (128 * 9)) ** 0.5, rel=0.02)
    for parameter in model.fc.parameters():
        assert 0.9 / 512**0.5 < float(parameter.detach().abs().max()) < 1 / 512**0.5 + 1e-6 or parameter.numel() == 10


@pytest.mark.parametrize("name", ["cifar", "imagenet"])
def test_no_part_of_a_network_works_in_place(name: str) -> None:
    """Where attribution tools keep what a layer answered, a later one must not overwrite it."""
    recipe = epochal.recipe("resnet", "small" if name == "cifar" else "paper")
    from epochal.landmarks.resnet.networks import network

    with torch.device("meta"):
        rectifiers = [m for m in network(recipe, 10).modules() if isinstance(m, nn.ReLU)]
    assert rectifiers
    assert not any(one.inplace for one in rectifiers)
