"""From a recipe to a training, and from a checkpoint to a classifier."""

from __future__ import annotations

from typing import Any

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
from epochal.engine.schedule import Cosine, Drops, Gentle, Plateau, Schedule
from epochal.engine.supervised import Supervised
from epochal.landmarks.resnet.networks import network
from epochal.landmarks.resnet.recipe import ResNetRecipe
from epochal.landmarks.resnet.transfer import layers


def task(
    recipe: ResNetRecipe,
    data: ImageData,
    *,
    seed: int,
    device: torch.device,
    workers: int = 0,
    micro_batches: int = 1,
    resident_bytes: int = RESIDENT_BYTES,
    group: Group = ALONE,
) -> Supervised:
    """The training that the recipe describes, at its first step.

    Args:
        recipe: what is trained, and how.
        data: what is learned.
        seed: decides weights, order and augmentation.
        device: where it is trained.
        workers: processes that decode pictures.
        micro_batches: into how many parts a batch is split; each is normalised by itself.
        resident_bytes: a split larger than this is not kept in memory.
        group: the processes that train together.

    Raises:
        InputFault: the recipe asks for something that its network or the data does not have.
    """
    random.seed_everything(seed)
    if recipe.pictures is not None:
        data = with_fewer(data, recipe.pictures, seed)
    model = placed(network(recipe, len(data.classes)), device)
    freeze(model, layers(model).chosen(recipe.freeze))
    feed = Feed(
        data,
        stored_size=recipe.stored_size,
        padding=recipe.padding,
        augmentation=Augmentation(
            recipe.crop,
            early_crop=recipe.early_crop,
            early_epochs=recipe.early_share * recipe.epochs,
            random=recipe.random_crop,
            mirror=recipe.mirror,
            colour_noise=recipe.colour_noise,
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
        objective=CrossEntropy(recipe.label_smoothing),
        precision=choose_precision(recipe.precision, device),
        micro_batches=micro_batches,
        group=group,
    )


def optimizer(recipe: ResNetRecipe, model: nn.Module) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum over what is trained (Section 3.4)."""
    return torch.optim.SGD(parameter_groups(recipe, model), lr=recipe.lr, momentum=recipe.momentum, fused=True)


def parameter_groups(recipe: ResNetRecipe, model: nn.Module) -> list[dict[str, Any]]:
    """Weights of layers, and what normalises and shifts, with the decay and the rate of each; the head apart.

    A `rate` multiplies the schedule's learning rate. Frozen weights are in no group.
    """
    last = tuple(f"{module}." for module in layers(model).head)
    groups: list[dict[str, Any]] = []
    for rate, of_head in ((1.0, False), (recipe.head_rate, True)):
        named = [
            parameter
            for name, parameter in model.named_parameters()
            if parameter.requires_grad and name.startswith(last) == of_head
        ]
        weights, others = [p for p in named if p.dim() > 1], [p for p in named if p.dim() <= 1]
        free = recipe.weight_decay if recipe.decay_norms else 0.0
        groups.append({"params": weights, "weight_decay": recipe.weight_decay, "rate": rate})
        groups.append({"params": others, "weight_decay": free, "rate": rate})
    return [group for group in groups if group["params"]]


def schedule(recipe: ResNetRecipe, plan: Plan) -> Schedule:
    """The learning rate over the steps of the plan."""
    warmup = round(recipe.warmup_epochs * plan.steps_per_epoch)
    match recipe.schedule:
        case "plateau":
            return Plateau(recipe.lr, patience=recipe.patience, warmup=warmup)
        case "drops":
            at = tuple(round(epoch * plan.steps_per_epoch) for epoch in recipe.drop_epochs)
            then: Drops | Cosine = Drops(recipe.lr, at, warmup=warmup)
        case "cosine":
            then = Cosine(recipe.lr, max(1, round(recipe.epochs * plan.steps_per_epoch)), warmup)
    return then if recipe.gentle_lr is None else Gentle(then, recipe.gentle_lr, recipe.gentle_error)


def classifier(recipe: ResNetRecipe, classes: tuple[str, ...], snapshot: Snapshot, device: torch.device) -> Classifier:
    """The trained network of a checkpoint's task.

    Raises:
        InputFault: the checkpoint is of another network than the recipe's.
    """
    return restored(network, recipe, classes, snapshot, device)
