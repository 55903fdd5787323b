"""From a recipe to a network."""

from __future__ import annotations

from torch import nn

from epochal.landmarks.resnet.imagenet import ResNet
from epochal.landmarks.resnet.model import CifarResNet
from epochal.landmarks.resnet.recipe import ResNetRecipe


def network(recipe: ResNetRecipe, classes: int) -> nn.Module:
    """The recipe's network, its weights drawn from the global generator.

    Raises:
        InputFault: there is no network of that depth, or no plain one.
    """
    if recipe.network == "cifar":
        return CifarResNet(recipe.depth, classes, residual=recipe.residual, shortcut=recipe.shortcut)
    return ResNet(recipe.depth, classes, residual=recipe.residual, shortcut=recipe.shortcut, variant=recipe.variant)
