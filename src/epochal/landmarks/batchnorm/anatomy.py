"""What a network of a recipe consists of and how its weights start, without drawing one of them."""

from __future__ import annotations

import torch

from epochal.landmarks.batchnorm.networks import network
from epochal.landmarks.batchnorm.recipe import BatchNormRecipe
from epochal.measure.anatomy import Part, anatomy

# Networks that are no recipe of ours: none.
NETWORKS: dict[str, BatchNormRecipe] = {}


def parts(recipe: BatchNormRecipe, classes: int) -> tuple[Part, ...]:
    """The layers of the recipe's network, in the order in which they run."""
    # Tensors on this device have shapes and no numbers: nothing is drawn, and no memory is taken.
    with torch.device("meta"):
        model = network(recipe, classes)
        return anatomy(model, torch.empty(1, 3, recipe.crop, recipe.crop))


def initialisation(recipe: BatchNormRecipe) -> str:
    """How the weights start, in a sentence."""
    sd = "sqrt(2 / fan-in)" if recipe.init_sd is None else f"{recipe.init_sd:g}"
    return f"normal, deviation {sd}; biases and beta 0" + (", gamma 1" if recipe.batch_norm else "")
