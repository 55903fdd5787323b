"""What only these nets know of exchange: whose weights these are, and how they become ours.

Three layouts. `ours` has our names. `scaled` has them too, but is for nets without dropout: the weights behind each
dropped layer are multiplied by its retention, the paper's p w (Figure 2), so that a plain stack of dense layers answers
as ours does. Read back, such weights are those of a net with inverted dropout, which scales nothing in use.
`sequential` is a plain `torch.nn.Sequential` of dense layers, whose numbered names become fc1, fc2, ...
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.interop.layout import Layout
from epochal.interop.weights import Pixels, Weights
from epochal.landmarks.dropout.model import of_layers
from epochal.landmarks.dropout.recipe import DropoutRecipe

LAYOUTS = ("ours", "scaled", "sequential")


def layout_of(
    shapes: Mapping[str, tuple[int, ...]], *, kind: str = "", layers: str = "", wanted: str | None = None
) -> Layout:
    """The layout that names and shapes belong to.

    Args:
        shapes: the shape of each tensor by its name, prefixes taken off.
        kind: what sort of file they come from.
        layers: the names of all layers in their order, where the file has them.
        wanted: the layout to take them for; recognised if None. `scaled` is never recognised: its names are ours.

    Raises:
        InputFault: they are of no known layout, or not of the wanted one.
    """
    if wanted is not None and wanted not in LAYOUTS:
        raise InputFault(f"no layout is called {printable(wanted)!r}", expected=", ".join(LAYOUTS))
    sequential, settings = _sequential(shapes), _settings(shapes)
    if sequential is not None and wanted in (None, "sequential"):
        return sequential
    if settings is not None and wanted in (None, "ours"):
        return Layout("ours", {name: name for name in shapes}, settings=settings)
    if settings is not None and wanted == "scaled":
        return Layout("scaled", {name: name for name in shapes}, settings={**settings, "noise": "inverted"})
    shown = ", ".join(printable(name, 40) for name in list(shapes)[:4])
    raise InputFault(
        f"these weights are not in {f'the layout {wanted}' if wanted else 'a layout known for dropout'}: {shown}, ...",
        expected="ours (fc1.weight, fc1.bias, ...) or those of a torch.nn.Sequential of dense layers (0.weight, ...)",
        remedy="rename them, or export them from a network of one of these",
    )


def own_layout(names: tuple[str, ...], settings: dict[str, Any], mean: Tensor | None) -> Layout:
    """The layout of weights that we wrote and whose recipe is known.

    Args:
        names: of the tensors.
        settings: the recipe.
        mean: the mean picture or the mean colour that was subtracted, if it is known.

    Raises:
        InputFault: the settings are no recipe.
    """
    recipe = DropoutRecipe.parse(settings)
    pixels = None
    if mean is not None:
        minus = ", minus the training set's mean" if recipe.centred else ""
        told = f"RGB from 0 to 255{minus}, divided by {recipe.pixel_scale:g}"
        pixels = Pixels(mean, (recipe.pixel_scale,) * 3, recipe.stored_size, recipe.crop, told)
    return Layout("ours", {name: name for name in names}, settings=recipe.model_dump(mode="json"), pixels=pixels)


def in_layout(layout: str, tensors: dict[str, Tensor], settings: Mapping[str, Any]) -> dict[str, Tensor]:
    """Our tensors in somebody's layout.

    Raises:
        InputFault: there is no such layout to write.
    """
    if layout not in ("ours", "scaled"):
        raise InputFault(f"no layout to write is called {printable(layout)!r}", expected="ours or scaled")
    return tensors if layout == "ours" else _scaled(tensors, DropoutRecipe.parse(dict(settings)))


def _scaled(tensors: dict[str, Tensor], recipe: DropoutRecipe) -> dict[str, Tensor]:
    """The weights of the net in use: what each layer takes in is multiplied by its retention (Figure 2)."""
    if recipe.noise != "dropout":  # the other forms scale in training
        return tensors
    weights = [name for name in tensors if re.fullmatch(r"(conv|fc)\d+\.weight", name)]
    kept = of_layers(recipe.retention, len(weights))
    found = dict(tensors)
    for name, retention in zip(weights, kept, strict=True):
        found[name] = (tensors[name].double() * retention).float()
    return found


def with_pixel_scale(weights: Weights, pixel_scale: float) -> Weights:
    """The same network for pixels divided by another number: the first layer's weights make up for it.

    Raises:
        InputFault: it is not known how the weights' pixels were prepared.
    """
    if weights.pixels is None:
        raise InputFault(
            f"{printable(weights.source)} does not say how pictures were prepared for it",
            expected="a run, an exported folder, or a torch.nn.Sequential",
        )
    factor = pixel_scale / weights.pixels.scale[0]  # one for all colours, in every layout here
    if factor == 1:
        return weights
    pixels = dataclasses.replace(weights.pixels, scale=(float(pixel_scale),) * 3)
    if "whiten.matrix" in weights.tensors:  # the contrast is normalised: no scale is left
        return dataclasses.replace(weights, pixels=pixels)
    first = next(name for name in ("fc1.weight", "conv1.weight") if name in weights.tensors)
    told = f"x {factor:.4g} (pixels divided by {pixel_scale:g})"
    rescaled = (weights.tensors[first].double() * factor).float()
    rows = tuple(dataclasses.replace(row, done=(*row.done, told)) if row.name == first else row for row in weights.rows)
    return dataclasses.replace(weights, tensors={**weights.tensors, first: rescaled}, rows=rows, pixels=pixels)


def _sequential(shapes: Mapping[str, tuple[int, ...]]) -> Layout | None:
    places = sorted(int(name.removesuffix(".weight")) for name in shapes if re.fullmatch(r"\d{1,6}\.weight", name))
    expected = {f"{place}.{kind}" for place in places for kind in ("weight", "bias")}
    if not places or set(shapes) != expected or any(len(shapes[f"{place}.weight"]) != 2 for place in places):
        return None
    names = {
        f"{place}.{kind}": f"fc{number}.{kind}" for number, place in enumerate(places, 1) for kind in ("weight", "bias")
    }
    settings = _settings({names[name]: shape for name, shape in shapes.items()})
    if settings is None:
        return None
    side = settings["crop"]
    told = f"gray from 0 to 1, {side} x {side}, nothing subtracted"
    return Layout(
        "sequential",
        names,
        settings={**settings, "noise": "inverted", "pixel_scale": 255.0},
        pixels=Pixels(torch.zeros(3), (255.0,) * 3, side, side, told),
        notes=("of a Sequential the activation and the pictures' preparation are assumed: ReLU, gray from 0 to 1",),
    )


def _settings(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any] | None:
    """What names and shapes tell of the recipe; None if they are of no net here."""
    dense = sorted(
        (name for name in shapes if re.fullmatch(r"fc\d{1,4}\.weight", name)), key=lambda name: int(name[2:-7])
    )
    sides = [shapes[name] for name in dense]
    if not dense or any(len(side) != 2 for side in sides):
        return None
    units = [side[0] for side in sides[:-1]]
    convolutions = [shapes.get(f"conv{place}.weight", ()) for place in (1, 2, 3)]
    if all(len(side) == 4 for side in convolutions) and len(units) == 2:
        maps = [side[0] for side in convolutions]
        size = 8 * round((sides[0][1] / maps[2]) ** 0.5)
        whiten = "whiten.matrix" in shapes
        return {"network": "conv", "maps": maps, "units": units, "whiten": whiten, "stored_size": size, "crop": size}
    seen = sides[0][1]
    gray = round(seen**0.5) ** 2 == seen
    size = round((seen if gray else seen / 3) ** 0.5)
    if size**2 * (1 if gray else 3) != seen:
        return None
    found = {"network": "dense", "units": units, "gray": gray, "stored_size": size, "crop": size}
    return found if units else {**found, "retention": [1.0]}  # the usual retentions are those of hidden layers too
