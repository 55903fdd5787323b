"""Looking inside a network: what each layer answers to an input, and where numbers stop being finite.

Both read through forward hooks that are always removed, and leave the network as it was: its modes, its buffers (batch
statistics) and the global random generators.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest, printable


def layer_names(model: nn.Module) -> tuple[str, ...]:
    """The names of the network's layers and blocks, in the order of their definition."""
    return tuple(name for name, _ in plain(model).named_modules() if name)


def activations(
    model: nn.Module, inputs: Shaped[Tensor, " N *size"], layers: Sequence[str] | None = None
) -> Mapping[str, Tensor]:
    """The outputs of layers for a batch, in evaluation mode: detached float32 copies on the CPU, in the order they ran.

    A layer that runs several times in one pass appears as `name`, `name#2`, and so on.

    Args:
        model: the network; a compiled or distributed wrapper is looked through.
        inputs: a batch on the network's device.
        layers: names as `layer_names` gives them; None means every layer that has no parts.

    Raises:
        InputFault: a name is unknown, or that layer did not run or does not answer with a tensor.
    """
    model = plain(model)
    modules = {name: module for name, module in model.named_modules() if name}
    for name in layers or ():
        if name not in modules:
            raise InputFault(
                f"the network has no layer called {printable(repr(name))}", expected=nearest(name, modules)
            )
    wanted = set(modules if layers is None else layers)
    found: dict[str, Tensor] = {}

    def keep(name: str, output: Any) -> None:
        if isinstance(output, Tensor):
            calls = sum(key == name or key.startswith(f"{name}#") for key in found)
            # A copy, because a later layer may work in place on this very tensor.
            found[f"{name}#{calls + 1}" if calls else name] = output.detach().to("cpu", torch.float32, copy=True)

    watched = {
        name: module for name, module in modules.items() if name in wanted and (layers or not list(module.children()))
    }
    with unchanged(model, inputs), _hooked(watched, keep), torch.no_grad():
        model.eval()
        model(inputs)
    for name in layers or ():
        if name not in found:
            raise InputFault(
                f"layer {name!r} gave no tensor for this input",
                expected="a layer that runs in evaluation mode and answers with one tensor",
                remedy="ask for one of its parts, or leave `layers` out to see all that ran",
            )
    return MappingProxyType(found)


def first_non_finite(model: nn.Module, inputs: Shaped[Tensor, " N *size"]) -> str | None:
    """The first layer, in the order they finish, whose output is not finite; None if all are.

    Runs one forward pass in the mode the network is in. The answer is "input" when the batch itself is not finite, and
    the network's class name when its own code, outside of all layers, made the number. Dropout draws from the current
    generator: restore the failing step's state first to see the same masks.
    """
    if not _is_finite(inputs):
        return "input"
    model = plain(model)
    found: list[str] = []

    def check(name: str, output: Any) -> None:
        if not found and not _is_finite(output):
            found.append(name or type(model).__name__)

    with unchanged(model, inputs), _hooked(dict(model.named_modules()), check), torch.no_grad():
        model(inputs)
    return found[0] if found else None


def plain(model: nn.Module) -> nn.Module:
    """The network inside the wrappers of `torch.compile` and DistributedDataParallel."""
    while True:
        inner = model.module if isinstance(model, nn.parallel.DistributedDataParallel) else None
        inner = inner or getattr(model, "_orig_mod", None)
        if not isinstance(inner, nn.Module):
            return model
        model = inner


@contextmanager
def _hooked(modules: Mapping[str, nn.Module], see: Callable[[str, Any], None]) -> Iterator[None]:
    """Call `see(name, output)` after each of the modules runs, for as long as the block lasts."""
    handles = []
    try:
        for name, module in modules.items():
            handles.append(module.register_forward_hook(lambda _module, _args, output, name=name: see(name, output)))
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def unchanged(model: nn.Module, inputs: Tensor) -> Iterator[None]:
    """Put the modes, the buffers and the generators back as they were."""
    modes = [(module, module.training) for module in model.modules()]
    buffers = [
        (module, name, buffer, buffer.detach().clone())
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
    ]
    devices = [inputs.device] if inputs.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        for module, training in modes:
            module.training = training
        with torch.no_grad():
            for module, name, buffer, before in buffers:
                setattr(module, name, buffer.copy_(before))  # also undoes a replacement by a new tensor


def _tensors(value: Any) -> Iterator[Tensor]:
    """The tensors in a layer's output, however it packs them."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from _tensors(part)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for field in dataclasses.fields(value):
            yield from _tensors(getattr(value, field.name))


def _is_finite(value: Any) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in _tensors(value))
