"""A layer in pieces, each on its own device, that is saved and loaded as the whole layer.

Each piece holds some rows (output units) of every weight. A checkpoint never shows the pieces: whatever was trained in
pieces can go on in one, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Pieces(nn.ModuleList):
    """Layers of the same kind whose weights, put under one another, are those of one layer.

    Its `state_dict` is that of the one layer, and loads as such.

    Args:
        pieces: the layers, in the order of their rows.
    """

    def __init__(self, pieces: Iterable[nn.Module]) -> None:
        super().__init__(pieces)
        self.register_state_dict_post_hook(_save_whole)
        self.register_load_state_dict_pre_hook(_load_pieces)


def whole_parameters(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The parameters under the names they are saved by, each as the list of its pieces; most have one."""
    within = {
        f"{name}.{piece}.": f"{name}."
        for name, module in model.named_modules()
        if isinstance(module, Pieces)
        for piece, _ in module.named_children()
    }
    found: dict[str, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        layer, dot, last = name.rpartition(".")
        found.setdefault(within.get(layer + dot, layer + dot) + last, []).append(parameter)
    return found


def joined(pieces: Sequence[Tensor]) -> Tensor:
    """The rows of all pieces under one another; what has no rows, such as a count, is the same in each."""
    if len(pieces) == 1 or pieces[0].ndim == 0:
        return pieces[0]
    # Where the pieces are apart, no device need have room for all of them.
    there = pieces[0].device if len({piece.device for piece in pieces}) == 1 else torch.device("cpu")
    return torch.cat([piece.detach().to(there) for piece in pieces])


def divided(whole: Tensor, pieces: Sequence[Tensor]) -> list[Tensor]:
    """The rows of `whole` that belong to each of the pieces.

    Raises:
        ValueError: there are more or fewer rows than in the pieces together.
    """
    if len(pieces) == 1 or whole.ndim == 0:
        return [whole] * len(pieces)
    rows = [len(piece) for piece in pieces]
    if len(whole) != sum(rows):
        raise ValueError(f"{len(whole)} rows for pieces of {rows}")
    return list(whole.split(rows))


def _save_whole(module: nn.Module, state: dict[str, Any], prefix: str, metadata: dict[str, Any]) -> None:
    pieces = dict(module.named_children())
    for name in next(iter(pieces.values())).state_dict():
        state[prefix + name] = joined([state.pop(f"{prefix}{piece}.{name}") for piece in pieces])


def _load_pieces(module: nn.Module, state: dict[str, Any], prefix: str, *unused: Any) -> None:
    pieces = {piece: layer.state_dict() for piece, layer in module.named_children()}
    for name in next(iter(pieces.values())):
        if prefix + name not in state:
            continue  # load_state_dict tells what is missing
        parts = divided(state.pop(prefix + name), [held[name] for held in pieces.values()])
        for piece, part in zip(pieces, parts, strict=True):
            state[f"{prefix}{piece}.{name}"] = part
