"""What a net of a recipe consists of and how its weights start, without drawing one of them."""

from __future__ import annotations

import torch

from epochal.core.recipe import Recipe
from epochal.landmarks.dropout.networks import network
from epochal.landmarks.dropout.recipe import PAPER, DropoutRecipe
from epochal.measure.anatomy import Part, anatomy

# Networks that are no recipe of ours: the other two of Section 6.1.1 and Table 9.
NETWORKS: dict[str, Recipe] = {
    "2x8192": PAPER.replace(units=(8192, 8192)),
    "1024-1024-2048": PAPER.replace(units=(1024, 1024, 2048)),
}


def parts(recipe: DropoutRecipe, classes: int) -> tuple[Part, ...]:
    """The layers of the recipe's network, in the order in which they run."""
    # Tensors on this device have shapes and no numbers: nothing is drawn, and no memory is taken.
    with torch.device("meta"):
        model = network(recipe, classes)
        return anatomy(model, torch.empty(1, 3, recipe.crop, recipe.crop))


def initialisation(recipe: DropoutRecipe) -> str:
    """How the weights start, in a sentence."""
    return f"normal, deviation {recipe.gain:g} / sqrt(fan-in); biases 0"
