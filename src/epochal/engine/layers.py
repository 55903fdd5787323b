"""The layers of a network that have weights: which is the head, which can be frozen, what they amount to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest, printable


@dataclass(frozen=True)
class Layers:
    """A network's layers in their order. The last one is the head, which gives a score to each class.

    Attributes:
        model: the network.
        modules: the modules that each layer consists of, by the layer's name; a layer's normalisation belongs to it.
        groups: layers that go by one name, such as `convolutions`, besides `body`: all but the head.
    """

    model: nn.Module
    modules: Mapping[str, tuple[str, ...]]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def head(self) -> tuple[str, ...]:
        """The modules of the last layer."""
        return list(self.modules.values())[-1]

    @property
    def body(self) -> tuple[str, ...]:
        """The layers before the head."""
        return tuple(self.modules)[:-1]

    def chosen(self, names: Iterable[str]) -> list[str]:
        """The modules of the layers that are to be frozen.

        Raises:
            InputFault: the network has no such layer, or none would be left to train.
        """
        together = {"body": self.body, **self.groups}
        frozen: set[str] = set()
        for name in names:
            if name not in self.modules and name not in together:
                raise InputFault(
                    f"the network has no layer called {printable(name)!r} to freeze",
                    expected=nearest(name, [*self.modules, *together]),
                )
            frozen.update(together.get(name, (name,)))
        if frozen == set(self.modules):
            raise InputFault("all layers are frozen: none is left to train", expected="at least one layer that learns")
        return [module for name in self.modules if name in frozen for module in self.modules[name]]

    def sizes(self, freeze: Iterable[str]) -> tuple[int, int]:
        """How many numbers the network learns with these layers frozen, and how many it has.

        Raises:
            InputFault: the network has no such layer, or none would be left to train.
        """
        every = sum(parameter.numel() for parameter in self.model.parameters())
        parts = [self.model.get_submodule(name) for name in self.chosen(freeze)]
        kept = {id(parameter): parameter.numel() for part in parts for parameter in part.parameters()}
        return every - sum(kept.values()), every

    def outputs(self, tensors: Mapping[str, Tensor]) -> int:
        """How many classes the weights of such a network tell apart.

        Raises:
            InputFault: they have no last layer of this network.
        """
        last = f"{self.head[-1]}.weight"
        if last not in tensors or not tensors[last].dim():
            raise InputFault(f"the weights have no {last}", expected="all weights of the network, its last layer's too")
        return len(tensors[last])


def with_weights(model: nn.Module, layer_of: Callable[[str], str] = str) -> dict[str, tuple[str, ...]]:
    """The network's parts that have weights, in their order, put together into layers.

    Args:
        model: the network.
        layer_of: the layer that a part belongs to, by the part's name; each part is a layer of its own if left out.
    """
    found: dict[str, list[str]] = {}
    for name, module in model.named_children():
        if next(module.parameters(), None) is not None:
            found.setdefault(layer_of(name), []).append(name)
    return {layer: tuple(modules) for layer, modules in found.items()}
