"""What is told of a run's network wherever it is handed on; nothing of the machine it was trained on."""

from __future__ import annotations

import importlib.metadata
import json
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from epochal import landmarks as table
from epochal.core.fault import printable
from epochal.core.recipe import Recipe
from epochal.data import hub
from epochal.data.statistics import picture_of
from epochal.engine.classifier import Classifier
from epochal.interop.mean_picture import as_text
from epochal.interop.model_card import Facts

_VERSION = importlib.metadata.version("epochal")

# The data sets that the Hub knows, by our names for them.
_ON_THE_HUB = {
    "mnist": hub.MNIST.repository,
    "fashion-mnist": hub.FASHION_MNIST.repository,
    "cifar10": hub.CIFAR10.repository,
    "imagenette": hub.IMAGENETTE.repository,
}


@dataclass(frozen=True)
class Described:
    """A run's network with what is known of it.

    Attributes:
        record: what run.json says.
        recipe: how it was trained.
        classifier: the network with its preparation, on the CPU.
        step: how many steps it had learned.
    """

    record: dict[str, Any]
    recipe: Recipe
    classifier: Classifier
    step: int

    @property
    def tensors(self) -> dict[str, Tensor]:
        """The network's tensors by name."""
        return dict(self.classifier.model.state_dict())

    @property
    def data(self) -> str:
        """What it learned from, without the place on this machine."""
        return str(self.record.get("data", "unknown")).partition(":")[0]

    @property
    def results(self) -> dict[str, float]:
        """What it reached, as far as it is a number."""
        found = self.record.get("results") or {}
        return {printable(name, 40): float(value) for name, value in found.items() if math.isfinite(value)}

    @property
    def start(self) -> dict[str, str]:
        """The weights that it began with, if they were not drawn: file, layout, SHA-256."""
        found = self.record.get("start") or {}
        return {name: printable(str(found[name])) for name in ("source", "layout", "sha256") if name in found}


def config(model: Described) -> dict[str, Any]:
    """What config.json of an exported folder says."""
    classifier, record = model.classifier, model.record
    return {
        "epochal_version": _VERSION,
        "landmark": record["landmark"],
        "landmark_version": record.get("landmark_version", 0),
        "architectures": [type(classifier.model).__name__],
        "recipe_name": record.get("recipe_name", "custom"),
        "recipe": model.recipe.model_dump(mode="json"),
        "classes": list(classifier.classes),
        "data": model.data,
        "start": model.start,
        "seed": record.get("seed"),
        "step": model.step,
        "results": model.results,
        "preprocessing": {
            "colours": "RGB",
            "range": [0, 255],
            "stored_size": classifier.stored_size,
            "padding": classifier.padding,
            "mean": "preprocessing.safetensors",
            "mean_colour": _mean_colour(classifier),
            "pixel_scale": classifier.pixel_scale,
            "crop": classifier.crop,
            "told": list(preparation(model)),
        },
    }


def metadata(model: Described, *, layout: str = "ours", recipe: Recipe | None = None) -> dict[str, str]:
    """What a file says of itself; nothing of this machine.

    Args:
        model: what it holds.
        layout: whose names and conventions its weights have.
        recipe: the recipe that the weights in that layout belong to; None: the one they were trained by.
    """
    record, mean = model.record, _mean_picture(model.classifier)
    return {
        "library": f"epochal {_VERSION}",
        "landmark": record["landmark"],
        "landmark_version": str(record.get("landmark_version", "")),
        "recipe_name": str(record.get("recipe_name", "custom")),
        "layout": layout,
        "recipe": (recipe or model.recipe).model_dump_json(),
        "classes": json.dumps(list(model.classifier.classes)),
        "data": model.data,
        "step": str(model.step),
        "results": json.dumps(model.results),
        "mean_colour": json.dumps(_mean_colour(model.classifier)),
        "preparation": "; ".join(preparation(model)),
        **({} if mean is None else {"mean_picture": mean}),
    }


def _mean_picture(classifier: Classifier) -> str | None:
    """What is subtracted, as a text; None where its colour says all, or it is too large."""
    mean, padding = classifier.statistics.mean, classifier.padding
    colour = picture_of(mean[padding, padding], len(mean), padding)
    return None if torch.equal(mean, colour) else as_text(mean)


def _mean_colour(classifier: Classifier) -> list[float]:
    """The mean red, green and blue, from 0 to 255, the padding left out."""
    inside = slice(classifier.padding, classifier.padding + classifier.stored_size)
    return [float(colour) for colour in classifier.statistics.mean[inside, inside].mean((0, 1))]


def preparation(model: Described, *, onnx: bool = False) -> tuple[str, ...]:
    """How a picture becomes the network's input, step by step, in words."""
    c = model.classifier
    square = f"take the central square, resized to {c.stored_size} x {c.stored_size} (bilinear, antialiased)"
    pad = (f"put {c.padding} zeros around it",) if c.padding else ()
    crop = f"take the central {c.crop} x {c.crop}"
    if onnx:
        return square, *pad, crop, "give it as float32 [N, 3, height, width], RGB, 0 to 255; the graph does the rest"
    take = "take its pixels as they are (RGB, 0 to 255)"
    if c.statistics.mean.any():
        take = "subtract the training set's mean picture (RGB, 0 to 255)"
    divide = (f"divide by {c.pixel_scale:g}",) if c.pixel_scale != 1 else ()
    return square, *pad, take, *divide, crop


def facts(model: Described) -> Facts:
    """What the card of an exported folder tells."""
    record, package = model.record, table.load(model.record["landmark"])
    paper, recipe = type(model.recipe)(), model.recipe
    changed = [f"{name}={recipe.written(name)}" for name in _different(recipe, paper)]
    return Facts(
        name=f"{record['landmark']}-{record.get('recipe_name', 'custom')}-{model.data}",
        landmark=record["landmark"],
        idea=package.CARD.idea,
        paper=package.CARD.paper,
        recipe=str(record.get("recipe_name", "custom")),
        changed=changed,
        data=model.data,
        dataset=_ON_THE_HUB.get(model.data),
        classes=model.classifier.classes,
        parameters=sum(parameter.numel() for parameter in model.classifier.model.parameters()),
        results=model.results,
        steps=model.step,
        preparation=preparation(model),
        command=_command(model, package.RECIPES),
        began_with=model.start.get("source", ""),
        version=_VERSION,
    )


def _different(recipe: Recipe, other: Recipe) -> list[str]:
    return [name for name in type(recipe).model_fields if getattr(recipe, name) != getattr(other, name)]


def _command(model: Described, recipes: dict[str, Recipe]) -> str:
    """The command that trains such a model, wherever the data lies."""
    record = model.record
    name = str(record.get("recipe_name", "")).removesuffix("+")
    name = name if name in recipes else "paper"
    sets = [f" --set {one}={model.recipe.written(one)}" for one in _different(model.recipe, recipes[name])]
    data = model.data + (":PATH" if ":" in str(record.get("data", "")) else "")
    seed = f" --seed {record['seed']}" if "seed" in record else ""
    return f"epochal train {record['landmark']} --recipe {name} --data {data}{seed}{''.join(sets)}"
