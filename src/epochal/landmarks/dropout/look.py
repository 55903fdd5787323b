"""What can be seen in a trained net: its features, its activities, what thinned nets say, answers and mistakes."""

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
from epochal.engine.scene import Scene
from epochal.landmarks.dropout.measures import hidden_activities, sampled_errors
from epochal.landmarks.dropout.model import ACTIVATIONS, DropoutNet
from epochal.landmarks.dropout.recipe import DropoutRecipe
from epochal.view import activities, curves, filters, sampled

# Figure 7 shows 256 features, Figure 11 goes on to 120 nets.
FEATURES = 256
SAMPLED = 50

VIEWS = {
    "filters": "the features of the first layer: its units' incoming weights as pictures (the paper's Figure 7)",
    "activities": "how active the hidden units are, by unit and in all (Figure 8)",
    "sampled": "the error of averages over 1 to 50 thinned nets, against the scaled weights (Figure 11)",
    "features": "what every layer, or one (--layer), answers to a picture",
    "answers": "pictures with the network's answer and the truth",
    "occlusion": "what each answer rests on: how it changes when a part of the picture is hidden",
    "mistakes": "the held-out pictures that the network is most wrong about",
    "confusion": "which classes are taken for which",
    "embedding": "held-out pictures laid out by what the last hidden layer answers to them",
    "curves": "loss and accuracy over the training",
}
OF_A_LAYER = ("features",)
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
    """The views that this network has; a softmax alone has no hidden units."""
    hidden = bool(_activations(scene.classifier.model))
    return tuple(view for view in VIEWS if hidden or view not in ("activities", "features", "embedding"))


def look(
    view: str, scene: Scene, recipe: DropoutRecipe, metrics: list[dict[str, Any]], layer: str | None = None
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
            return _filters(scene.classifier.model)
        case "activities":
            _need_hidden(scene.classifier.model)
            return activities.activity_histograms({n: a.numpy() for n, a in hidden_activities(scene).items()})
        case "sampled":
            scaled = 100.0 * (1.0 - scene.classified.metrics()["top1"])
            return sampled.sampled_error(sampled_errors(scene, SAMPLED), scaled)
        case "features":
            _need_hidden(scene.classifier.model)
            return classifier_views.features(scene, layer, _telling(scene.classifier.model))
        case "answers":
            return classifier_views.answers(scene)
        case "occlusion":
            return classifier_views.occluded(scene)
        case "mistakes":
            return classifier_views.mistakes(scene)
        case "confusion":
            return classifier_views.confusion(scene)
        case "embedding":
            _need_hidden(scene.classifier.model)
            return classifier_views.embedding(scene, _activations(scene.classifier.model)[-1])
        case _:
            return curves.training_curves(metrics, show_error=True)


def _filters(model: nn.Module) -> Figure:
    """The first layer's weights; of a dense one the first few hundred units, each as a picture."""
    first = next(m for m in model.children() if isinstance(m, nn.Conv2d | nn.Linear))
    weights = first.weight.detach().cpu().float()
    if isinstance(model, DropoutNet):
        weights = weights.view(len(weights), -1, model.pixels, model.pixels)
    return filters.filter_grid(weights[:FEATURES].numpy())


def _need_hidden(model: nn.Module) -> None:
    if not _activations(model):
        raise InputFault("the network has no hidden layer", expected="units, such as --set units=1024")


def _telling(model: nn.Module) -> list[str]:
    """The layers to show a picture's way by: the activations say what the layers before them would repeat."""
    *_, scores = (name for name, module in model.named_modules() if isinstance(module, nn.Linear))
    return [*_activations(model), scores]


def _activations(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, tuple(ACTIVATIONS.values()))]
