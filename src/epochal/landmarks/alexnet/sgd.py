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


def parameter_groups(
    model: nn.Module,
    *,
    weight_decay: float,
    decay_convolutions: bool,
    decay_biases: bool,
    bias_rate: float,
    head: tuple[str, ...] = (),
    head_rate: float = 1.0,
) -> list[dict[str, Any]]:
    """Groups for an optimizer: biases, which the 2012 code treats differently, and weights with and without decay.

    Without `decay_convolutions` the weights of convolutions go undecayed, as in that code's files for CIFAR-10. Frozen
    weights are in no group. The modules of the `head` learn at `head_rate` times the rate of the others.
    """
    trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    biases = [p for name, p in trained if name.endswith("bias")]
    free = set() if decay_convolutions else {id(m.weight) for m in model.modules() if isinstance(m, nn.Conv2d)}
    weights = [p for name, p in trained if not name.endswith("bias")]
    groups: list[dict[str, Any]] = [
        {"params": [p for p in weights if id(p) not in free], "weight_decay": weight_decay, "rate": 1.0},
        {"params": biases, "weight_decay": weight_decay if decay_biases else 0.0, "rate": bias_rate},
        {"params": [p for p in weights if id(p) in free], "weight_decay": 0.0, "rate": 1.0},
    ]
    last = {id(p) for name, p in trained if name.startswith(tuple(f"{module}." for module in head))}
    for group in list(groups):
        of_head = {**group, "params": [p for p in group["params"] if id(p) in last], "rate": group["rate"] * head_rate}
        group["params"] = [p for p in group["params"] if id(p) not in last]
        groups.append(of_head)
    return [group for group in groups if group["params"]]
