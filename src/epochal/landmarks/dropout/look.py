"""What can be seen in a trained net: its features, its activities, what thinned nets say, answers and mistakes."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.engine import classifier_views
from epochal.engine.scene import Scene
from epochal.engine.telling import last_hidden, of_kinds, scores
from epochal.landmarks.dropout.measures import hidden_activities, sampled_errors
from epochal.landmarks.dropout.model import ACTIVATIONS
from epochal.landmarks.dropout.recipe import DropoutRecipe
from epochal.view import activities, curves, sampled

# Figure 7 shows 256 features, Figure 11 goes on to 120 nets.
FEATURES = 256
SAMPLED = 50

VIEWS = {
    "filters": "the features of the first layer: its units' incoming weights as pictures (the paper's Figure 7)",
    "activities": "how active the hidden units are, by unit and in all (Figure 8)",
    "sampled": "the error of averages over 1 to 50 thinned nets, against the scaled weights (Figure 11)",
    "features": "what every layer, or one (--layer), answers to a picture",
    **classifier_views.VIEWS,
    "embedding": "held-out pictures laid out by what the last hidden layer answers to them",
    "curves": "loss and accuracy over the training",
}
OF_A_LAYER = ("features",)
OF_PICTURES = classifier_views.OF_PICTURES
_OF_HIDDEN = ("activities", "features", "embedding")

# What the views look at: a trained classifier with pictures.
scene = Scene.of


def shown(scene: Scene) -> tuple[str, ...]:
    """The views that this network has; a softmax alone has no hidden units."""
    hidden = bool(of_kinds(scene.classifier.model, ACTIVATIONS.values()))
    return tuple(view for view in VIEWS if hidden or view not in _OF_HIDDEN)


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
    model = scene.classifier.model
    active = of_kinds(model, ACTIVATIONS.values())
    if view in _OF_HIDDEN and not active:
        raise InputFault("the network has no hidden layer", expected="units, such as --set units=1024")
    match view:
        case "filters":
            return classifier_views.first_weights(scene, most=FEATURES)
        case "activities":
            return activities.activity_histograms({n: a.numpy() for n, a in hidden_activities(scene).items()})
        case "sampled":
            scaled = 100.0 * (1.0 - scene.classified.metrics()["top1"])
            return sampled.sampled_error(sampled_errors(scene, SAMPLED), scaled)
        case "features":
            return classifier_views.features(scene, layer, [*active, scores(model)])
        case "embedding":
            return classifier_views.embedding(scene, last_hidden(model))
        case "curves":
            return curves.training_curves(metrics, show_error=True)
        case _:
            return classifier_views.of_answers(view, scene)
