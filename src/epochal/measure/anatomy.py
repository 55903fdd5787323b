"""A network's layers in words and numbers, and which layers of two networks stand for one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from jaxtyping import Shaped
from torch import Tensor, nn

from epochal.measure.cost import cost

T = TypeVar("T")

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
# What a layer is for, by a part of its kind's name; kinds that are none of these change each value for itself.
_ROLES = ("Conv", "Connected", "Linear", "Norm", "Pool", "Dropout")


@dataclass(frozen=True)
class Part:
    """A layer.

    Attributes:
        name: the module's name in the network.
        kind: its class.
        form: its size and steps, in words.
        shape: its output's shape without the batch.
        parameters: how many numbers it owns.
        multiply_adds: multiplications of a weight by an input, for one sample; None if we cannot count this kind.
    """

    name: str
    kind: str
    form: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int | None

    @property
    def role(self) -> str:
        """What it is for, whichever kind does it."""
        return next((role for role in _ROLES if role in self.kind), "function")


def anatomy(model: nn.Module, inputs: Shaped[Tensor, " N *size"]) -> tuple[Part, ...]:
    """The layers in the order in which they run; those that do nothing are left out.

    Args:
        model: any network that runs on torch's meta device; it may be there already.
        inputs: a batch of the right shape; its values do not matter.
    """
    modules = {name or type(model).__name__: module for name, module in model.named_modules()}
    return tuple(
        Part(layer.name, layer.kind, _form(modules[layer.name]), layer.shape, layer.parameters, layer.multiply_adds)
        for layer in cost(model, inputs).layers
        if layer.shape and not isinstance(modules[layer.name], nn.Identity)
    )


def _form(module: nn.Module) -> str:
    """The numbers that a layer is made with, without those that follow from its input and output."""
    if isinstance(module, _CONVOLUTIONS):
        said = [" x ".join(map(str, module.kernel_size)), *_unless("stride", module.stride, 1)]
        said += _unless("padding", module.padding, 0) + _unless("dilation", module.dilation, 1)
        return ", ".join(said + ([f"{module.groups} groups"] if module.groups > 1 else []))
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        side = module.kernel_size if isinstance(module.kernel_size, int) else module.kernel_size[0]
        said = [f"{side} x {side}", *_unless("stride", module.stride, 1), *_unless("padding", module.padding, 0)]
        return ", ".join(said + (["hanging over the edge"] if module.ceil_mode else []))
    if isinstance(module, nn.Linear):
        return f"{module.in_features:,} inputs"
    return module.extra_repr()


def _unless(name: str, value: object, usual: int) -> list[str]:
    """A number where it is not the usual one; of two that are the same one is told."""
    numbers = value if isinstance(value, tuple) else (value,)
    if all(number == usual for number in numbers):
        return []
    return [f"{name} {' x '.join(map(str, numbers)) if len(set(numbers)) > 1 else numbers[0]}"]


def likeness(first: Part, second: Part) -> float:
    """How well two layers stand for one another; 0 if they do not."""
    if first.role != second.role:
        return 0.0
    same = (first.kind == second.kind, first.name == second.name, first.shape == second.shape)
    return 1.0 + sum(same) / 2


def aligned(
    first: Sequence[T], second: Sequence[T], likeness: Callable[[T, T], float]
) -> list[tuple[T | None, T | None]]:
    """Two sequences side by side in their order, so that the likenesses of the pairs add up to as much as they can.

    Args:
        first: the one at the left.
        second: the one at the right.
        likeness: of two elements; those with 0 are never paired. Of equal sums that with the earliest pairs is taken.
    """
    best = [[0.0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) - 1, -1, -1):
        for j in range(len(second) - 1, -1, -1):
            alike = likeness(first[i], second[j])
            best[i][j] = max(best[i + 1][j], best[i][j + 1], alike + best[i + 1][j + 1] if alike else 0.0)
    pairs: list[tuple[T | None, T | None]] = []
    i = j = 0
    while i < len(first) or j < len(second):
        alike = likeness(first[i], second[j]) if i < len(first) and j < len(second) else 0.0
        if alike and best[i][j] == alike + best[i + 1][j + 1]:
            pairs.append((first[i], second[j]))
            i, j = i + 1, j + 1
        elif i < len(first) and best[i][j] == best[i + 1][j]:
            pairs.append((first[i], None))
            i += 1
        else:
            pairs.append((None, second[j]))
            j += 1
    return pairs
