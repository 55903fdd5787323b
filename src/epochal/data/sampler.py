"""The order of samples: a function of the seed and the epoch, so that any step can be found again without replaying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from epochal.data.keyed import mixed_seed


@dataclass(frozen=True)
class Share:
    """One of several equal shares of the work, such as that of one process.

    Attributes:
        number: which share, from 0.
        of: how many there are.
    """

    number: int = 0
    of: int = 1

    def part(self, samples: Int64[Tensor, " N"], before: int = 0) -> Int64[Tensor, " M"]:
        """The share's samples, one after another; the shares together are all samples, in their order.

        Args:
            samples: those of a step.
            before: how many of the samples before them to take as well; the last ones come before the first.
        """
        if self.of == 1:
            return samples
        start, stop = (len(samples) * at // self.of for at in (self.number, self.number + 1))
        return torch.cat([samples[len(samples) - before :], samples])[start : stop + before]


WHOLE = Share()


@dataclass(frozen=True)
class Plan:
    """Which samples each step takes.

    The last, incomplete batch of an epoch is left out (those samples come up elsewhere in the next epoch's order); a
    data set smaller than a batch is taken whole at each step.

    Attributes:
        samples: how many samples the data set has.
        batch_size: how many of them a step takes.
        seed: the run's seed.
    """

    samples: int
    batch_size: int
    seed: int

    @property
    def steps_per_epoch(self) -> int:
        """How many steps go once through the data."""
        return max(1, self.samples // self.batch_size)

    @property
    def step_samples(self) -> int:
        """How many samples a step has."""
        return min(self.samples, self.batch_size)

    def order(self, epoch: int) -> Int64[Tensor, " N"]:
        """The order in which an epoch goes through the samples."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, epoch, 0x0DE5))
        return torch.randperm(self.samples, generator=generator)

    def steps(self, start: int, stop: int) -> Iterator[tuple[int, Int64[Tensor, " _"]]]:
        """For each step from `start` to before `stop`: its epoch and its samples."""
        known, order = -1, torch.empty(0, dtype=torch.int64)
        for step in range(start, stop):
            epoch, position = divmod(step, self.steps_per_epoch)
            if epoch != known:
                known, order = epoch, self.order(epoch)
            yield epoch, order[position * self.batch_size : (position + 1) * self.batch_size]
