"""From a recipe to a network."""

from __future__ import annotations

from typing import Any

from torch import nn

from epochal.core.fault import InputFault
from epochal.landmarks.alexnet.cifar import CifarNet, LocalCifarNet
from epochal.landmarks.alexnet.init import Init
from epochal.landmarks.alexnet.model import AlexNet
from epochal.landmarks.alexnet.modern import ModernAlexNet
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.landmarks.alexnet.scaled import ScaledAlexNet, Widths
from epochal.landmarks.alexnet.shallow import ShallowNet
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet
from epochal.landmarks.alexnet.source import SourceAlexNet

# What the paper varies (Sections 3.1 to 3.4, 4.2 and 7), and what came after 2012.
_PAPER = ("activation", "lrn", "overlap", "columns", "without", "dropout")
_LATER = ("batch_norm", "residual")

# Which of these choices each network has. Where a network lacks a part altogether, asking for it to be off is no fault.
CHOICES: dict[str, tuple[str, ...]] = {
    "paper": _PAPER,
    "source": (),
    "torchvision": (),
    "scaled": _PAPER,
    "modern": _PAPER + _LATER,
    "cifar": ("activation", "lrn", "dropout"),
    "local": ("activation", "lrn", "dropout"),
    "shallow": ("activation", "lrn", "dropout"),
}


def network(recipe: AlexNetRecipe, classes: int) -> nn.Module:
    """The recipe's network, its weights drawn from the global generator.

    Raises:
        InputFault: the recipe varies something that its network does not have.
    """
    _check_choices(recipe)
    choice: dict[str, Any] = {name: getattr(recipe, name) for name in CHOICES[recipe.network]}
    init = Init(sd=recipe.init_sd, middle_sd=recipe.init_middle_sd, bias=recipe.init_bias)
    widths = Widths(recipe.maps, recipe.kernels, recipe.units)
    pixels, activation, lrn = recipe.crop, recipe.activation, recipe.lrn
    match recipe.network:
        case "paper":
            return AlexNet(classes, **choice, init=init)
        case "source":
            return SourceAlexNet(classes, init=init)
        case "torchvision":
            return SingleTowerAlexNet(classes)
        case "scaled":
            return ScaledAlexNet(classes, pixels=pixels, **choice, init=init, widths=widths)
        case "modern":
            return ModernAlexNet(classes, pixels=pixels, **choice, init=init, widths=widths)
        case "cifar":
            return CifarNet(classes, pixels=pixels, activation=activation, lrn=lrn)
        case "local":
            return LocalCifarNet(classes, pixels=pixels, activation=activation, lrn=lrn, maps3=recipe.local_maps)
        case "shallow":
            maps, kernel = recipe.maps[0], recipe.kernels[0]
            return ShallowNet(classes, pixels=pixels, activation=activation, maps=maps, kernel=kernel, init=init)


def _check_choices(recipe: AlexNetRecipe) -> None:
    for name in (name for name in _PAPER + _LATER if name not in CHOICES[recipe.network]):
        default = type(recipe).model_fields[name].default
        if getattr(recipe, name) != default:
            having = [network for network, names in CHOICES.items() if name in names]
            raise InputFault(
                f"the network {recipe.network!r} has no choice of {name}",
                expected=f"{name}={str(default).lower()}",
                remedy=f"vary --set network={' or network='.join(having)} instead",
            )
