"""What an AlexNet of a recipe consists of and how its weights start, without drawing one of them."""

from __future__ import annotations

import torch

from epochal.landmarks.alexnet.cifar import FIRST_SD, SD, LocallyConnected
from epochal.landmarks.alexnet.init import POSITIVE_BIAS
from epochal.landmarks.alexnet.networks import network
from epochal.landmarks.alexnet.recipe import PAPER, AlexNetRecipe
from epochal.measure.anatomy import Part, anatomy

# Networks that are no recipe of ours: there is nothing to say of their training.
NETWORKS = {"torchvision": PAPER.replace(network="torchvision", crop=224)}


def parts(recipe: AlexNetRecipe, classes: int) -> tuple[Part, ...]:
    """The layers of the recipe's network, in the order in which they run.

    Raises:
        InputFault: the recipe varies something that its network does not have.
    """
    # Tensors on this device have shapes and no numbers: nothing is drawn, and no memory is taken.
    with torch.device("meta"):
        model = network(recipe, classes)
        return anatomy(model, torch.empty(1, 3, recipe.crop, recipe.crop))


def initialisation(recipe: AlexNetRecipe) -> str:
    """How the weights start, in a sentence."""
    match recipe.network:
        case "torchvision":
            return "torch's default: weights and biases uniform within 1 / sqrt(fan-in)"
        case "cifar" | "local":
            local = f", {SD[LocallyConnected]:g} in local3 and local4" if recipe.network == "local" else ""
            return f"normal, deviation {FIRST_SD:g} in conv1, {SD[torch.nn.Linear]:g} elsewhere{local}; biases 0"
    said = f"normal, deviation {_deviation(recipe.init_sd)}"
    if recipe.network != "shallow" and recipe.init_middle_sd != recipe.init_sd:
        said += f", {_deviation(recipe.init_middle_sd)} in conv3, conv4 and conv5"
    if not recipe.init_bias or recipe.network == "shallow":
        return f"{said}; biases 0"
    return f"{said}; biases {recipe.init_bias:g} in {', '.join(POSITIVE_BIAS)}, 0 elsewhere"


def _deviation(sd: float | None) -> str:
    return "sqrt(2 / fan-in)" if sd is None else f"{sd:g}"
