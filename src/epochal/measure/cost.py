"""What a network costs: parameters and multiply-adds of every layer.

The network is copied onto torch's meta device, which has shapes and no numbers, and run there once: nothing is
computed, no random number is drawn, and the network itself is not touched. Forward hooks read the shapes. Convolutions
and dense layers are counted (biases are not multiplications); a layer of another kind that owns a matrix is named as
uncounted rather than taken for free.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import torch
from jaxtyping import Shaped
from torch import Tensor, nn

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


@dataclass(frozen=True)
class LayerCost:
    """The cost of one layer for one sample.

    Attributes:
        name: the module's name in the network.
        kind: its class.
        shape: its output's shape without the batch; of the last call where it is used several times.
        parameters: how many numbers it owns; a tensor that layers share is counted in the first.
        multiply_adds: multiplications of a weight by an input, over all calls; None if we cannot count this kind.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    multiply_adds: int | None


@dataclass(frozen=True)
class Cost:
    """The layers in the order they first ran."""

    layers: tuple[LayerCost, ...]

    @property
    def parameters(self) -> int:
        """All parameters of the layers that ran."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """All multiply-adds that could be counted, for one sample."""
        return sum(layer.multiply_adds or 0 for layer in self.layers)

    @property
    def uncounted(self) -> tuple[str, ...]:
        """Layers whose multiply-adds are missing from the total."""
        return tuple(layer.name for layer in self.layers if layer.multiply_adds is None)


def cost(model: nn.Module, inputs: Shaped[Tensor, " N *size"]) -> Cost:
    """Count the parameters and multiply-adds of each layer, for one sample.

    Args:
        model: any network that runs on torch's meta device, that is, whose flow does not depend on values.
        inputs: a batch of the right shape and type; its values do not matter, `torch.empty(1, 3, 227, 227)` will do.
    """
    twin = _without_numbers(model)
    layers: dict[str, LayerCost] = {}
    counted: set[int] = set()

    def watch(name: str, module: nn.Module) -> None:
        def hook(module: nn.Module, args: tuple[object, ...], output: object) -> None:
            own = [p for p in module.parameters(recurse=False) if id(p) not in counted]
            counted.update(id(p) for p in own)
            earlier = layers.get(name)
            products = _multiply_adds(module, args, output)
            if earlier is not None and products is not None:
                products += earlier.multiply_adds or 0
            layers[name] = LayerCost(
                name=name,
                kind=type(module).__name__,
                shape=tuple(output.shape[1:]) if isinstance(output, Tensor) else (),
                parameters=sum(p.numel() for p in own) + (earlier.parameters if earlier else 0),
                multiply_adds=products,
            )

        module.register_forward_hook(hook)

    for name, module in twin.named_modules():
        is_layer = not list(module.children()) or list(module.parameters(recurse=False))
        if is_layer:
            watch(name or type(module).__name__, module)
    with torch.no_grad():
        twin(torch.empty_like(inputs, device="meta"))
    return Cost(tuple(layers.values()))


def _without_numbers(model: nn.Module) -> nn.Module:
    """A copy of the network in evaluation mode whose tensors have shapes only; sharing is kept."""
    memo: dict[int, object] = {}
    for parameter in model.parameters():
        memo[id(parameter)] = nn.Parameter(parameter.detach().to("meta"), requires_grad=False)
    for buffer in model.buffers():
        memo[id(buffer)] = buffer.detach().to("meta")
    return copy.deepcopy(model, memo).eval()


def _multiply_adds(module: nn.Module, args: tuple[object, ...], output: object) -> int | None:
    """Products of weights and inputs in one call, for one sample; None for an unknown layer that owns a matrix."""
    source = args[0] if args else None
    if isinstance(source, Tensor) and isinstance(output, Tensor):
        samples = max(1, source.shape[0])
        if isinstance(module, _CONVOLUTIONS):
            return output.numel() // samples * (module.in_channels // module.groups) * math.prod(module.kernel_size)
        if isinstance(module, _TRANSPOSED):
            return source.numel() // samples * (module.out_channels // module.groups) * math.prod(module.kernel_size)
        if isinstance(module, nn.Linear):
            return output.numel() // samples * module.in_features
    if isinstance(module, nn.Embedding):  # a table is looked up, not multiplied
        return 0
    return None if any(p.dim() > 1 for p in module.parameters(recurse=False)) else 0
