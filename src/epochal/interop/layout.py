"""A layout: the names and conventions that somebody's weights have, and how they become ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.interop.stored import Stored
from epochal.interop.weights import Mapped, Pixels, Weights

# What wrappers put before every name: DataParallel, torch.compile, Lightning modules and scripts.
PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")


@dataclass(frozen=True)
class Change:
    """Something that is done to a tensor: in words, and in numbers."""

    told: str
    apply: Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Layout:
    """How somebody's weights become ours.

    Attributes:
        name: whose layout it is.
        names: their names and ours.
        changes: what is done, by our names.
        settings: the recipe's settings that go with it.
        pixels: how pictures must be prepared, if the layout fixes it.
        notes: what a person should know.
        absent: tensors by our names that such files may lack, and what they are then.
    """

    name: str
    names: dict[str, str]
    changes: dict[str, tuple[Change, ...]] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    pixels: Pixels | None = None
    notes: tuple[str, ...] = ()
    absent: dict[str, Tensor] = field(default_factory=dict)


def own(names: Iterable[str], settings: Mapping[str, Any], mean: Tensor | None) -> Layout:
    """The layout of weights that we wrote and whose recipe is known.

    Args:
        names: of the tensors.
        settings: all of the recipe's.
        mean: the mean picture or the mean colour that is subtracted, if it is known; zero: nothing is.
    """
    pixels = None
    if mean is not None:
        what = f"the training set's mean {'picture' if mean.dim() == 3 else 'colour'}" if mean.any() else "nothing"
        scale = float(settings["pixel_scale"])
        told = f"RGB from 0 to 255, minus {what}, divided by {scale:g}"
        pixels = Pixels(mean, (scale,) * 3, settings["stored_size"], settings["crop"], told)
    return Layout("ours", {name: name for name in names}, settings=dict(settings), pixels=pixels)


def common_prefix(names: Iterable[str]) -> str:
    """What wrappers put before every one of the names, such as `module.model.`."""
    left, prefix = list(names), ""
    while found := next((one for one in PREFIXES if left and all(name.startswith(one) for name in left)), None):
        prefix += found
        left = [name.removeprefix(found) for name in left]
    return prefix


def remapped(stored: Stored, layout: Layout, prefix: str = "", classes: tuple[str, ...] | None = None) -> Weights:
    """Read the tensors that the layout has a place for, and make them ours.

    Args:
        stored: the file.
        layout: its layout, in names without the prefix.
        prefix: what stands before every name in the file.
        classes: the classes' names, if they are known.

    Raises:
        InputFault: a tensor cannot be read, or holds what is no number.
    """
    tensors: dict[str, Tensor] = {}
    rows = []
    unplaced = []
    for source in stored.tensors:
        name = layout.names.get(source.removeprefix(prefix))
        if name is None:
            unplaced.append(source)
            continue
        tensors[name], done = _made_ours(stored, source, layout.changes.get(name, ()))
        rows.append(Mapped(source, name, tuple(tensors[name].shape), done))
    for name in (name for name in layout.absent if name not in tensors):
        tensors[name] = layout.absent[name].clone()
        rows.append(Mapped("nothing", name, tuple(tensors[name].shape), ("the file has none: as before training",)))
    notes = (f"the prefix {prefix!r} of every name was taken off",) if prefix else ()
    return Weights(
        source=str(stored.path),
        layout=layout.name,
        tensors=tensors,
        rows=tuple(rows),
        settings=layout.settings,
        pixels=layout.pixels,
        classes=classes,
        unplaced=tuple(unplaced),
        notes=(*notes, *layout.notes),
    )


def _made_ours(stored: Stored, source: str, changes: tuple[Change, ...]) -> tuple[Tensor, tuple[str, ...]]:
    tensor = stored.read(source)
    check_finite(str(stored.path), source, tensor)
    done = [change.told for change in changes]
    if tensor.is_floating_point() and tensor.dtype != torch.float32:
        done.insert(0, f"{str(tensor.dtype).removeprefix('torch.')} to float32")
    for change in changes:
        tensor = change.apply(tensor)
    if tensor.is_floating_point():
        tensor = tensor.float()
        check_finite(str(stored.path), source, tensor)
    return tensor.contiguous(), tuple(done)


def check_finite(place: str, name: str, tensor: Tensor) -> None:
    """Refuse weights that are no numbers: every answer of the network would be none.

    Raises:
        InputFault: the tensor holds NaN or infinity.
    """
    bad = tensor.numel() - int(torch.isfinite(tensor).sum())
    if bad:
        raise InputFault(
            f"{printable(place)}: {printable(name)} holds {bad:,} numbers that are not finite",
            expected="finite numbers",
            remedy="use weights from before the training went wrong",
        )
