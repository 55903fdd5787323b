"""From a recipe to a training, and from a checkpoint to a classifier."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

import torch
from torch import nn

from epochal.data.augment import Augmentation
from epochal.data.feed import RESIDENT_BYTES, Feed
from epochal.data.images import ImageData
from epochal.data.sampler import Plan
from epochal.data.statistics import PixelStatistics
from epochal.data.subset import with_fewer
from epochal.engine import random
from epochal.engine.checkpoint import Snapshot
from epochal.engine.classifier import Classifier, restored
from epochal.engine.device import choose_precision, placed
from epochal.engine.frozen import freeze
from epochal.engine.group import ALONE, Group
from epochal.engine.schedule import Drops, Inverse, Linear, Schedule
from epochal.engine.supervised import Supervised
from epochal.landmarks.dropout.convolutional import DropoutConvNet
from epochal.landmarks.dropout.max_norm import MaxNorm, constrained
from epochal.landmarks.dropout.networks import network
from epochal.landmarks.dropout.penalty import Penalty
from epochal.landmarks.dropout.recipe import DropoutRecipe
from epochal.landmarks.dropout.sgd import GrowingMomentumSGD
from epochal.landmarks.dropout.transfer import layers
from epochal.landmarks.dropout.whitening import Whitening


def task(
    recipe: DropoutRecipe,
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
        seed: decides weights, order, augmentation and dropout.
        device: where it is trained.
        workers: processes that decode pictures.
        micro_batches: into how many parts a batch is split.
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
    share = partial(
        Feed,
        data,
        stored_size=recipe.stored_size,
        padding=recipe.padding,
        augmentation=Augmentation(
            recipe.crop, random=recipe.random_crop, mirror=recipe.mirror, pixel_scale=recipe.pixel_scale
        ),
        batch_size=recipe.batch_size,
        seed=seed,
        device=device,
        workers=workers,
        statistics=None if recipe.centred else PixelStatistics.nothing(recipe.stored_size + 2 * recipe.padding),
        resident_bytes=resident_bytes,
    )
    feed = share(part=group.share)
    if isinstance(model, DropoutConvNet) and recipe.whiten:
        # From all pictures in every process; a resumed run then loads the matrix with the weights.
        whole = feed if group.size == 1 else share()
        cast(Whitening, model.whiten).learn(batch.images for batch in whole.batches(0, whole.plan.steps_per_epoch))
    limited = [] if recipe.max_norm is None else constrained(model, output=recipe.max_norm_output)
    return Supervised(
        model,
        optimizer(recipe, model),
        schedule(recipe, feed.plan),
        feed,
        epochs=recipe.epochs,
        evaluate_epochs=recipe.evaluate_epochs,
        penalty=_penalty(recipe, model),
        after_update=None if recipe.max_norm is None else MaxNorm(limited, recipe.max_norm),
        precision=choose_precision(recipe.precision, device),
        micro_batches=micro_batches,
        group=group,
    )


def _penalty(recipe: DropoutRecipe, model: nn.Module) -> Penalty | None:
    if not (recipe.l1 or recipe.sparsity):
        return None
    return Penalty(model, l1=recipe.l1, sparsity=recipe.sparsity, target=recipe.sparsity_target)


def optimizer(recipe: DropoutRecipe, model: nn.Module) -> torch.optim.Optimizer:
    """Gradient descent with momentum; weights decay, biases do not."""
    last = tuple(f"{name}." for name in layers(model).head)
    groups: list[dict[str, Any]] = []
    for rate, is_head in ((1.0, False), (recipe.head_rate, True)):
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad and n.startswith(last) == is_head]
        weights = [p for name, p in named if name.endswith("weight")]
        biases = [p for name, p in named if name.endswith("bias")]
        groups.append({"params": weights, "weight_decay": recipe.weight_decay, "rate": rate})
        groups.append({"params": biases, "weight_decay": 0.0, "rate": rate})
    groups = [group for group in groups if group["params"]]
    if recipe.momentum_start is None:
        return torch.optim.SGD(groups, lr=recipe.lr, momentum=recipe.momentum, fused=True)
    return GrowingMomentumSGD(
        groups, recipe.lr, start=recipe.momentum_start, end=recipe.momentum, steps=recipe.momentum_steps
    )


def schedule(recipe: DropoutRecipe, plan: Plan) -> Schedule:
    """The learning rate over the steps of the plan."""
    match recipe.schedule:
        case "constant":
            return Drops(recipe.lr)
        case "linear":
            return Linear(recipe.lr, max(1, round(recipe.epochs * plan.steps_per_epoch)))
        case "inverse":
            return Inverse(recipe.lr, recipe.half_steps)


def classifier(recipe: DropoutRecipe, classes: tuple[str, ...], snapshot: Snapshot, device: torch.device) -> Classifier:
    """The trained network of a checkpoint's task.

    Raises:
        InputFault: the checkpoint is of another network than the recipe's.
    """
    return restored(network, recipe, classes, snapshot, device)
