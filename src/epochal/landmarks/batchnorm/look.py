"""What can be seen in a trained network: its filters, its answers and mistakes, its statistics, its training."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from torch import nn

from epochal.core.fault import InputFault
from epochal.engine import classifier_views
from epochal.engine.patch_view import exciting
from epochal.engine.scene import Scene
from epochal.engine.telling import last_hidden, of_kinds, scores
from epochal.landmarks.batchnorm.activation import ACTIVATIONS
from epochal.landmarks.batchnorm.recipe import BatchNormRecipe
from epochal.view import curves

# BN-x30, single crop, at its best (Figure 3).
PAPER_TOP1 = (0.748, "paper, ImageNet validation, BN-x30: 74.8 %")

VIEWS = {
    "filters": "the weights of the first layer",
    "features": "what every layer, or one (--layer), answers to a picture",
    "patches": "the parts of pictures that excite the units of every convolution, or of one layer (--layer), most",
    **classifier_views.VIEWS,
    "embedding": "held-out pictures laid out by what the last hidden layer answers to them",
    "curves": "loss and accuracy over the training",
}
OF_A_LAYER = ("features", "patches")
OF_PICTURES = classifier_views.OF_PICTURES

# What the views look at: a trained classifier with pictures.
scene = Scene.of


def shown(scene: Scene) -> tuple[str, ...]:
    """The views that this network has; one without convolutions has nothing that patches excite."""
    has_kernels = bool(of_kinds(scene.classifier.model, [nn.Conv2d]))
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
            return classifier_views.first_weights(scene)
        case "features":
            return classifier_views.features(scene, layer, [*_activations(model), scores(model)])
        case "patches":
            if not of_kinds(model, [nn.Conv2d]):
                raise InputFault("the network has no convolution", expected="network=scaled or network=inception")
            return exciting(scene, layer, _activations(model))
        case "embedding":
            return classifier_views.embedding(scene, last_hidden(model))
        case "curves":
            wants_line = recipe.network == "inception" and len(scene.classifier.classes) == 1000
            return curves.training_curves(metrics, reference=PAPER_TOP1 if wants_line else None)
        case _:
            return classifier_views.of_answers(view, scene)


def _activations(model: nn.Module) -> list[str]:
    """The non-linearities that end a branch or a layer: what is inside a branch would be too much to show."""
    names = of_kinds(model, ACTIVATIONS.values())
    blocks = [name for name, module in model.named_children() if name.startswith("inception")]
    outside = [name for name in names if not name.startswith("inception")]
    return [*outside, *blocks]
