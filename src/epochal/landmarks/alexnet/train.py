"""From a recipe to a network, to a training, to a classifier."""

from __future__ import annotations

import torch
from torch import nn

from epochal.core.fault import InputFault
from epochal.data.augment import Augmentation
from epochal.data.feed import RESIDENT_BYTES, Feed
from epochal.data.images import ImageData
from epochal.data.sampler import Plan
from epochal.engine import random
from epochal.engine.checkpoint import Snapshot
from epochal.engine.classifier import Classifier
from epochal.engine.device import choose_precision, placed
from epochal.engine.schedule import Cosine, Drops, Plateau, Schedule
from epochal.engine.supervised import Supervised, checked_statistics, load_weights
from epochal.landmarks.alexnet.cifar import CifarNet
from epochal.landmarks.alexnet.init import Init
from epochal.landmarks.alexnet.model import AlexNet
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.landmarks.alexnet.scaled import ScaledAlexNet, Widths
from epochal.landmarks.alexnet.sgd import VelocitySGD, weight_and_bias_groups
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet
from epochal.landmarks.alexnet.source import SourceAlexNet


def network(recipe: AlexNetRecipe, classes: int) -> nn.Module:
    """The recipe's network, its weights drawn from the global generator.

    Raises:
        InputFault: the recipe varies something that its network does not have.
    """
    init = Init(sd=recipe.init_sd, middle_sd=recipe.init_middle_sd, bias=recipe.init_bias)
    varied = ("activation", "lrn", "overlap", "columns", "without", "dropout")
    paper = {name: getattr(recipe, name) for name in varied}
    match recipe.network:
        case "paper":
            return AlexNet(classes, **paper, init=init)
        case "scaled":
            widths = Widths(recipe.maps, recipe.kernels, recipe.units)
            return ScaledAlexNet(classes, pixels=recipe.crop, **paper, init=init, widths=widths)
        case "source":
            _unvaried(recipe, paper)
            return SourceAlexNet(classes, init=init)
        case "torchvision":
            _unvaried(recipe, paper)
            return SingleTowerAlexNet(classes)
        case "cifar":
            _unvaried(recipe, {name: paper[name] for name in ("overlap", "columns", "without")})
            return CifarNet(classes, pixels=recipe.crop, activation=recipe.activation, lrn=recipe.lrn)


def _unvaried(recipe: AlexNetRecipe, choices: dict) -> None:
    for name, value in choices.items():
        default = type(recipe).model_fields[name].default
        if value != default:
            raise InputFault(
                f"the network {recipe.network!r} has no choice of {name}",
                expected=f"{name}={default}",
                remedy="vary --set network=paper or network=scaled instead",
            )


def task(
    recipe: AlexNetRecipe,
    data: ImageData,
    *,
    seed: int,
    device: torch.device,
    workers: int = 0,
    micro_batches: int = 1,
    resident_bytes: int = RESIDENT_BYTES,
) -> Supervised:
    """The training that the recipe describes, at its first step."""
    random.seed_everything(seed)
    model = placed(network(recipe, len(data.classes)), device)
    groups = weight_and_bias_groups(
        model, weight_decay=recipe.weight_decay, decay_biases=recipe.decay_biases, bias_rate=recipe.bias_rate
    )
    optimizer: torch.optim.Optimizer
    if recipe.optimizer == "velocity":
        optimizer = VelocitySGD(groups, lr=recipe.lr, momentum=recipe.momentum)
    else:
        optimizer = torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, fused=True)
    feed = Feed(
        data,
        stored_size=recipe.stored_size,
        padding=recipe.padding,
        augmentation=Augmentation(
            recipe.crop,
            random=recipe.random_crop,
            mirror=recipe.mirror,
            colour_noise=recipe.colour_noise,
            colour_noise_epochs=recipe.colour_noise_epochs,
            colour_unit=recipe.colour_unit,
            pixel_scale=recipe.pixel_scale,
        ),
        batch_size=recipe.batch_size,
        seed=seed,
        device=device,
        workers=workers,
        resident_bytes=resident_bytes,
    )
    return Supervised(
        model,
        optimizer,
        schedule(recipe, feed.plan),
        feed,
        epochs=recipe.epochs,
        evaluate_epochs=recipe.evaluate_epochs,
        precision=choose_precision(recipe.precision, device),
        micro_batches=micro_batches,
    )


def schedule(recipe: AlexNetRecipe, plan: Plan) -> Schedule:
    """The learning rate over the steps of the plan."""
    warmup = round(recipe.warmup_epochs * plan.steps_per_epoch)
    match recipe.schedule:
        case "plateau":
            return Plateau(recipe.lr, patience=recipe.patience)
        case "drops":
            at = tuple(round(epoch * plan.steps_per_epoch) for epoch in recipe.drop_epochs)
            return Drops(recipe.lr, at, warmup=warmup)
        case "cosine":
            return Cosine(recipe.lr, max(1, round(recipe.epochs * plan.steps_per_epoch)), warmup)


def classifier(recipe: AlexNetRecipe, classes: tuple[str, ...], snapshot: Snapshot, device: torch.device) -> Classifier:
    """The trained network of a checkpoint's task.

    Raises:
        InputFault: the checkpoint is of another network than the recipe's.
    """
    with torch.random.fork_rng(devices=[]):
        model = network(recipe, len(classes))
    load_weights(model, snapshot.under("model").tensors)
    statistics = checked_statistics(snapshot.under("statistics"), recipe.stored_size + 2 * recipe.padding)
    return Classifier(
        model=placed(model, device).eval(),
        classes=classes,
        statistics=statistics.to(device),
        stored_size=recipe.stored_size,
        padding=recipe.padding,
        crop=recipe.crop,
        pixel_scale=recipe.pixel_scale,
        precision=choose_precision(recipe.precision, device),
        device=device,
    )
