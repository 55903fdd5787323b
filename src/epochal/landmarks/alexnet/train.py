"""From a recipe to a training, and from a checkpoint to a classifier."""

from __future__ import annotations

import torch
from torch import nn

from epochal.data.augment import Augmentation
from epochal.data.feed import RESIDENT_BYTES, Feed
from epochal.data.images import ImageData
from epochal.data.mixing import Mixing
from epochal.data.sampler import Plan
from epochal.data.subset import with_fewer
from epochal.engine import random
from epochal.engine.checkpoint import Snapshot
from epochal.engine.classifier import Classifier, restored
from epochal.engine.device import choose_precision, placed
from epochal.engine.frozen import freeze
from epochal.engine.group import ALONE, Group
from epochal.engine.objective import CrossEntropy
from epochal.engine.schedule import Cosine, Drops, Plateau, Schedule
from epochal.engine.supervised import Supervised
from epochal.landmarks.alexnet.columns import TwoColumnAlexNet
from epochal.landmarks.alexnet.networks import network
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.landmarks.alexnet.sgd import VelocitySGD, parameter_groups
from epochal.landmarks.alexnet.transfer import layers


def task(
    recipe: AlexNetRecipe,
    data: ImageData,
    *,
    seed: int,
    device: torch.device,
    workers: int = 0,
    micro_batches: int = 1,
    resident_bytes: int = RESIDENT_BYTES,
    columns: tuple[torch.device, torch.device] | None = None,
    group: Group = ALONE,
) -> Supervised:
    """The training that the recipe describes, at its first step.

    Args:
        recipe: what is trained, and how.
        data: what is learned.
        seed: decides weights, order, augmentation and dropout.
        device: where it is trained.
        workers: processes that decode pictures.
        micro_batches: into how many parts a batch is split.
        resident_bytes: a split larger than this is not kept in memory.
        columns: the devices of the two columns, the first of them `device`; None: all on `device`.
        group: the processes that train together.

    Raises:
        InputFault: the recipe asks for something that its network or the data does not have.
    """
    random.seed_everything(seed)
    if recipe.pictures is not None:
        data = with_fewer(data, recipe.pictures, seed)
    model = network(recipe, len(data.classes))
    model = placed(model, device) if columns is None else TwoColumnAlexNet(model, columns)
    freeze(model, layers(model).chosen(recipe.freeze))
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
        mixing=Mixing(mixup=recipe.mixup, cutmix=recipe.cutmix),
        seed=seed,
        device=device,
        workers=workers,
        resident_bytes=resident_bytes,
        part=group.share,
    )
    return Supervised(
        model,
        optimizer(recipe, model),
        schedule(recipe, feed.plan),
        feed,
        epochs=recipe.epochs,
        evaluate_epochs=recipe.evaluate_epochs,
        until=recipe.until_accuracy,
        objective=CrossEntropy(recipe.label_smoothing),
        precision=choose_precision(recipe.precision, device),
        micro_batches=micro_batches,
        group=group,
    )


def optimizer(recipe: AlexNetRecipe, model: nn.Module) -> torch.optim.Optimizer:
    """The recipe's update rule over the model's weights and biases."""
    groups = parameter_groups(
        model,
        weight_decay=recipe.weight_decay,
        decay_convolutions=recipe.decay_convolutions,
        decay_biases=recipe.decay_biases,
        bias_rate=recipe.bias_rate,
        head=() if recipe.head_rate == 1.0 else layers(model).head,
        head_rate=recipe.head_rate,
    )
    match recipe.optimizer:
        case "velocity":
            return VelocitySGD(groups, lr=recipe.lr, momentum=recipe.momentum)
        case "torch":
            return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, fused=True)
        case "adamw":
            return torch.optim.AdamW(groups, lr=recipe.lr, betas=(recipe.momentum, 0.999), fused=True)


def schedule(recipe: AlexNetRecipe, plan: Plan) -> Schedule:
    """The learning rate over the steps of the plan."""
    warmup = round(recipe.warmup_epochs * plan.steps_per_epoch)
    match recipe.schedule:
        case "plateau":
            return Plateau(recipe.lr, patience=recipe.patience, warmup=warmup)
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
    return restored(network, recipe, classes, snapshot, device)
