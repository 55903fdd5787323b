"""What can be seen in a trained AlexNet: filters, what excites its units, answers and mistakes, its training."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from epochal.engine import classifier_views
from epochal.engine.patch_view import exciting
from epochal.engine.scene import Scene
from epochal.engine.telling import last_hidden, of_kinds, scores
from epochal.landmarks.alexnet.model import ACTIVATIONS
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.view import curves

# The paper's top-5 accuracy on the ImageNet 2012 test set with seven networks: 15.3 % error (Table 2).
PAPER_TOP5 = (0.847, "paper, ImageNet test, top-5: 84.7 %")

VIEWS = {
    "filters": "the kernels of the first layer (the paper's Figure 3)",
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
    """The views that this network has: all of them."""
    return tuple(VIEWS)


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
    model = scene.classifier.model
    active = of_kinds(model, ACTIVATIONS.values())
    match view:
        case "filters":
            columns = recipe.columns if recipe.network in ("paper", "source", "scaled") else 1
            return classifier_views.first_weights(scene, columns=columns)
        case "features":
            return classifier_views.features(scene, layer, [*active, scores(model)])
        case "patches":
            return exciting(scene, layer, active)
        case "embedding":
            return classifier_views.embedding(scene, last_hidden(model))
        case "curves":
            wants_line = recipe.network in ("paper", "source", "torchvision") and len(scene.classifier.classes) == 1000
            return curves.training_curves(metrics, reference=PAPER_TOP5 if wants_line else None)
        case _:
            return classifier_views.of_answers(view, scene)
