"""From a recipe to a network."""

from __future__ import annotations

from torch import nn

from epochal.landmarks.batchnorm.inception import BNInception, Style
from epochal.landmarks.batchnorm.mnist import MnistNet
from epochal.landmarks.batchnorm.recipe import BatchNormRecipe
from epochal.landmarks.batchnorm.scaled import ScaledInception


def network(recipe: BatchNormRecipe, classes: int) -> nn.Module:
    """The recipe's network, its weights drawn from the global generator."""
    style = Style(recipe.batch_norm, recipe.activation, recipe.running_rate)
    match recipe.network:
        case "inception":
            return BNInception(classes, style=style, lrn=recipe.lrn, dropout=recipe.dropout, init_sd=recipe.init_sd)
        case "scaled":
            return ScaledInception(
                classes,
                pixels=recipe.crop,
                modules=recipe.modules,
                width=recipe.width,
                stride=recipe.stride,
                style=style,
                lrn=recipe.lrn,
                dropout=recipe.dropout,
                init_sd=recipe.init_sd,
            )
        case "mnist":
            return MnistNet(
                classes,
                pixels=recipe.crop,
                hidden=recipe.hidden,
                batch_norm=recipe.batch_norm,
                activation=recipe.activation,
                binary=recipe.binary,
                rate=recipe.running_rate,
                init_sd=recipe.init_sd,
            )
