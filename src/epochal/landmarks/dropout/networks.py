"""From a recipe to a network."""

from __future__ import annotations

from torch import nn

from epochal.landmarks.dropout.convolutional import DropoutConvNet
from epochal.landmarks.dropout.model import DropoutNet
from epochal.landmarks.dropout.recipe import DropoutRecipe


def network(recipe: DropoutRecipe, classes: int) -> nn.Module:
    """The recipe's network, its weights drawn from the global generator."""
    if recipe.network == "conv":
        return DropoutConvNet(
            classes,
            pixels=recipe.crop,
            maps=recipe.maps,
            units=recipe.units,
            activation=recipe.activation,
            retention=recipe.retention,
            noise=recipe.noise,
            gain=recipe.gain,
            whiten=recipe.whiten,
        )
    return DropoutNet(
        classes,
        pixels=recipe.crop,
        gray=recipe.gray,
        units=recipe.units,
        activation=recipe.activation,
        retention=recipe.retention,
        noise=recipe.noise,
        gain=recipe.gain,
    )
