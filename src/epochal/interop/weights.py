"""The noun of exchange: weights by our names, with an account of where each came from and what was done to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochal.core.fault import InputFault, printable


@dataclass(frozen=True)
class Pixels:
    """How a picture must be prepared for weights, once they bear our names: RGB, from 0 to 255, centred, divided.

    Attributes:
        mean: what is subtracted: three colours, or a mean picture [S, S, 3]; in values from 0 to 255.
        scale: what the centred red, green and blue are divided by.
        stored_size: the side of the square that a picture is brought to before cropping.
        crop: the side of what the network sees.
        told: the convention of those who trained the weights, in words.
    """

    mean: Tensor
    scale: tuple[float, float, float]
    stored_size: int
    crop: int
    told: str


@dataclass(frozen=True)
class Mapped:
    """What became of one tensor.

    Attributes:
        source: its name in the file.
        name: its name with us.
        shape: its shape with us.
        done: what was done to it, in words; nothing for a mere change of name.
    """

    source: str
    name: str
    shape: tuple[int, ...]
    done: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """Weights by our names.

    Attributes:
        source: where they come from, for people.
        layout: whose names and conventions they had: ours, torchvision or caffe.
        tensors: the weights, on the CPU, their real numbers in float32.
        rows: what became of each.
        settings: the recipe's settings they were made with or need (`network` and more), as far as they are known.
        pixels: how pictures must be prepared, if the source or its layout says so.
        classes: the classes' names, if the source says so.
        unplaced: names in the source that the layout has no place for.
        notes: what a person should know.
    """

    source: str
    layout: str
    tensors: dict[str, Tensor]
    rows: tuple[Mapped, ...]
    settings: dict[str, Any]
    pixels: Pixels | None = None
    classes: tuple[str, ...] | None = None
    unplaced: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def account(self) -> tuple[str, ...]:
        """What became of each tensor, a line for each; then what found no place, and the notes."""
        rows = [_row(row) for row in self.rows]
        unplaced = [f"{printable(name)} has no place in the layout {self.layout}" for name in self.unplaced]
        return (*rows, *unplaced, *self.notes)


@dataclass(frozen=True)
class Loaded:
    """What a network was given.

    Attributes:
        loaded: the network's tensors that were replaced.
        kept: those that kept their values, as the weights have none that fit.
        left_out: what the weights have and the network has no place for, with the reason.
    """

    loaded: tuple[str, ...]
    kept: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]

    def told(self) -> str:
        """One sentence for people."""
        text = f"{len(self.loaded)} tensors loaded"
        if self.kept:
            text += f"; kept as they were: {', '.join(map(printable, self.kept))}"
        if self.left_out:
            text += f"; left out: {', '.join(f'{printable(name)} ({why})' for name, why in self.left_out)}"
        return text


@torch.no_grad()
def load_into(model: nn.Module, weights: Weights, *, partial: bool = False) -> Loaded:
    """Give a network these weights: all of them, or only those that fit if that is asked for.

    Nothing is changed before everything was compared.

    Args:
        model: the network; its tensors keep their device, type and memory layout.
        weights: what to load.
        partial: leave out what does not fit, such as a head for other classes, and say so.

    Raises:
        InputFault: names or shapes differ (the first difference is told), or with `partial` nothing fits at all.
    """
    state = model.state_dict(keep_vars=True)
    differences = _differences(state, weights)
    if differences and not partial:
        name, found, wanted = differences[0]
        raise InputFault(
            f"the weights in {printable(weights.source)} are of another network: {printable(name)} is {found}",
            expected=wanted,
            remedy="use the recipe they were trained with, or ask for a partial load to leave out what does not fit",
        )
    fitting = [name for name in state if name in weights.tensors and _fits(state[name], weights.tensors[name])]
    if not fitting:
        raise InputFault(
            f"nothing in {printable(weights.source)} fits this network",
            expected=f"tensors such as {', '.join(list(state)[:3])}",
            remedy="use the recipe the weights were trained with",
        )
    for name in fitting:
        state[name].copy_(weights.tensors[name])
    given = [*weights.tensors, *weights.unplaced]
    left_out = [(name, _why(state, weights, name)) for name in given if name not in fitting]
    return Loaded(tuple(fitting), tuple(name for name in state if name not in fitting), tuple(left_out))


def rescaled(
    weights: Weights,
    pixel_scale: float,
    first_layer: Callable[[Weights, Float[Tensor, 3]], tuple[str, Tensor] | None],
) -> Weights:
    """The same network for pixels divided by another number: the first layer's weights make up for it.

    Args:
        weights: the network's.
        pixel_scale: what centred pixels will be divided by.
        first_layer: tells, of weights and of the factors of the three colours, the name of the first layer's weights
            and what they are multiplied by; None if the network sees no scale.

    Raises:
        InputFault: it is not known how the weights' pixels were prepared, or the first layer cannot make up for it.
    """
    if weights.pixels is None:
        raise InputFault(
            f"{printable(weights.source)} does not say how pictures were prepared for it",
            expected="a run, what `epochal export` wrote, or weights in a layout of another library",
        )
    factors = torch.tensor([pixel_scale / scale for scale in weights.pixels.scale], dtype=torch.float64)
    if bool((factors == 1).all()):
        return weights
    pixels = replace(weights.pixels, scale=(float(pixel_scale),) * 3)
    found = first_layer(weights, factors)
    if found is None:
        return replace(weights, pixels=pixels)
    first, factor = found
    if first not in weights.tensors:
        raise InputFault(f"{printable(weights.source)} has no {first}", expected="the weights of a whole network")
    told = f"colours x {', '.join(f'{one:.4g}' for one in factors)} (pixels divided by {pixel_scale:g})"
    tensor = (weights.tensors[first].double() * factor).float()
    rows = (replace(row, done=(*row.done, told)) if row.name == first else row for row in weights.rows)
    return replace(weights, tensors={**weights.tensors, first: tensor}, rows=tuple(rows), pixels=pixels)


def _row(row: Mapped) -> str:
    name = printable(row.source) if row.source == row.name else f"{printable(row.source)} -> {printable(row.name)}"
    shape = " x ".join(map(str, row.shape)) or "a single number"
    return f"{name} ({shape})" + (f": {'; '.join(row.done)}" if row.done else "")


def _fits(wanted: Tensor, given: Tensor) -> bool:
    return wanted.shape == given.shape and wanted.is_floating_point() == given.is_floating_point()


def _differences(state: dict[str, Any], weights: Weights) -> list[tuple[str, str, str]]:
    """Name, what the weights have, what the network has; in the network's order, then what is too much."""
    found = []
    for name, wanted in state.items():
        given = weights.tensors.get(name)
        if given is None or not _fits(wanted, given):
            found.append((name, "missing" if given is None else _shape(given), _shape(wanted)))
    extra = [name for name in [*weights.tensors, *weights.unplaced] if name not in state]
    return found + [(name, "there", "no such tensor") for name in extra]


def _why(state: dict[str, Any], weights: Weights, name: str) -> str:
    if name not in state or name not in weights.tensors:
        return "the network has no such tensor"
    return f"{_shape(weights.tensors[name])}, the network has {_shape(state[name])}"


def _shape(tensor: Tensor) -> str:
    sides = " x ".join(map(str, tensor.shape)) or "a single number"
    return sides if tensor.is_floating_point() else f"{sides} of whole numbers"
