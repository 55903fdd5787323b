"""What only this landmark knows of exchange: whose weights these are, and how they become ours.

Normalisation bears torch's names (weight, bias, running_mean, running_var), so that either loads the other's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jaxtyping import Float
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.interop.layout import Layout
from epochal.interop.weights import Weights
from epochal.landmarks.batchnorm.inception import DEPTH_MULTIPLIER, FIGURE_5
from epochal.landmarks.batchnorm.recipe import MODULES, BatchNormRecipe, Module

# What can be read, and what can be written.
LAYOUTS = ("ours",)
WRITTEN = LAYOUTS


def layout_of(
    shapes: Mapping[str, tuple[int, ...]], *, kind: str = "", layers: str = "", wanted: str | None = None
) -> Layout:
    """The layout that names and shapes belong to.

    Args:
        shapes: the shape of each tensor by its name, prefixes taken off.
        kind: what sort of file they come from.
        layers: the names of all layers in their order, where the file has them.
        wanted: the layout to take them for; recognised if None.

    Raises:
        InputFault: they are of no known layout, or not of the wanted one.
    """
    if wanted is not None and wanted not in LAYOUTS:
        raise InputFault(f"no layout is called {printable(wanted)!r}", expected=", ".join(LAYOUTS))
    settings = _network(shapes) if kind != "caffe" else None
    if settings is None:
        shown = ", ".join(printable(name, 40) for name in list(shapes)[:4])
        raise InputFault(
            f"these weights are not in a layout known for batchnorm: {shown}, ...",
            expected="ours: fc1.weight ... of the dense network, inception3a.three.0.conv.weight ... of the others",
            remedy="export them from a run of this landmark",
        )
    return Layout("ours", {name: name for name in shapes}, settings=settings)


def _network(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """What names and shapes tell of the recipe; None if they are of no network of ours."""
    if any(0 in shape for shape in shapes.values()):
        return None
    normalised = any(name.endswith(".running_mean") for name in shapes)
    found: dict[str, Any] = {"batch_norm": normalised, **({} if normalised else {"population_batches": 0})}
    dense = [name for name in sorted(shapes) if name.startswith("fc") and name.endswith(".weight")]
    if "fc1.weight" in shapes:
        if any(len(shapes[name]) != 2 for name in dense):
            return None
        pixels = round(shapes["fc1.weight"][1] ** 0.5)
        hidden = [shapes[f"fc{number}.weight"][0] for number in range(1, len(dense)) if f"fc{number}.weight" in shapes]
        return {**found, "network": "mnist", "hidden": hidden, "crop": pixels, "stored_size": pixels}
    if "fc.weight" not in shapes or len(shapes.get("conv1.conv.weight", ())) != 4:
        return None
    if "depthwise.weight" in shapes:
        return {**found, "network": "inception"}
    modules = [name for name in MODULES if f"inception{name}.three.0.conv.weight" in shapes]
    if any(len(shapes.get(place, ())) != 4 for name in modules for place in _three(name)):
        return None
    return {**found, "network": "scaled", "modules": modules, "width": _width(shapes, modules)}


def _width(shapes: Mapping[str, tuple[int, ...]], modules: list[Module]) -> float:
    """The share of the paper's maps: in the midst of those that round to the maps found."""
    counts = [(192, shapes["conv1.conv.weight"][0])]
    for name in modules:
        for branch, place in _BRANCHES.items():
            if len(shape := shapes.get(f"inception{name}.{place}.conv.weight", ())) == 4:
                counts.append((getattr(FIGURE_5[name], branch), shape[0]))
    known = [(printed, maps) for printed, maps in counts if printed]
    low = max(((maps - 0.5) / printed for printed, maps in known if maps > 2), default=0.01)
    high = min((maps + 0.5) / printed for printed, maps in known)
    return (low + high) / 2


# Where the convolutions of Figure 5 lie in a module.
_BRANCHES = {
    "one": "one",
    "reduce": "three.0",
    "three": "three.1",
    "reduce_double": "double_three.0",
    "double": "double_three.1",
    "projected": "pool.1",
}


def _three(name: Module) -> tuple[str, str]:
    """The weights of a module's branch with one 3 x 3 convolution, which all modules have."""
    return f"inception{name}.three.0.conv.weight", f"inception{name}.three.1.conv.weight"


def in_layout(
    layout: str, tensors: dict[str, Tensor], recipe: BatchNormRecipe
) -> tuple[dict[str, Tensor], BatchNormRecipe]:
    """Our tensors in somebody's layout, and the recipe that they belong to there: there is ours only."""
    return tensors, recipe


def first_layer(weights: Weights, factors: Float[Tensor, 3]) -> tuple[str, Tensor]:
    """The first layer's weights, and what makes them see each colour multiplied by its factor.

    Raises:
        InputFault: a network of black-and-white pixels, or of the mean of the colours, cannot make up for it.
    """
    if "depthwise.weight" in weights.tensors:  # eight filters for each colour
        return "depthwise.weight", factors.repeat_interleave(DEPTH_MULTIPLIER)[:, None, None, None]
    if "conv1.conv.weight" in weights.tensors:
        return "conv1.conv.weight", factors[:, None, None]
    if weights.settings.get("binary") or len(set(factors.tolist())) > 1:
        raise InputFault(
            "a network of black-and-white pixels takes no others", expected="pixels divided by the same number"
        )
    return "fc1.weight", factors[0]
