"""The order of samples: a function of the seed and the epoch, so that any step can be found again without replaying."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor

from epochal.data.keyed import mixed_seed


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
