"""What only this landmark knows of exchange: whose weights these are, and how they become ours.

Normalisation bears torch's names (weight, bias, running_mean, running_var), so that either loads the other's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.interop.layout import Layout
from epochal.interop.weights import Pixels, Weights
from epochal.landmarks.batchnorm.inception import DEPTH_MULTIPLIER, FIGURE_5
from epochal.landmarks.batchnorm.recipe import MODULES, BatchNormRecipe, Module

LAYOUTS = ("ours",)


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
    normalised = any(name.endswith(".running_mean") for name in shapes)
    found: dict[str, Any] = {"batch_norm": normalised, **({} if normalised else {"population_batches": 0})}
    dense = [name for name in sorted(shapes) if name.startswith("fc") and name.endswith(".weight")]
    if "fc1.weight" in shapes and len(shapes["fc1.weight"]) == 2:
        pixels = round(shapes["fc1.weight"][1] ** 0.5)
        hidden = [shapes[f"fc{number}.weight"][0] for number in range(1, len(dense)) if f"fc{number}.weight" in shapes]
        return {**found, "network": "mnist", "hidden": hidden, "crop": pixels, "stored_size": pixels}
    if "fc.weight" not in shapes or len(shapes.get("conv1.conv.weight", ())) != 4:
        return None
    if "depthwise.weight" in shapes:
        return {**found, "network": "inception"}
    modules = [name for name in MODULES if f"inception{name}.three.0.conv.weight" in shapes]
    return {**found, "network": "scaled", "modules": modules, "width": _width(shapes, modules)}


def _width(shapes: Mapping[str, tuple[int, ...]], modules: list[Module]) -> float:
    """The share of the paper's maps: in the midst of those that round to the maps found."""
    counts = [(192, shapes["conv1.conv.weight"][0])]
    for name in modules:
        reduced, wide = (shapes.get(f"inception{name}.three.{at}.conv.weight", (0,))[0] for at in (0, 1))
        counts += [(FIGURE_5[name].reduce, reduced), (FIGURE_5[name].three, wide)]
    low = max(((maps - 0.5) / printed for printed, maps in counts if maps > 2), default=0.01)
    high = min((maps + 0.5) / printed for printed, maps in counts)
    return (low + high) / 2


def own_layout(names: tuple[str, ...], settings: dict[str, Any], mean: Tensor | None) -> Layout:
    """The layout of weights that we wrote and whose recipe is known.

    Args:
        names: of the tensors.
        settings: the recipe.
        mean: the mean picture or the mean colour of the pictures they learned from, if it is known.

    Raises:
        InputFault: the settings are no recipe.
    """
    recipe = BatchNormRecipe.parse(settings)
    pixels = None
    if mean is not None:
        what = "picture" if mean.dim() == 3 else "colour"
        centred = f", minus the training set's mean {what}" if recipe.centre else ""
        told = f"RGB from 0 to 255{centred}, divided by {recipe.pixel_scale:g}"
        pixels = Pixels(mean, (recipe.pixel_scale,) * 3, recipe.stored_size, recipe.crop, told)
    return Layout("ours", {name: name for name in names}, settings=recipe.model_dump(mode="json"), pixels=pixels)


def in_layout(layout: str, tensors: dict[str, Tensor], settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """Our tensors in somebody's layout.

    Raises:
        InputFault: there is no such layout to write.
    """
    if layout not in LAYOUTS:
        raise InputFault(f"no layout to write is called {printable(layout)!r}", expected="ours")
    return tensors


def with_pixel_scale(weights: Weights, pixel_scale: float) -> Weights:
    """The same network for pixels divided by another number: the first layer's weights make up for it.

    Raises:
        InputFault: it is not known how the weights' pixels were prepared, or the first layer cannot make up for it.
    """
    if weights.pixels is None:
        raise InputFault(
            f"{printable(weights.source)} does not say how pictures were prepared for it",
            expected="a run, or an exported folder",
        )
    factors = torch.tensor([pixel_scale / scale for scale in weights.pixels.scale], dtype=torch.float64)
    if bool((factors == 1).all()):
        return weights
    first, factor = _first(weights, factors)
    told = f"colours x {', '.join(f'{one:.4g}' for one in factors)} (pixels divided by {pixel_scale:g})"
    rescaled = (weights.tensors[first].double() * factor).float()
    rows = (dataclasses.replace(row, done=(*row.done, told)) if row.name == first else row for row in weights.rows)
    pixels = dataclasses.replace(weights.pixels, scale=(float(pixel_scale),) * 3)
    return dataclasses.replace(weights, tensors={**weights.tensors, first: rescaled}, rows=tuple(rows), pixels=pixels)


def _first(weights: Weights, factors: Tensor) -> tuple[str, Tensor]:
    """The first layer's weights, and what each of them must be multiplied by."""
    if "depthwise.weight" in weights.tensors:  # eight filters for each colour
        return "depthwise.weight", factors.repeat_interleave(DEPTH_MULTIPLIER)[:, None, None, None]
    if "conv1.conv.weight" in weights.tensors:
        return "conv1.conv.weight", factors[:, None, None]
    if weights.settings.get("binary") or len(set(factors.tolist())) > 1:
        raise InputFault(
            "a network of black-and-white pixels takes no others", expected="pixels divided by the same number"
        )
    return "fc1.weight", factors[0]
