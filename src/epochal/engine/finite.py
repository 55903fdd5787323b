"""The watch for numbers that are no numbers: it freezes the weights at the bad step and names the layer.

The watch lives on the device and costs no synchronisation; from parameters on another device it fetches one number
each. The step at which a loss or a gradient was first not finite is kept, the update of that step and of all later ones
is withheld, and whenever the loop reads the watch it finds the weights as they were when it happened.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FiniteWatch:
    """Remembers the first step at which the loss or a parameter's gradient was not finite.

    Attributes:
        withheld: 1 from the first bad step on, 0 before; torch's fused optimizers skip the update where it is 1.
        gradient_norm: the Euclidean norm of the whole gradient at the last step observed.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        trained = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        self.names = [name for name, _ in trained]
        # Norms are taken device by device, and then put back into the order of the names.
        devices = list(dict.fromkeys(p.device for _, p in trained))
        places = [[at for at, (_, p) in enumerate(trained) if p.device == there] for there in devices]
        self._parameters = [[trained[at][1] for at in those] for those in places]
        order = torch.tensor([at for those in places for at in those], device=device).argsort()
        self._order = order if len(devices) > 1 else None
        self._zero = torch.zeros((), dtype=torch.float32, device=device)
        self._first = torch.full((1 + len(self.names),), -1, dtype=torch.int64, device=device)
        self._step = torch.zeros((), dtype=torch.int64, device=device)
        self.withheld = torch.zeros((), dtype=torch.float32, device=device)
        self.gradient_norm = torch.zeros((), dtype=torch.float32, device=device)

    def begin(self, step: int) -> None:
        """Say which step the next observation belongs to."""
        self._step.fill_(step)

    def observe(self, loss: Float[Tensor, ""]) -> None:
        """Look at one step's loss and at the gradients it has left in the model's parameters."""
        norms = torch.cat([self._norms(parameters) for parameters in self._parameters])
        if self._order is not None:
            norms = norms[self._order]
        bad = ~torch.isfinite(torch.cat([loss.detach().float().reshape(1), norms]))
        self._first.copy_(torch.where(bad & (self._first < 0), self._step, self._first))
        self.withheld.copy_(torch.maximum(self.withheld, bad.any().float()))
        self.gradient_norm.copy_(torch.linalg.vector_norm(norms))

    def _norms(self, parameters: list[nn.Parameter]) -> Float[Tensor, " P"]:
        """The norms of the gradients of parameters on one device, on the device of the watch."""
        # A parameter that took no part in this step has no gradient, and nothing in it can be wrong.
        found = iter(torch._foreach_norm([p.grad for p in parameters if p.grad is not None]))
        zero = self._zero.to(parameters[0].device)
        norms = torch.stack([zero if p.grad is None else next(found).float() for p in parameters])
        return norms.to(self._zero.device, non_blocking=True)

    def verdict(self) -> tuple[int, str | None] | None:
        """The first bad step, and the parameter where the gradient broke; None while all is well.

        The gradient runs backward, so of the parameters whose gradient is bad the last one is where it began. The name
        is None when the loss itself was bad: then every gradient is, and the forward pass must be looked at.
        """
        first = self._first.tolist()
        steps = [step for step in first if step >= 0]
        if not steps:
            return None
        step = min(steps)
        if first[0] == step:
            return step, None
        return step, [name for name, at in zip(self.names, first[1:], strict=True) if at == step][-1]
