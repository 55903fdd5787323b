"""Which part of the picture a unit sees, asked of the network itself.

A value that is no number (NaN) in one row of the picture comes out of every unit that looks at that row and of no
other: sums, products, maxima and normalisations all hand it on, whatever its weight. So one pass for each row and one
for each column tell, exactly, where every unit of every layer looks: through strides, paddings, poolings that hang over
the edge, branches and layers of any kind, without knowing any of them.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int64, Shaped
from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest, printable

_BATCH = 32


@dataclass(frozen=True)
class ReceptiveField:
    """Where the units of a layer look; the same for all maps of the layer.

    Attributes:
        rows: for each row of the layer's maps, the first row of the picture that is seen and the one after the last.
        columns: the same for each column.
    """

    rows: Int64[np.ndarray, "h 2"]
    columns: Int64[np.ndarray, "w 2"]

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """The part of the picture that the unit at (row, column) sees: top, left, bottom, right."""
        (top, bottom), (left, right) = self.rows[row].tolist(), self.columns[column].tolist()
        return top, left, bottom, right

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the largest part that a unit sees; at the border it sees less."""
        return int(np.ptp(self.rows, axis=1).max()), int(np.ptp(self.columns, axis=1).max())


class _Enough(Exception):  # noqa: N818 (no error: it ends a pass when the last layer asked for has answered)
    pass


def receptive_fields(
    model: nn.Module, inputs: Shaped[Tensor, "1 C H W"], layers: Sequence[str]
) -> dict[str, ReceptiveField]:
    """Where the units of convolutional layers look.

    Args:
        model: any network; a copy of it runs, on the CPU, where convolutions keep to the places they should see.
        inputs: one picture of the right size; its values do not matter.
        layers: names of modules that answer with maps [B, C, h, w].

    Raises:
        InputFault: a name is unknown, or that layer does not answer with maps.
    """
    if not layers:
        return {}
    twin = copy.deepcopy(model).to("cpu", torch.float32).eval()
    modules = dict(twin.named_modules())
    for name in layers:
        if name not in modules:
            raise InputFault(f"the network has no layer called {printable(name)!r}", expected=nearest(name, modules))
    seen = {axis: _seen(twin, inputs.shape, layers, axis) for axis in (2, 3)}
    return {name: ReceptiveField(_ends(seen[2][name]), _ends(seen[3][name])) for name in layers}


def _seen(
    twin: nn.Module, shape: torch.Size, layers: Sequence[str], axis: int
) -> dict[str, Bool[np.ndarray, "pixels units"]]:
    """For each layer, whether a line of the picture reaches a line of the layer's maps, along one axis."""
    found: dict[str, list[Tensor]] = {name: [] for name in layers}
    waiting: set[str] = set()

    def keep(name: str, output: object) -> None:
        if not isinstance(output, Tensor) or output.dim() != 4:
            raise InputFault(f"the layer {name!r} has no maps", expected="a convolution, or a layer between two")
        reached = output.isnan().any(1)  # N, h, w
        found[name].append(reached.any(5 - axis - 1))
        waiting.discard(name)
        if not waiting:
            raise _Enough

    modules = dict(twin.named_modules())
    handles = [modules[n].register_forward_hook(lambda _m, _a, output, n=n: keep(n, output)) for n in layers]
    try:
        for start in range(0, shape[axis], _BATCH):
            count = min(_BATCH, shape[axis] - start)
            pictures = torch.zeros(count, *shape[1:])
            lines = torch.arange(count)
            pictures.movedim(axis, 1)[lines, start + lines] = torch.nan
            waiting.update(layers)
            try:
                with torch.no_grad():
                    twin(pictures)
            except _Enough:
                continue
            raise InputFault(f"the layer {min(waiting)!r} did not run", expected="a layer that every picture passes")
    finally:
        for handle in handles:
            handle.remove()
    return {name: torch.cat(parts).numpy() for name, parts in found.items()}


def _ends(seen: Bool[np.ndarray, "pixels units"]) -> Int64[np.ndarray, "units 2"]:
    """The first line that each unit sees and the one after the last; an empty range for a unit that sees padding."""
    first = seen.argmax(0)
    after = len(seen) - seen[::-1].argmax(0)
    ends: Int64[np.ndarray, "units 2"] = np.stack([first, np.where(seen.any(0), after, first)], axis=1).astype(np.int64)
    return ends
