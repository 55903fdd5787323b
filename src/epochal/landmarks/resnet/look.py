"""What can be seen in a trained ResNet: filters, what excites its units, answers, how much each layer changes."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from torch import nn

from epochal.engine import classifier_views
from epochal.engine.patch_view import exciting
from epochal.engine.scene import Scene
from epochal.landmarks.resnet.recipe import ResNetRecipe
from epochal.landmarks.resnet.responses import deviations
from epochal.view import curves, responses

# Table 6: the error of residual networks of option A on the CIFAR-10 test set, by depth; of 110 layers the best run's.
PAPER_CIFAR10 = {20: 0.0875, 32: 0.0751, 44: 0.0717, 56: 0.0697, 110: 0.0643, 1202: 0.0793}
# Table 3: the top-5 error of 50 layers on the ImageNet validation set, ten crops.
PAPER_IMAGENET = {50: 0.0671, 101: 0.0605, 152: 0.0571}

VIEWS = {
    "filters": "the kernels of the first layer",
    "features": "what the stages, or one layer (--layer), answer to a picture",
    "patches": "the parts of pictures that excite the units of the stages, or of one layer (--layer), most",
    **classifier_views.VIEWS,
    "embedding": "held-out pictures laid out by the averages of the last stage's maps",
    "responses": "how much each layer changes the signal (the paper's Figure 7)",
    "curves": "loss and accuracy over the training",
}
OF_A_LAYER = ("features", "patches")
OF_PICTURES = classifier_views.OF_PICTURES

# More blocks than this are too many for a page: then the last of each stage stands for it.
_BLOCKS = 10

# What the views look at: a trained classifier with pictures.
scene = Scene.of


def shown(scene: Scene) -> tuple[str, ...]:
    """The views that this network has: all of them."""
    return tuple(VIEWS)


def look(
    view: str, scene: Scene, recipe: ResNetRecipe, metrics: list[dict[str, Any]], layer: str | None = None
) -> Figure:
    """One view of a trained network.

    Args:
        view: a name in `VIEWS`.
        scene: the network and its pictures.
        recipe: how it was trained.
        metrics: the rows of the run's log.
        layer: the layer to show, for the views in `OF_A_LAYER`.

    Raises:
        InputFault: the layer is unknown, or there is no picture to look at.
    """
    telling = _telling(scene.classifier.model)
    match view:
        case "filters":
            return classifier_views.first_weights(scene)
        case "features":
            return classifier_views.features(scene, layer, [*telling, "fc"])
        case "patches":
            return exciting(scene, layer, telling)
        case "embedding":
            return classifier_views.embedding(scene, "avgpool")
        case "responses":
            kind = "residual" if recipe.residual else "plain"
            return responses.response_chart(deviations(scene), f"{kind} network of {recipe.depth} layers")
        case "curves":
            return curves.training_curves(metrics, reference=_published(recipe, scene.classifier.classes))
        case _:
            return classifier_views.of_answers(view, scene)


def _telling(model: nn.Module) -> list[str]:
    """The layers to show a picture's way by: the first one and the blocks, or the stages where blocks are many."""
    stages = [name for name, _ in model.named_children() if name.startswith("layer")]
    blocks = [f"{stage}.{place}" for stage in stages for place, _ in model.get_submodule(stage).named_children()]
    return ["relu", *(blocks if len(blocks) <= _BLOCKS else stages)]


def _published(recipe: ResNetRecipe, classes: tuple[str, ...]) -> tuple[float, str] | None:
    """The paper's number for such a network, where it learned what the paper's did."""
    if not recipe.residual:
        return None
    if recipe.network == "cifar" and "airplane" in classes and recipe.depth in PAPER_CIFAR10:
        found = 1.0 - PAPER_CIFAR10[recipe.depth]
        return found, f"paper, CIFAR-10, {recipe.depth} layers, top-1: {found:.2%}"
    if recipe.network == "imagenet" and len(classes) == 1000 and recipe.depth in PAPER_IMAGENET:
        found = 1.0 - PAPER_IMAGENET[recipe.depth]
        return found, f"paper, ImageNet, {recipe.depth} layers, ten crops, top-5: {found:.2%}"
    return None
