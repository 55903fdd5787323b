"""From a recipe to a training, and from a checkpoint to a classifier."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from epochal.data.augment import Augmentation
from epochal.data.feed import RESIDENT_BYTES, Batch, Feed
from epochal.data.images import ImageData
from epochal.data.sampler import Plan
from epochal.data.statistics import PixelStatistics
from epochal.data.subset import with_fewer
from epochal.engine import random
from epochal.engine.checkpoint import Snapshot
from epochal.engine.classifier import Classifier, restored
from epochal.engine.device import autocast, choose_precision, placed
from epochal.engine.frozen import freeze
from epochal.engine.group import ALONE, Group
from epochal.engine.objective import right_answers
from epochal.engine.schedule import Cosine, Drops, Exponential, Schedule
from epochal.engine.supervised import Supervised
from epochal.landmarks.batchnorm.networks import network
from epochal.landmarks.batchnorm.population import take_in
from epochal.landmarks.batchnorm.recipe import BatchNormRecipe
from epochal.landmarks.batchnorm.transfer import layers


class Normalised(Supervised):
    """The stock task; after what is learned come steps that take the population's statistics, if that is asked for.

    Those steps change no weights: each lets one more batch into the statistics (Algorithm 2). Being steps, they can be
    stopped and resumed like all others.

    Args:
        population_batches: how many of them; 0 keeps the running statistics.
    """

    def __init__(self, *arguments: Any, population_batches: int, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.learning_steps = self.steps
        self.steps += population_batches

    def step(self, number: int, batch: Batch) -> dict[str, Tensor]:
        """Forward, backward, update; or forward, for the statistics."""
        if number < self.learning_steps:
            return super().step(number, batch)
        logits = self._taken_in(batch, number - self.learning_steps)
        loss, right = self.group.total(self.objective(logits.float(), batch), right_answers(logits, batch))
        count = self.feed.plan.step_samples
        return {"loss": loss / count, "accuracy": right / count}

    def _taken_in(self, batch: Batch, number: int) -> Tensor:
        """What the network answers to a batch that is let into the statistics, in the parts that the training had."""
        parts = list(batch.parts(self.micro_batches))
        first = number * len(parts)
        said = [take_in(self.model, p.images, first + n, self._in_precision) for n, p in enumerate(parts)]
        return torch.cat(said)

    def rates(self, number: int) -> dict[str, float]:
        """The learning rate of a step: none where nothing is learned."""
        return super().rates(number) if number < self.learning_steps else {"lr": 0.0}

    def _in_precision(self, images: Tensor) -> Tensor:
        with autocast(self.device, self.precision):
            return self.model(images)  # type: ignore[no-any-return]


def task(
    recipe: BatchNormRecipe,
    data: ImageData,
    *,
    seed: int,
    device: torch.device,
    workers: int = 0,
    micro_batches: int = 1,
    resident_bytes: int = RESIDENT_BYTES,
    group: Group = ALONE,
) -> Normalised:
    """The training that the recipe describes, at its first step.

    Args:
        recipe: what is trained, and how.
        data: what is learned.
        seed: decides weights, order, augmentation and dropout.
        device: where it is trained.
        workers: processes that decode pictures.
        micro_batches: into how many parts a batch is split; each part is normalised by itself.
        resident_bytes: a split larger than this is not kept in memory.
        group: the processes that train together; they normalise over their parts together.

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
            random=recipe.random_crop,
            mirror=recipe.mirror,
            colour_noise=recipe.colour_noise,
            pixel_scale=recipe.pixel_scale,
        ),
        batch_size=recipe.batch_size,
        seed=seed,
        device=device,
        workers=workers,
        statistics=None if recipe.centre else PixelStatistics.nothing(recipe.stored_size + 2 * recipe.padding),
        resident_bytes=resident_bytes,
        part=group.share,
    )
    return Normalised(
        model,
        optimizer(recipe, model),
        schedule(recipe, feed.plan),
        feed,
        epochs=recipe.epochs,
        evaluate_epochs=recipe.evaluate_epochs,
        precision=choose_precision(recipe.precision, device),
        micro_batches=micro_batches,
        group=group,
        population_batches=recipe.population_batches,
    )


def optimizer(recipe: BatchNormRecipe, model: nn.Module) -> torch.optim.Optimizer:
    """Momentum over all that is trained; weight decay on the weights of convolutions and dense layers."""
    last = tuple(f"{name}." for name in layers(model).head)
    groups: dict[tuple[bool, bool], list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((parameter.dim() > 1, name.startswith(last)), []).append(parameter)
    return torch.optim.SGD(
        [
            {
                "params": parameters,
                "weight_decay": recipe.weight_decay if decayed else 0.0,
                "rate": recipe.head_rate if of_head else 1.0,
            }
            for (decayed, of_head), parameters in groups.items()
        ],
        lr=recipe.lr,
        momentum=recipe.momentum,
        fused=True,
    )


def schedule(recipe: BatchNormRecipe, plan: Plan) -> Schedule:
    """The learning rate over the steps of the plan."""
    steps = max(1, round(recipe.epochs * plan.steps_per_epoch))
    match recipe.schedule:
        case "constant":
            return Drops(recipe.lr)
        case "cosine":
            return Cosine(recipe.lr, steps)
        case "exponential":
            return Exponential(recipe.lr, recipe.decay_epochs * plan.steps_per_epoch, recipe.decay)


def classifier(
    recipe: BatchNormRecipe, classes: tuple[str, ...], snapshot: Snapshot, device: torch.device
) -> Classifier:
    """The trained network of a checkpoint's task.

    Raises:
        InputFault: the checkpoint is of another network than the recipe's.
    """
    return restored(network, recipe, classes, snapshot, device)
