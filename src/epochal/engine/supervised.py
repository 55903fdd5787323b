"""The stock task: learn labels from pictures by following the gradient of the cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import islice
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochal.core.fault import InputFault, NonFiniteFault, printable
from epochal.data.feed import Batch, Feed
from epochal.data.images import ImageData
from epochal.data.keyed import mixed_seed
from epochal.data.statistics import PixelStatistics
from epochal.engine import optimizer_state, random
from epochal.engine.checkpoint import Snapshot
from epochal.engine.classify import Classified, probabilities
from epochal.engine.device import SMALLER_PARTS, autocast
from epochal.engine.finite import FiniteWatch
from epochal.engine.frozen import resting, train_but
from epochal.engine.group import ALONE, Group
from epochal.engine.objective import CROSS_ENTROPY, CrossEntropy, right_answers
from epochal.engine.probe import first_non_finite
from epochal.engine.schedule import Schedule
from epochal.engine.signal import Signal, signals
from epochal.measure.crops import centre_crop

# How many pictures the signal is taken from, where a step learns from as many.
_PROBE = 128


class Supervised:
    """A classifier in training (a `Task`).

    Args:
        model: gives logits for images; already on the device.
        optimizer: one of torch's fused optimizers over the model's parameters. A group's `rate` multiplies the
            schedule's learning rate.
        schedule: the learning rate of each step.
        feed: where batches come from.
        epochs: how often to go through the data.
        evaluate_epochs: epochs between evaluations.
        until: end the training after the first epoch in which this share of the training pictures was answered right.
        objective: what a step minimises.
        penalty: what is added to that for each picture: called after the forward pass of each part of a batch.
        after_update: called after each update, such as for a constraint on the weights.
        precision: fp32 or bf16.
        micro_batches: into how many parts a batch is split to save memory; the summed gradient is the same but for
            the masks of dropout, which are drawn for each part.
        group: the processes that train together, each with its part of every batch; the feed must be of the same.

    Raises:
        InputFault: there are more processes than pictures in a batch.
    """

    if_memory_runs_out = SMALLER_PARTS

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        feed: Feed,
        *,
        epochs: float,
        evaluate_epochs: float = 1.0,
        until: float | None = None,
        objective: CrossEntropy = CROSS_ENTROPY,
        penalty: Callable[[], Tensor] | None = None,
        after_update: Callable[[], None] | None = None,
        precision: str = "fp32",
        micro_batches: int = 1,
        group: Group = ALONE,
    ) -> None:
        self.model, self.optimizer, self.schedule, self.feed = model, optimizer, schedule, feed
        self.device, self.precision, self.micro_batches = feed.device, precision, micro_batches
        self.steps_per_epoch = feed.plan.steps_per_epoch
        self.steps = max(1, round(epochs * self.steps_per_epoch))
        self.evaluate_every = max(1, round(evaluate_epochs * self.steps_per_epoch))
        self.until, self.objective, self.penalty, self.after_update = until, objective, penalty, after_update
        # Answered right in the epoch under way, a number for each step summed on the device; and in the last whole one.
        self._right = torch.zeros((), device=self.device)
        self._train_top1: float | None = None
        self.group, self._replica = group, group.replica(model)
        self._resting = resting(model)
        if group.size > feed.plan.step_samples:
            raise InputFault(
                f"batches of {feed.plan.step_samples} pictures cannot be shared out to {group.size} processes",
                expected="at least one picture for each",
            )
        if not group.first:
            # The network began with the same weights in all processes; from here on each draws masks of its own.
            random.seed_everything(mixed_seed(feed.seed, group.rank))
        self._probe: tuple[Tensor, Tensor] | None = None
        self.watch = FiniteWatch(model, self.device)
        if not all(group.get("fused") for group in optimizer.param_groups):
            raise ValueError("the optimizer must be a fused one: others do not withhold a bad update")
        # Torch's fused kernels leave weights and momentum alone where this is 1.
        optimizer.found_inf = self.watch.withheld  # type: ignore[attr-defined]

    @property
    def data(self) -> ImageData:
        """What it learns from: of the training pictures, those that the recipe has chosen."""
        return self.feed.data

    def size(self) -> str:
        """How much there is to learn from, in words."""
        return f"{len(self.data.train):,} training and {len(self.data.held_out):,} held-out pictures"

    def batches(self, start: int) -> Iterator[Batch]:
        """The batches from the step `start` on."""
        return self.feed.batches(start, self.steps)

    def step(self, number: int, batch: Batch) -> dict[str, Tensor]:
        """Forward, backward, update."""
        train_but(self.model, self._resting)
        self.watch.begin(number)
        rate = self.schedule.lr(number)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("rate", 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        loss = torch.zeros((), device=self.device)
        right = torch.zeros((), device=self.device)
        count = self.feed.plan.step_samples
        parts = list(batch.parts(self.micro_batches))
        for part in parts:
            with nullcontext() if part is parts[-1] else self.group.gathering(self._replica):
                logits = self._forward(part.images)
                summed = self.objective(logits, part)
                if self.penalty is not None:
                    summed = summed + len(part.labels) * self.penalty()
                # The average of this over the processes is the gradient of the whole batch's mean loss.
                (summed / (count / self.group.size)).backward()
            loss += summed.detach()
            right += right_answers(logits, part)
        loss, right = self.group.total(loss, right)
        self.watch.observe(loss)
        self.optimizer.step()
        self.schedule.saw(right / count)
        if self.after_update is not None:
            self.after_update()
        self._count(number, right / count)
        return {
            "loss": loss / count,
            "accuracy": right / count,
            "gradient_norm": self.watch.gradient_norm,
        }

    def _count(self, number: int, accuracy: Tensor) -> None:
        """Keep the accuracy over whole epochs, and end the training when it is what was asked for."""
        self._right += accuracy
        if (number + 1) % self.steps_per_epoch:
            return
        self._train_top1 = float(self._right) / self.steps_per_epoch
        self._right.zero_()
        if self.until is not None and self._train_top1 >= self.until:
            self.steps = number + 1

    def _forward(self, images: Float[Tensor, "B 3 C C"]) -> Float[Tensor, "B K"]:
        with autocast(self.device, self.precision):
            return self._replica(images).float()  # type: ignore[no-any-return]

    def rates(self, number: int) -> dict[str, float]:
        """The learning rate of a step."""
        return {"lr": self.schedule.lr(number)}

    def evaluate(self) -> dict[str, float]:
        """Top-1 and top-5 accuracy and mean loss on the held-out pictures, centre crop.

        Beside them `train_top1`, once an epoch is over: the share of the training pictures that was answered right
        during the last whole epoch, as the pictures were shown (augmented, with dropout) and before each update.
        """
        labels = self.feed.held_out_labels
        table = torch.zeros(len(labels), len(self.feed.data.classes), device=self.device)
        result = Classified(self.group.assembled(table, self._answers()), labels)
        seen = {} if self._train_top1 is None else {"train_top1": self._train_top1}
        return result.metrics() | seen

    def _answers(self) -> Iterator[tuple[Tensor, Tensor]]:
        """The probabilities of the classes for the held-out pictures that are this process's to look at."""
        crop = self.feed.augmentation.crop
        for places, images in self.feed.held_out(batch_size=self.feed.plan.batch_size):
            yield places, probabilities(self.model, images, crop=crop, precision=self.precision)

    def signal(self) -> Signal:
        """How responses and gradients are distributed in each layer, on the same held-out pictures every time.

        It takes no more memory than a step, and changes nothing.
        """
        if self._probe is None:
            part = self.feed.plan.step_samples // (self.micro_batches * self.group.size)
            images, labels = self.feed.some_held_out(max(2, min(_PROBE, part)))
            view = centre_crop(images, self.feed.augmentation.crop).contiguous(memory_format=torch.channels_last)
            self._probe = view, labels
        train_but(self.model, self._resting)
        return signals(self.model, *self._probe, precision=self.precision)

    def observe(self, metrics: dict[str, float]) -> None:
        """Tell the schedule the held-out error."""
        self.schedule.observe(1.0 - metrics["top1"])

    def trouble(self) -> NonFiniteFault | None:
        """Name the step and the layer of the first number that was none."""
        found = self.watch.verdict()
        if found is None:
            return None
        step, parameter = found
        # The watch withheld the update, so the weights are those of the bad step and its batch can be made again.
        batch = next(islice(self.feed.batches(step, step + 1), 1))
        place, samples = self._blamed(parameter, batch)
        return NonFiniteFault(
            f"step {step}: {place} is not finite (learning rate {self.schedule.lr(step):g}; samples {samples}, ...)",
            expected="finite numbers",
            remedy="train again with a lower learning rate (--set lr=...), or look at the data (`epochal data check`)",
        )

    def _blamed(self, parameter: str | None, batch: Batch) -> tuple[str, str]:
        """Where the first bad number arose, and from which samples."""
        place, sure = f"the gradient of {parameter}", False
        if parameter is None:
            broken = self.group.everyone(not torch.isfinite(batch.images).all())
            if any(broken):
                place, sure = "the batch of pictures", broken[self.group.rank]
            else:
                train_but(self.model, self._resting)
                with autocast(self.device, self.precision):
                    layer = first_non_finite(self.model, batch.images)
                place, sure = f"the output of layer {layer}" if layer else "the loss", layer is not None
        samples = ", ".join(printable(self.feed.data.train.where(int(i)), 80) for i in batch.index[:3])
        # Of several processes, the one with the bad pictures knows best; all raise the same.
        told = self.group.everyone([place, samples, sure])
        place, samples, _ = next((one for one in told if one[2]), told[0])
        return place, samples

    def state(self) -> Snapshot:
        """Weights, momentum, the schedule's memory, the training set's statistics, the count of the epoch under way."""
        return (
            Snapshot(dict(self.model.state_dict())).prefixed("model")
            | optimizer_state.capture(self.optimizer, self.model).prefixed("optimizer")
            | Snapshot({}, self.schedule.state()).prefixed("schedule")
            | Snapshot(self.feed.statistics.tensors()).prefixed("statistics")
            | Snapshot({"right": self._right}, {"top1": self._train_top1, "steps": self.steps}).prefixed("epoch")
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state.

        Raises:
            InputFault: the state is of another network.
        """
        load_weights(self.model, snapshot.under("model").tensors)
        optimizer_state.restore(snapshot.under("optimizer"), self.optimizer, self.model)
        self.schedule.restore(snapshot.under("schedule").values)
        epoch = snapshot.under("epoch")
        self._right.copy_(epoch.tensors["right"])
        self._train_top1, self.steps = epoch.values["top1"], min(self.steps, int(epoch.values["steps"]))
        self.feed.statistics = checked_statistics(snapshot.under("statistics"), self.feed.side)


def checked_statistics(snapshot: Snapshot, side: int) -> PixelStatistics:
    """The training set's statistics from a checkpoint.

    Raises:
        ValueError: they are not of pictures with this side.
    """
    statistics = PixelStatistics(**snapshot.tensors)
    shapes = [tuple(tensor.shape) for tensor in statistics.tensors().values()]
    if shapes != [(side, side, 3), (3,), (3, 3)]:
        raise ValueError(f"statistics of shapes {shapes} for pictures of {side} x {side}")
    return statistics


def load_weights(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Give the model these weights, all of them and no others.

    Raises:
        InputFault: names or shapes differ; the first difference is told.
    """
    expected: dict[str, Any] = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    given = {name: tuple(t.shape) for name, t in tensors.items()}
    if expected == given:
        model.load_state_dict(tensors)
        return
    name = next(n for n in sorted(expected.keys() | given.keys()) if expected.get(n) != given.get(n))
    raise InputFault(
        f"the weights are of another network: {printable(name)} is {given.get(name, 'missing')}",
        expected=str(expected.get(name, "no such tensor")),
        remedy="use the recipe the weights were trained with",
    )
