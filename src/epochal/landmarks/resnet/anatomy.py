"""What a ResNet of a recipe consists of and how its weights start, without drawing one of them."""

from __future__ import annotations

import torch

from epochal.landmarks.resnet.networks import network
from epochal.landmarks.resnet.recipe import PAPER, ResNetRecipe
from epochal.measure.anatomy import Part, anatomy

# Networks that are no recipe of ours: there is nothing to say of their training.
NETWORKS = {
    "torchvision": PAPER.replace(variant="v1.5"),
    **{str(depth): PAPER.replace(depth=depth) for depth in (18, 34, 50, 101, 152)},
    "plain-34": PAPER.replace(depth=34, residual=False),
}
# How those that are others' start, where that is not as ours.
STARTS = {
    "torchvision": "normal, deviation sqrt(2 / fan-out); normalisations 1 and 0; the dense layer's weights and biases "
    "uniform within 1 / sqrt(fan-in)",
}


def parts(recipe: ResNetRecipe, classes: int) -> tuple[Part, ...]:
    """The layers of the recipe's network, in the order in which they run.

    Raises:
        InputFault: the recipe's network does not exist.
    """
    # Tensors on this device have shapes and no numbers: nothing is drawn, and no memory is taken.
    with torch.device("meta"):
        model = network(recipe, classes)
        return anatomy(model, torch.empty(1, 3, recipe.crop, recipe.crop))


def initialisation(recipe: ResNetRecipe) -> str:
    """How the weights start, in a sentence."""
    return "normal, deviation sqrt(2 / fan-in) (He et al. 2015); normalisations 1 and 0; biases 0"
