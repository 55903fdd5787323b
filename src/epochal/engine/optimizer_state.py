"""An optimizer's state under its parameters' names, so that it depends neither on their order nor on their place."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from epochal.engine.checkpoint import Snapshot
from epochal.engine.pieces import divided, joined, whole_parameters


def capture(optimizer: torch.optim.Optimizer, model: nn.Module) -> Snapshot:
    """The optimizer's tensors by parameter name, and the numbers of its groups."""
    tensors = {
        f"{name}.{key}": joined([optimizer.state[piece][key] for piece in pieces])
        for name, pieces in whole_parameters(model).items()
        if pieces[0] in optimizer.state
        for key, value in optimizer.state[pieces[0]].items()
        if isinstance(value, Tensor)
    }
    numbers = {
        f"{place}.{key}": value
        for place, group in enumerate(optimizer.param_groups)
        for key, value in group.items()
        if isinstance(value, float)
    }
    return Snapshot(tensors, numbers)


def restore(snapshot: Snapshot, optimizer: torch.optim.Optimizer, model: nn.Module) -> None:
    """Put a captured state back, on each parameter's device.

    Raises:
        LookupError: a name is none of this optimizer's.
        ValueError: a tensor or a number is not what it could be.
    """
    parameters = whole_parameters(model)
    optimizer.state.clear()
    for full_name, tensor in snapshot.tensors.items():
        name, _, key = full_name.rpartition(".")
        pieces = parameters[name]
        for piece, stored in zip(pieces, divided(tensor, pieces), strict=True):
            optimizer.state[piece][key] = _beside(piece, stored)
    for full_name, value in snapshot.values.items():
        place, _, key = full_name.partition(".")
        group = optimizer.param_groups[int(place)]
        if not isinstance(group[key], float) or not isinstance(value, float) or not math.isfinite(value):
            raise ValueError(f"the optimizer's {full_name} cannot be {value!r}")
        group[key] = value


def _beside(parameter: Tensor, stored: Tensor) -> Tensor:
    """A stored tensor on the parameter's device and, where it has its shape, in its memory layout.

    Fused kernels walk through weight, gradient and momentum by address: were one of them laid out differently, each
    weight would get another one's momentum.
    """
    if stored.shape == () and stored.dtype == torch.float32:  # a count of steps
        return stored.clone().to(parameter.device)
    if stored.shape != parameter.shape or stored.dtype != parameter.dtype:
        raise ValueError(f"a momentum of {stored.dtype} {tuple(stored.shape)} for a weight of {tuple(parameter.shape)}")
    return torch.empty_like(parameter, requires_grad=False).copy_(stored)
