"""Gradient descent with a momentum that grows, as the authors' code has it.

At step n the share of the velocity that is kept is end - (end - start) exp(-n / steps): little at first, when the
gradient still turns, nearly all of it later.
"""

from __future__ import annotations

import math
from typing import Any

import torch


class GrowingMomentumSGD(torch.optim.SGD):
    """torch's SGD, whose momentum goes from `start` towards `end`.

    Args:
        groups: parameter groups, each with `params` and `weight_decay`.
        lr: the learning rate.
        start: the momentum of the first step.
        end: what it tends to.
        steps: in how many steps the difference shrinks by a factor of e.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, *, start: float, end: float, steps: int) -> None:
        super().__init__(groups, lr=lr, momentum=end, fused=True)
        self._start, self._end, self._steps = start, end, steps
        for group in self.param_groups:
            group["done"] = 0.0  # a float of the group is kept in checkpoints

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter from its gradient."""
        for group in self.param_groups:
            group["momentum"] = self._end - (self._end - self._start) * math.exp(-group["done"] / self._steps)
            group["done"] += 1.0
        super().step(closure)
