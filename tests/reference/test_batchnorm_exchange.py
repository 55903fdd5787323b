"""Weights out and in again, told by their names, and for pixels of another scale."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.tiny import TINY_BATCHNORM

import epochal
from epochal.core.fault import InputFault
from epochal.landmarks.batchnorm.exchange import layout_of
from epochal.landmarks.batchnorm.networks import network
from epochal.landmarks.batchnorm.recipe import MNIST, PAPER, BatchNormRecipe
from epochal.landmarks.batchnorm.transfer import layers, own_recipe
from epochal.verbs.weights import read_weights, with_pixel_scale

PLAIN = MNIST.replace(batch_norm=False, population_batches=0, hidden=(20, 10))


@pytest.mark.parametrize(
    "recipe", [TINY_BATCHNORM, PAPER, MNIST, PLAIN], ids=["scaled", "inception", "mnist", "without"]
)
def test_names_and_shapes_tell_the_network(recipe: BatchNormRecipe) -> None:
    with torch.device("meta"):
        shapes = {name: tuple(t.shape) for name, t in network(recipe, 7).state_dict().items()}
    told = own_recipe(layout_of(shapes).settings)
    with torch.device("meta"):
        again = {name: tuple(t.shape) for name, t in network(told, 7).state_dict().items()}
    assert again == shapes


def test_any_width_is_told_by_the_shapes() -> None:
    for width in (0.01, 0.037, 0.08, 0.123, 0.25, 0.333, 0.71, 1.0):
        recipe = TINY_BATCHNORM.replace(width=width)
        with torch.device("meta"):
            shapes = {name: tuple(t.shape) for name, t in network(recipe, 7).state_dict().items()}
            told = network(own_recipe(layout_of(shapes).settings), 7).state_dict()
        assert {name: tuple(t.shape) for name, t in told.items()} == shapes, width


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(InputFault, match="not in a layout known"):
        layout_of({"features.0.weight": (64, 3, 11, 11)})
    with pytest.raises(InputFault, match="no layout is called"):
        layout_of({}, wanted="caffe")


def test_an_exported_run_answers_as_the_run_and_for_pixels_of_another_scale(tmp_path: Path) -> None:
    run = epochal.train("batchnorm", recipe=TINY_BATCHNORM.replace(epochs=0.5), workers=0, device="cpu")
    epochal.export(run, format="safetensors", out=tmp_path / "w.safetensors")
    weights = read_weights(tmp_path / "w.safetensors", "batchnorm")
    model = network(TINY_BATCHNORM, 10)
    model.load_state_dict(weights.tensors)
    other = network(TINY_BATCHNORM, 10)
    other.load_state_dict(with_pixel_scale(weights, "batchnorm", 32.0).tensors)
    x = torch.randn(4, 3, 16, 16)
    model.eval(), other.eval()
    assert torch.allclose(model(x), other(x * 64.0 / 32.0), atol=1e-4)
    metrics = epochal.evaluate("batchnorm", weights=tmp_path / "w.safetensors", data="digits", device="cpu")
    assert metrics["top1"] == pytest.approx(epochal.evaluate(run, device="cpu")["top1"], abs=0.01)


def test_layers_are_named_for_freezing_and_the_last_is_the_head() -> None:
    with torch.device("meta"):
        dense, deep = layers(network(MNIST, 10)), layers(network(PAPER, 10))
    assert dense.modules == {"fc1": ("fc1", "bn1"), "fc2": ("fc2", "bn2"), "fc3": ("fc3", "bn3"), "fc4": ("fc4",)}
    assert deep.modules["conv1"] == ("depthwise", "conv1")
    assert deep.head == ("fc",)
    assert dense.chosen(["body"]) == ["fc1", "bn1", "fc2", "bn2", "fc3", "bn3"]
    assert dense.sizes(["body"]) == (1010, 100_010)
    with pytest.raises(InputFault, match="none is left"):
        dense.chosen(["body", "fc4"])
    with pytest.raises(InputFault, match="no layer called"):
        dense.chosen(["conv9"])
