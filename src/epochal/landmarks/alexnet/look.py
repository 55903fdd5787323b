"""What can be seen in a trained AlexNet: filters, what excites its units, answers and mistakes, its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import nn

from epochal.core.fault import InputFault
from epochal.data.decode import decode_file
from epochal.data.images import ImageData
from epochal.engine import classifier_views
from epochal.engine.classifier import Classifier
from epochal.engine.patch_view import exciting
from epochal.engine.scene import Scene
from epochal.landmarks.alexnet.model import ACTIVATIONS
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.landmarks.dropout.model import Dropout
from epochal.view import curves, filters

# The paper's top-5 accuracy on the ImageNet 2012 test set with seven networks: 15.3 % error (Table 2).
PAPER_TOP5 = (0.847, "paper, ImageNet test, top-5: 84.7 %")

VIEWS = {
    "filters": "the kernels of the first layer (the paper's Figure 3)",
    "features": "what every layer, or one (--layer), answers to a picture",
    "patches": "the parts of pictures that excite the units of every convolution, or of one layer (--layer), most",
    "answers": "pictures with the network's answer and the truth",
    "occlusion": "what each answer rests on: how it changes when a part of the picture is hidden",
    "mistakes": "the held-out pictures that the network is most wrong about",
    "confusion": "which classes are taken for which",
    "embedding": "held-out pictures laid out by what the last hidden layer answers to them",
    "curves": "loss and accuracy over the training",
}
OF_A_LAYER = ("features", "patches")
OF_PICTURES = ("features", "answers", "occlusion")


def scene(trained: Classifier, inputs: Sequence[Path], open_data: Callable[[], ImageData], workers: int = 0) -> Scene:
    """What the views look at.

    Args:
        trained: the network.
        inputs: picture files of one's own.
        open_data: opens the data it was trained on; called when a view needs it.
        workers: processes that decode.

    Raises:
        InputFault: one of the pictures cannot be read.
    """
    return Scene(trained, open_data, tuple(decode_file(path) for path in inputs), workers)


def shown(scene: Scene) -> tuple[str, ...]:
    """The views that this network has; one without convolutions has no filters, and nothing that excites them."""
    has_kernels = any(isinstance(module, nn.Conv2d) for module in scene.classifier.model.modules())
    return tuple(view for view in VIEWS if has_kernels or view not in ("filters", "patches"))


def look(
    view: str, scene: Scene, recipe: AlexNetRecipe, metrics: list[dict[str, Any]], layer: str | None = None
) -> Figure:
    """One view of a trained network.

    Args:
        view: a name in `VIEWS`.
        scene: the network and its pictures.
        recipe: how it was trained.
        metrics: the rows of the run's log.
        layer: the layer to show, for the views in `OF_A_LAYER`.

    Raises:
        InputFault: the layer is unknown, the network has no such view, or there is no picture to look at.
    """
    match view:
        case "filters":
            return _filters(scene.classifier, recipe)
        case "features":
            return classifier_views.features(scene, layer, _telling(scene.classifier.model))
        case "patches":
            return exciting(scene, layer, _activations(scene.classifier.model))
        case "answers":
            return classifier_views.answers(scene)
        case "occlusion":
            return classifier_views.occluded(scene)
        case "mistakes":
            return classifier_views.mistakes(scene)
        case "confusion":
            return classifier_views.confusion(scene)
        case "embedding":
            return classifier_views.embedding(scene, _last_hidden(scene.classifier.model))
        case _:
            wants_line = recipe.network in ("paper", "source", "torchvision") and len(scene.classifier.classes) == 1000
            return curves.training_curves(metrics, reference=PAPER_TOP5 if wants_line else None)


def _filters(classifier: Classifier, recipe: AlexNetRecipe) -> Figure:
    first = next((m for m in classifier.model.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None:
        raise InputFault("the network has no convolution, and so no kernels", expected="a network with conv1")
    kernels = first.weight.detach().cpu().float()
    columns = recipe.columns if recipe.network in ("paper", "source", "scaled") else 1
    mean = classifier.statistics.mean
    if torch.equal(mean[..., 0], mean[..., 1]) and torch.equal(mean[..., 0], mean[..., 2]):
        # Gray pictures show a kernel the same value three times: it answers to the sum of its three weights, and the
        # colours it was born with are never corrected.
        kernels = kernels.sum(1, keepdim=True)
    return filters.filter_grid(kernels.numpy(), columns=columns)


def _telling(model: nn.Module) -> list[str]:
    """The layers to show a picture's way by: a rectifier says what its convolution and its norm would repeat."""
    *_, scores = (name for name, module in model.named_modules() if isinstance(module, nn.Linear))
    return [*_activations(model), scores]


def _activations(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, tuple(ACTIVATIONS.values()))]


def _last_hidden(model: nn.Module) -> str:
    """The layer whose answers the last dense layer sees: the rectifier of fc7, or what stands in its place.

    Dropout passes everything on when nothing is learned, and is passed over.
    """
    leaves = [(str(name), module) for name, module in model.named_modules() if not list(module.children())]
    last = max(place for place, (_, module) in enumerate(leaves) if isinstance(module, nn.Linear))
    before = [name for name, module in leaves[:last] if not isinstance(module, Dropout | nn.Dropout | nn.Identity)]
    return before[-1] if before else leaves[last][0]
