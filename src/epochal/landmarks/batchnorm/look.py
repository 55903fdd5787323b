"""What can be seen in a trained network: its filters, its answers and mistakes, its statistics, its training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from torch import nn

from epochal.core.fault import InputFault
from epochal.data.decode import decode_file
from epochal.data.images import ImageData
from epochal.engine import classifier_views
from epochal.engine.classifier import Classifier
from epochal.engine.patch_view import exciting
from epochal.engine.scene import Scene
from epochal.landmarks.batchnorm.mnist import ACTIVATIONS
from epochal.landmarks.batchnorm.recipe import BatchNormRecipe
from epochal.view import curves, filters

# BN-x30, single crop, at its best (Figure 3).
PAPER_TOP1 = (0.748, "paper, ImageNet validation, BN-x30: 74.8 %")

VIEWS = {
    "filters": "the weights of the first layer",
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
    """The views that this network has; one without convolutions has nothing that patches excite."""
    has_kernels = any(isinstance(module, nn.Conv2d) for module in scene.classifier.model.modules())
    return tuple(view for view in VIEWS if has_kernels or view != "patches")


def look(
    view: str, scene: Scene, recipe: BatchNormRecipe, metrics: list[dict[str, Any]], layer: str | None = None
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
    model = scene.classifier.model
    match view:
        case "filters":
            return _filters(model, scene.classifier.crop)
        case "features":
            return classifier_views.features(scene, layer, [*_activations(model), _scores(model)])
        case "patches":
            if not any(isinstance(module, nn.Conv2d) for module in model.modules()):
                raise InputFault("the network has no convolution", expected="network=scaled or network=inception")
            return exciting(scene, layer, _activations(model))
        case "answers":
            return classifier_views.answers(scene)
        case "occlusion":
            return classifier_views.occluded(scene)
        case "mistakes":
            return classifier_views.mistakes(scene)
        case "confusion":
            return classifier_views.confusion(scene)
        case "embedding":
            return classifier_views.embedding(scene, _last_hidden(model))
        case _:
            wants_line = recipe.network == "inception" and len(scene.classifier.classes) == 1000
            return curves.training_curves(metrics, reference=PAPER_TOP1 if wants_line else None)


def _filters(model: nn.Module, pixels: int) -> Figure:
    """The kernels of the first convolution, or the weights of each unit of the first dense layer as a picture."""
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear))
    weight = first.weight.detach().cpu().float()
    if isinstance(first, nn.Linear):
        weight = weight.view(-1, 1, pixels, pixels)
    return filters.filter_grid(weight.numpy())


def _activations(model: nn.Module) -> list[str]:
    """The non-linearities that end a branch or a layer: what is inside a branch would be too much to show."""
    names = [name for name, module in model.named_modules() if isinstance(module, tuple(ACTIVATIONS.values()))]
    blocks = [name for name, module in model.named_children() if name.startswith("inception")]
    outside = [name for name in names if not name.startswith("inception")]
    return [*outside, *blocks]


def _scores(model: nn.Module) -> str:
    return str([name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1])


def _last_hidden(model: nn.Module) -> str:
    """The layer whose answers the last dense layer sees; dropout passes everything on and is passed over."""
    leaves = [(name, module) for name, module in model.named_modules() if not list(module.children())]
    last = max(place for place, (_, module) in enumerate(leaves) if isinstance(module, nn.Linear))
    before = [name for name, module in leaves[:last] if not isinstance(module, nn.Dropout | nn.Identity)]
    return str(before[-1])
