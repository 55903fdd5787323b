"""What only these nets know of exchange: whose weights these are, and how they become ours.

Three layouts. `ours` has our names. `scaled` has them too, but is for nets without dropout: the weights behind each
dropped layer are multiplied by its retention, the paper's p w (Figure 2), so that a plain stack of dense layers answers
as ours does. Read back, such weights are those of a net with inverted dropout, which scales nothing in use.
`sequential` is a plain `torch.nn.Sequential` of dense layers, whose numbered names become fc1, fc2, ...
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.interop.layout import Layout
from epochal.interop.weights import Pixels, Weights
from epochal.landmarks.dropout.model import of_layers
from epochal.landmarks.dropout.recipe import DropoutRecipe

# What can be read, and what can be written.
LAYOUTS = ("ours", "scaled", "sequential")
WRITTEN = ("ours", "scaled")


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


def in_layout(
    layout: str, tensors: dict[str, Tensor], recipe: DropoutRecipe
) -> tuple[dict[str, Tensor], DropoutRecipe]:
    """Our tensors in somebody's layout, and the recipe that they belong to there.

    Scaled weights are those of the net in use: what each layer takes in is multiplied by its retention (Figure 2). The
    other forms of the noise scale in training, and there is nothing to do.
    """
    if layout == "ours" or recipe.noise != "dropout":
        return tensors, recipe
    weights = [name for name in tensors if re.fullmatch(r"(conv|fc)\d+\.weight", name)]
    kept = of_layers(recipe.retention, len(weights))
    found = dict(tensors)
    for name, retention in zip(weights, kept, strict=True):
        found[name] = (tensors[name].double() * retention).float()
    return found, recipe.replace(noise="inverted")


def first_layer(weights: Weights, factors: Float[Tensor, 3]) -> tuple[str, Tensor] | None:
    """The first layer's weights, and what makes them see each colour multiplied by its factor.

    None where the contrast is normalised and no scale is left.

    Raises:
        InputFault: the colours, whose mean is seen, would be scaled differently.
    """
    if "whiten.matrix" in weights.tensors:
        return None
    if "conv1.weight" in weights.tensors:
        return "conv1.weight", factors[:, None, None]
    if len(set(factors.tolist())) > 1:
        raise InputFault("a dense net sees all colours at one scale", expected="pixels divided by the same number")
    return "fc1.weight", factors[0]


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
    if any(0 in shape for shape in shapes.values()):
        return None
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
        if maps[2] * (size // 8) ** 2 != sides[0][1]:
            return None
        whiten = "whiten.matrix" in shapes
        return {"network": "conv", "maps": maps, "units": units, "whiten": whiten, "stored_size": size, "crop": size}
    seen = sides[0][1]
    gray = round(seen**0.5) ** 2 == seen
    size = round((seen if gray else seen / 3) ** 0.5)
    if size**2 * (1 if gray else 3) != seen:
        return None
    found = {"network": "dense", "units": units, "gray": gray, "stored_size": size, "crop": size}
    return found if units else {**found, "retention": [1.0]}  # the usual retentions are those of hidden layers too
