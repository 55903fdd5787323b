"""Stochastic gradient descent in the paper's form.

Section 5 prints, for a weight w with velocity v and gradient g,

    v <- 0.9 v - 0.0005 lr w - lr g
    w <- w + v

so the learning rate is inside the velocity, and after the rate drops the old velocity goes on at the old rate. Torch
keeps b with b <- 0.9 b + 0.0005 w + g and w <- w - lr b. The two are the same with v = -lr b as long as the rate stands
still; when it moves from lr' to lr, the paper's velocity is torch's with b multiplied by lr' / lr. That factor goes
into the momentum of one step, and torch's fused kernel, which reads and writes every number once, does the rest.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class VelocitySGD(torch.optim.SGD):
    """The update of Section 5. Groups may carry a `rate`, which multiplies the learning rate they are given.

    Args:
        groups: parameter groups, each with `params` and `weight_decay`.
        lr: the learning rate, above zero.
        momentum: what share of the velocity is kept.
    """

    def __init__(self, groups: list[dict[str, Any]], lr: float, momentum: float) -> None:
        super().__init__(groups, lr=lr, momentum=momentum, fused=True)
        for group in self.param_groups:
            group["kept"] = momentum
            group["last_lr"] = float(lr)

    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update every parameter from its gradient.

        Raises:
            ValueError: a group's learning rate is not above zero.
        """
        for group in self.param_groups:
            if not group["lr"] > 0:
                raise ValueError(f"the velocity is in units of the learning rate, which cannot be {group['lr']}")
            group["momentum"] = group["kept"] * group["last_lr"] / group["lr"]
        super().step(closure)
        for group in self.param_groups:
            group["last_lr"] = group["lr"]

    def velocity(self, parameter: Tensor) -> Tensor:
        """The paper's v of a parameter; zero before the first step."""
        group = next(g for g in self.param_groups if any(p is parameter for p in g["params"]))
        buffer = self.state[parameter].get("momentum_buffer")
        return torch.zeros_like(parameter) if buffer is None else -group["last_lr"] * buffer


def weight_and_bias_groups(
    model: nn.Module, *, weight_decay: float, decay_biases: bool, bias_rate: float
) -> list[dict[str, Any]]:
    """The model's weights and its biases as two parameter groups, since the 2012 code treats them differently."""
    weights = [p for name, p in model.named_parameters() if not name.endswith("bias")]
    biases = [p for name, p in model.named_parameters() if name.endswith("bias")]
    return [
        {"params": weights, "weight_decay": weight_decay, "rate": 1.0},
        {"params": biases, "weight_decay": weight_decay if decay_biases else 0.0, "rate": bias_rate},
    ]
