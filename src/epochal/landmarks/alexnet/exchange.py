"""What only AlexNet knows of exchange: whose weights these are, and how they become ours.

torchvision's network has our single tower's names; its pixels are divided by a deviation for each colour. Caffe's
AlexNet (and its later converts) differs in four ways that the weights can make up for, so that the paper's network
answers as Caffe's does: the first layer reads BGR; dropout doubles in training instead of halving in use, so what
follows it is doubled; its response normalisation has k = 1 and divides alpha by 5, which a change of unit undoes (see
`_other_norm`). Nothing is to be done for its dense layers, which unroll maps, rows, columns as torch does, nor for its
groups, which lie in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.interop.layout import Change, Layout
from epochal.interop.weights import Pixels, Weights
from epochal.landmarks.alexnet.recipe import AlexNetRecipe

LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
TORCHVISION = tuple(
    f"{layer}.{kind}"
    for layer in (*(f"features.{place}" for place in (0, 3, 6, 8, 10)), *(f"classifier.{place}" for place in (1, 4, 6)))
    for kind in ("weight", "bias")
)
# What can be read, and what can be written.
LAYOUTS = ("ours", "torchvision", "caffe")
WRITTEN = ("ours", "torchvision")

# The mean colour and deviations of ImageNet, for pixels from 0 to 1, that torchvision's weights expect.
_TORCHVISION_MEAN = (0.485, 0.456, 0.406)
_TORCHVISION_DEVIATION = (0.229, 0.224, 0.225)
# The mean colour of Caffe's mean file (ilsvrc12), here red first.
_CAFFE_MEAN = (122.67891434, 116.66876762, 104.00698793)

# The paper's network in full, without which the changes below would be wrong.
_CAFFE_SETTINGS = {
    "network": "paper",
    "activation": "relu",
    "lrn": True,
    "overlap": True,
    "columns": 2,
    "without": None,
    "dropout": True,
    "stored_size": 256,
    "crop": 227,
}

# LRN: the constant, and the weight of each square.
_OUR_NORM = (2.0, 1e-4)
_CAFFE_NORM = (1.0, 1e-4 / 5)
_POWER = 0.75


def layout_of(
    shapes: Mapping[str, tuple[int, ...]], *, kind: str = "", layers: str = "", wanted: str | None = None
) -> Layout:
    """The layout that names and shapes belong to.

    Args:
        shapes: the shape of each tensor by its name, prefixes taken off.
        kind: what sort of file they come from; `caffe` settles it.
        layers: the names of all layers in their order, where the file has them.
        wanted: the layout to take them for; recognised if None.

    Raises:
        InputFault: they are of no known layout, or not of the wanted one.
    """
    if wanted is not None and wanted not in LAYOUTS:
        raise InputFault(f"no layout is called {printable(wanted)!r}", expected=", ".join(LAYOUTS))
    recognised = {
        "torchvision": _torchvision(shapes),
        "caffe": _caffe(shapes, layers, certain=kind == "caffe" or wanted == "caffe"),
        "ours": _ours(shapes) if kind != "caffe" else None,
    }
    for name, layout in recognised.items():
        if layout is not None and wanted in (None, name):
            return layout
    shown = ", ".join(printable(name, 40) for name in list(shapes)[:4])
    raise InputFault(
        f"these weights are not in {f'the layout {wanted}' if wanted else 'a layout known for alexnet'}: {shown}, ...",
        expected="ours (conv1.weight ... fc8.bias), torchvision's (features.0.weight ...) or Caffe's (conv1.0 ...)",
        remedy="rename them, or export them from a network of one of these",
    )


def in_layout(
    layout: str, tensors: dict[str, Tensor], recipe: AlexNetRecipe
) -> tuple[dict[str, Tensor], AlexNetRecipe]:
    """Our tensors in somebody's layout, and the recipe that they belong to there.

    Raises:
        InputFault: the layout has no network like this one.
    """
    if layout == "torchvision" and recipe.network != "torchvision":
        raise InputFault(
            f"torchvision has no network like {recipe.network!r}: its alexnet is the single tower of 2014",
            expected="a run of a recipe with network=torchvision",
            remedy="export with the layout ours",
        )
    # The single tower bears torchvision's names with us too.
    return tensors, recipe


def first_layer(weights: Weights, factors: Float[Tensor, 3]) -> tuple[str, Tensor]:
    """The first layer's weights, and what makes them see each colour multiplied by its factor."""
    name = "features.0.weight" if "features.0.weight" in weights.tensors else "conv1.weight"
    return name, factors[:, None, None]


def _torchvision(shapes: Mapping[str, tuple[int, ...]]) -> Layout | None:
    # torch's ImageNet example trains AlexNet with a DataParallel around the convolutions only.
    names = {form: name for name in TORCHVISION for form in (name, name.replace("features.", "features.module."))}
    first = shapes.get("features.0.weight", shapes.get("features.module.0.weight", ()))
    if len(first) != 4 or not {"features.3.weight", "features.module.3.weight"} & set(shapes):
        return None
    scale = tuple(255 * deviation for deviation in _TORCHVISION_DEVIATION)
    told = (
        "RGB from 0 to 1, minus (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225); "
        "shorter side 256, centre crop 224"
    )
    return Layout(
        "torchvision",
        names,
        settings={"network": "torchvision", "stored_size": 256, "crop": 224},
        pixels=Pixels(255 * torch.tensor(_TORCHVISION_MEAN), (scale[0], scale[1], scale[2]), 256, 224, told),
        notes=("torchvision's alexnet is the single tower of 2014, not the network of the paper",),
    )


def _caffe(shapes: Mapping[str, tuple[int, ...]], layers: str, *, certain: bool) -> Layout | None:
    names = {f"{layer}.{place}": f"{layer}.{kind}" for layer in LAYERS for place, kind in ((0, "weight"), (1, "bias"))}
    if certain and not set(names) & set(shapes):  # weights of Caffe under torch's names
        names = {name: name for name in names.values()}
    if not {theirs for theirs, name in names.items() if name in ("conv1.weight", "conv2.weight")} <= set(shapes):
        return None
    if not certain and "conv1.weight" in names:
        return None
    notes = ["Caffe's network reads BGR; the first layer was turned to RGB"]
    order = layers.split()
    if "pool1" in order and "norm1" in order and order.index("pool1") < order.index("norm1"):
        notes.append("this is CaffeNet, which pools before it normalises; the paper's network normalises first")
    told = "BGR from 0 to 255, minus the mean of ImageNet (104, 117, 123); 256 x 256, centre crop 227"
    return Layout(
        "caffe",
        names,
        changes=_caffe_changes(),
        settings=_CAFFE_SETTINGS,
        pixels=Pixels(torch.tensor(_CAFFE_MEAN), (1.0, 1.0, 1.0), 256, 227, told),
        notes=tuple(notes),
    )


def _caffe_changes() -> dict[str, tuple[Change, ...]]:
    unit, undo = _other_norm()
    why = "for LRN with k = 2"
    doubled = _times(2.0, "dropout doubles in training there, halves in use here")
    return {
        "conv1.weight": (Change("BGR to RGB", lambda t: t.flip(1)), _times(unit, why)),
        "conv1.bias": (_times(unit, why),),
        "conv2.weight": (_times(undo * unit, why),),
        "conv2.bias": (_times(unit, why),),
        "conv3.weight": (_times(undo, why),),
        "fc7.weight": (doubled,),
        "fc8.weight": (doubled,),
    }


def _other_norm() -> tuple[float, float]:
    """What a normalised layer's output is multiplied by, and the next one's weights, to have Caffe's norm with ours.

    With S the sum of squares, ours(u a) = u a / (k + alpha u^2 S)^p = (u / k^p) a / (1 + (u^2 alpha / k) S)^p. So u is
    chosen to give Caffe's alpha / k, and the factor u / k^p that remains is taken out of the next layer's weights.
    """
    (k, alpha), (their_k, their_alpha) = _OUR_NORM, _CAFFE_NORM
    unit = math.sqrt((their_alpha / their_k) / (alpha / k))
    return unit, (k / their_k) ** _POWER / unit


def _times(factor: float, why: str) -> Change:
    return Change(f"x {factor:.6g} ({why})", lambda tensor: (tensor.double() * factor).float())


def _ours(shapes: Mapping[str, tuple[int, ...]]) -> Layout | None:
    if len(shapes.get("conv1.weight", ())) != 4:
        return None
    settings = _network(shapes)
    both = "names and shapes are the same for the networks paper and source: paper is assumed"
    notes = (both,) if settings.get("network") == "paper" else ()
    return Layout("ours", {name: name for name in shapes}, settings=settings, notes=notes)


def _network(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """What names and shapes tell of the recipe."""
    if "fc10.weight" in shapes:
        return {"network": "local" if "local3.weight" in shapes else "cifar"}
    sides = {layer: shapes.get(f"{layer}.weight", ()) for layer in LAYERS}
    if any(len(sides[layer]) != 4 for layer in ("conv1", "conv2")):
        return {}
    columns = 2 if sides["conv2"][1] * 2 == sides["conv1"][0] else 1
    missing = [layer for layer in ("conv3", "conv4", "conv5") if not sides[layer]]
    found: dict[str, Any] = {"columns": columns, "without": missing[0] if missing else None}
    if sides["conv1"][2:] == (11, 11) and sides["fc6"][:1] == (4096,):
        return {"network": "paper", **found}
    later = {"batch_norm": "bn1.weight" in shapes, "residual": any(name.startswith("shortcut") for name in shapes)}
    found |= {"network": "modern", **later} if any(later.values()) else {"network": "scaled"}
    maps = [sides[layer][0] for layer in LAYERS[:5] if sides[layer]]
    if missing or len(sides["fc6"]) != 2:
        return found
    if columns == 1:
        maps = [*(2 * count for count in maps[:4]), maps[4]]
    kernels = [sides["conv1"][2], sides["conv2"][2]]
    return {**found, "maps": maps, "kernels": kernels, "units": sides["fc6"][0]}
