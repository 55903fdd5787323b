"""What this landmark measures of its finished runs beyond the error: claims name these."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochal.core.recipe import Recipe
from epochal.core.report import counted
from epochal.engine.probe import activations
from epochal.engine.scene import Scene
from epochal.landmarks.dropout.monte_carlo import averages

# As many nets as are averaged in Figure 11, a few of its places.
SAMPLES = (1, 5, 20, 50)
# Hidden activities are read off so many held-out pictures at a time.
_BATCH = 250


def sampled_errors(scene: Scene, samples: int) -> list[float]:
    """The held-out error in per cent of the average over 1, 2, ... thinned nets; always the same ones."""
    wrong = [0] * samples
    labels = torch.from_numpy(scene.held_out.labels)
    classifier = scene.classifier
    with _own_chance(classifier.device):
        for places, images in scene.batches(scene.judged, _BATCH):
            said = averages(classifier.model, images, samples, classifier.precision)
            for place, probabilities in enumerate(said):
                wrong[place] += int((probabilities.argmax(1).cpu() != labels[places]).sum())
    return [100.0 * count / len(scene.judged) for count in wrong]


def hidden_activities(scene: Scene, count: int = 2_000) -> dict[str, Float[Tensor, "pictures units"]]:
    """What each hidden layer answers to held-out pictures, by the layer's name; in use, before it is scaled."""
    model = scene.classifier.model
    hidden = [str(name) for name, layer in model.named_children() if isinstance(layer, nn.ReLU | nn.Sigmoid)]
    parts: dict[str, list[Tensor]] = {name: [] for name in hidden}
    for _, images in scene.batches(scene.chosen(count), _BATCH):
        found = activations(model, images, hidden)
        for name in hidden:
            parts[name].append(found[name].flatten(1))
    return {name: torch.cat(kept) for name, kept in parts.items()}


@contextmanager
def _own_chance(device: torch.device) -> Iterator[None]:
    """Chance that is the same in every call, and leaves torch's generators as they were."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield


def _error_of(samples: int, scene: Scene, recipe: Recipe, metrics: list[dict[str, Any]]) -> float:
    return sampled_errors(scene, samples)[-1]


def _active(scene: Scene, recipe: Recipe, metrics: list[dict[str, Any]]) -> float:
    """How many of the hidden units answer to a picture at all, averaged over pictures and layers."""
    layers = hidden_activities(scene).values()
    return 100.0 * sum(float((layer > 0).float().mean()) for layer in layers) / len(layers)


ACTIVE = "active hidden units, %"


def error_of(samples: int) -> str:
    """What the error of so many sampled nets is called."""
    return f"held-out error of {counted(samples, 'sampled net')}, %"


FUNCTIONS: dict[str, Callable[[Scene, Recipe, list[dict[str, Any]]], float]] = {
    **{error_of(samples): partial(_error_of, samples) for samples in SAMPLES},
    ACTIVE: _active,
}
