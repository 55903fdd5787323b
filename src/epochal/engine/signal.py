"""What passes through a network: how the responses of each layer are distributed, and the gradients that come back.

A layer's response is what its weights make of their input, after the normalisation that directly follows, if one does:
what enters the non-linearity (Ioffe and Szegedy 2015, Figure 1; He et al. 2016, Figure 7). It is taken on given
pictures and leaves everything as it was: weights, gradients, buffers, modes and generators. Normalisation works on the
batch as in training; dropout and everything else that is drawn rests.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from epochal.core.fault import InputFault
from epochal.engine.device import autocast
from epochal.engine.probe import plain, unchanged

# The 15th, 50th and 85th percentile of Figure 1.
SHARES = (0.15, 0.50, 0.85)
# How many units of a layer, or maps, are followed one by one.
UNITS = 4
# Normalisation over a batch needs more than one picture, and so does a distribution.
LEAST = 2
# Percentiles of larger layers are those of so many of their values, evenly chosen.
_MOST = 50_000

# A layer's row: `forward` and `gradient` are the three percentiles and the standard deviation, `units` the three
# percentiles of some of its units. A number that is not finite is None.
Signal = dict[str, dict[str, Any]]


def signals(
    model: nn.Module, images: Float[Tensor, "B 3 C C"], labels: Int64[Tensor, " B"], *, precision: str = "fp32"
) -> Signal:
    """The distributions of every layer's responses, and of the gradient of the mean loss with respect to them.

    Args:
        model: gives logits; a compiled or distributed wrapper is looked through.
        images: prepared for the network.
        labels: their classes.
        precision: arithmetic of the forward pass.

    Raises:
        InputFault: there is a single picture.
    """
    if len(images) < LEAST:
        raise InputFault(
            f"a signal of {len(images)} held-out picture: nothing is spread over it",
            expected=f"data with at least {LEAST} held-out pictures",
            remedy="hold more pictures out; a training without --signal-every needs none for this",
        )
    model = plain(model)
    responses = _Responses()
    handles = [module.register_forward_hook(hook) for module, hook in _watched(model, responses)]
    try:
        with unchanged(model, images):
            model.eval()
            for module in model.modules():
                # Frozen ones go on with what they have collected, in training too.
                own = list(module.parameters(recurse=False))
                module.training = _normalises_a_batch(module) and all(p.requires_grad for p in own)
            # Not the weights: their gradients belong to the training.
            seen = images.detach().clone().requires_grad_()
            with torch.enable_grad(), autocast(images.device, precision):
                loss = functional.cross_entropy(model(seen).float(), labels)
            tensors = list(responses.tensors.values())
            gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    found = zip(responses.tensors, gradients, strict=True)
    return {name: responses.said[name] | {"gradient": _spread(gradient)} for name, gradient in found}


class _Responses:
    """What the layers answered in one pass, by the layer's name; of a layer that runs again, `name#2` and so on."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.said: Signal = {}
        self._kept: list[Tensor] = []  # while they live, no other tensor has their identity

    def add(self, name: str, output: Any) -> None:
        """A layer with weights has answered."""
        if isinstance(output, Tensor) and output.requires_grad:
            calls = sum(key == name or key.startswith(f"{name}#") for key in self.tensors)
            self._put(f"{name}#{calls + 1}" if calls else name, output)

    def replace(self, given: Any, output: Any) -> None:
        """A normalisation has answered: if it was given a layer's response, that is the response now."""
        name = next((key for key, tensor in self.tensors.items() if tensor is given), None)
        if name is not None and isinstance(output, Tensor):
            self._put(name, output)

    def _put(self, name: str, output: Tensor) -> None:
        self.tensors[name] = output
        self._kept.append(output)
        # Read at once: a later layer may work in place on this very tensor.
        self.said[name] = {"forward": _spread(output), "units": _units(output)}


def _watched(model: nn.Module, responses: _Responses) -> list[tuple[nn.Module, Any]]:
    """The modules to hook, each with its hook."""
    found: list[tuple[nn.Module, Any]] = []
    for name, module in model.named_modules():
        if list(module.children()):
            continue
        if any(parameter.dim() > 1 for parameter in module.parameters(recurse=False)):
            found.append((module, lambda _module, _given, output, name=name: responses.add(name, output)))
        elif "Norm" in type(module).__name__:
            found.append((module, lambda _module, given, output: responses.replace(given[0], output)))
    return found


def _normalises_a_batch(module: nn.Module) -> bool:
    return getattr(module, "running_mean", None) is not None


def _spread(values: Tensor | None) -> list[float | None] | None:
    """The percentiles and the standard deviation."""
    if values is None:
        return None
    flat = values.detach().float().flatten()
    # An odd stride does not walk along the same column of every map.
    part = flat[:: (flat.numel() // _MOST) | 1] if flat.numel() > _MOST else flat
    shares = torch.quantile(part, part.new_tensor(SHARES))
    return _numbers([*shares.tolist(), float(flat.std(correction=0))])


def _units(output: Tensor) -> list[list[float | None]]:
    """The percentiles of some units, or maps, evenly chosen."""
    count = min(UNITS, output.shape[1]) if output.dim() > 1 else 0
    found = []
    for number in range(count):
        spread = _spread(output[:, number * output.shape[1] // count])
        assert spread is not None
        found.append(spread[: len(SHARES)])
    return found


def _numbers(values: list[float]) -> list[float | None]:
    """Five digits tell as much as a picture can show."""
    return [float(f"{value:.5g}") if math.isfinite(value) else None for value in values]
