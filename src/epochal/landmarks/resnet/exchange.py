"""What only ResNet knows of exchange: whose weights these are, and how they become ours.

Our parts bear torchvision's names. The trained CIFAR-10 weights that circulate (github.com/akamaster, by Yerlan
Idelbayev) differ by one name: their dense layer is called `linear`. Both subtract ImageNet's mean colour and divide by
a deviation for each colour, which the first layer's weights can make up for. The depth and the kind of shortcut are
told by the names; what names do not tell is said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.interop.layout import Layout
from epochal.interop.weights import Pixels, Weights
from epochal.landmarks.resnet.depths import FIRST_BOTTLENECK, IMAGENET
from epochal.landmarks.resnet.recipe import ResNetRecipe

# What can be read, and what can be written.
LAYOUTS = ("ours", "torchvision", "akamaster")
WRITTEN = LAYOUTS

# The mean colour and deviations of ImageNet, for pixels from 0 to 1, that both expect.
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
_TOLD = "RGB from 0 to 1, minus (0.485, 0.456, 0.406), divided by (0.229, 0.224, 0.225)"

_BLOCK = re.compile(r"layer([1-4])\.(\d{1,4})\.(conv3|downsample)?")


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
        InputFault: they are of no known layout, or not of the wanted one, or of a depth that no network has.
    """
    if wanted is not None and wanted not in LAYOUTS:
        raise InputFault(f"no layout is called {printable(wanted)!r}", expected=", ".join(LAYOUTS))
    settings = _network(shapes)
    recognised = {
        "akamaster": _akamaster(shapes, settings),
        "torchvision": _torchvision(shapes, settings),
        "ours": _ours(shapes, settings),
    }
    for name, layout in recognised.items():
        if layout is not None and wanted in (None, name):
            return layout
    shown = ", ".join(printable(name, 40) for name in list(shapes)[:4])
    raise InputFault(
        f"these weights are not in {f'the layout {wanted}' if wanted else 'a layout known for resnet'}: {shown}, ...",
        expected="conv1.weight, bn1.weight, layer1.0.conv1.weight ... fc.weight (ours, torchvision) or linear.weight",
        remedy="rename them, or export them from a network of one of these",
    )


def in_layout(layout: str, tensors: dict[str, Tensor], recipe: ResNetRecipe) -> tuple[dict[str, Tensor], ResNetRecipe]:
    """Our tensors in somebody's layout, and the recipe that they belong to there.

    Raises:
        InputFault: the layout has no network like this one.
    """
    lacking = "" if layout == "ours" else _lacking(layout, recipe)
    if lacking:
        raise InputFault(
            f"{layout} has no network like this one: {lacking}",
            expected=_HAS[layout],
            remedy="export with the layout ours",
        )
    if layout == "akamaster":
        tensors = {re.sub(r"^fc\.", "linear.", name): tensor for name, tensor in tensors.items()}
    return tensors, recipe


# What others have of the paper's networks.
_HAS = {
    "torchvision": "network=imagenet, residual, shortcut=B, and variant=v1.5 from 50 layers on",
    "akamaster": "network=cifar, residual, shortcut=A",
}


def _lacking(layout: str, recipe: ResNetRecipe) -> str:
    """The first setting that a layout's networks cannot have; nothing if they can have all."""
    wanted: dict[str, Any] = {"network": "cifar", "residual": True, "shortcut": "A"}
    if layout == "torchvision":
        wanted = {"network": "imagenet", "residual": True, "shortcut": "B"}
        wanted |= {"variant": "v1.5"} if recipe.depth >= FIRST_BOTTLENECK else {}
    return next((f"{name}={recipe.written(name)}" for name in wanted if getattr(recipe, name) != wanted[name]), "")


def first_layer(weights: Weights, factors: Float[Tensor, 3]) -> tuple[str, Tensor]:
    """The first layer's weights, and what makes them see each colour multiplied by its factor."""
    return "conv1.weight", factors[:, None, None]


def _pixels(stored_size: int, crop: int, told: str) -> Pixels:
    red, green, blue = (255 * deviation for deviation in _DEVIATION)
    return Pixels(255 * torch.tensor(_MEAN), (red, green, blue), stored_size, crop, told)


def _akamaster(shapes: Mapping[str, tuple[int, ...]], settings: dict[str, Any]) -> Layout | None:
    if settings.get("network") != "cifar" or len(shapes.get("linear.weight", ())) != 2:
        return None
    names = {name: re.sub(r"^linear\.", "fc.", name) for name in shapes}
    return Layout(
        "akamaster",
        names,
        settings={**settings, "stored_size": 32, "padding": 4, "crop": 32},
        pixels=_pixels(32, 32, f"{_TOLD}; 32 x 32"),
        notes=_plain_or_not(settings),
        absent=_counters(names.values()),
    )


def _torchvision(shapes: Mapping[str, tuple[int, ...]], settings: dict[str, Any]) -> Layout | None:
    if settings.get("network") != "imagenet" or len(shapes.get("fc.weight", ())) != 2:
        return None
    notes = ["names and shapes are ours too: torchvision's way to prepare pictures is assumed"]
    if settings.get("depth", 0) >= 50:
        notes.append("torchvision's bottlenecks have their stride in the 3 x 3 layer: variant=v1.5")
    return Layout(
        "torchvision",
        {name: name for name in shapes},
        settings={"variant": "v1.5", **settings, "stored_size": 256, "crop": 224},
        pixels=_pixels(256, 224, f"{_TOLD}; shorter side 256, centre crop 224"),
        notes=tuple(notes),
        absent=_counters(shapes),
    )


def _ours(shapes: Mapping[str, tuple[int, ...]], settings: dict[str, Any]) -> Layout | None:
    if not settings or len(shapes.get("fc.weight", ())) != 2:
        return None
    names, notes = {name: name for name in shapes}, _plain_or_not(settings)
    return Layout("ours", names, settings=settings, notes=notes, absent=_counters(shapes))


def _plain_or_not(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """What is to be said of weights that a plain network could have as well."""
    told = "taken for a residual network; a plain one has the same names and shapes: --set residual=false"
    return (told,) if settings.get("shortcut") == "A" else ()


def _counters(names: Any) -> dict[str, Tensor]:
    """The count of batches that each normalisation has seen; torch before 0.4.1 kept none."""
    suffix = ".running_mean"
    return {
        f"{name.removesuffix(suffix)}.num_batches_tracked": torch.tensor(0) for name in names if name.endswith(suffix)
    }


def _network(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Any]:
    """What names and shapes tell of the recipe: nothing where they are of no network of ours."""
    first = shapes.get("conv1.weight", ())
    found = [match for name in shapes if (match := _BLOCK.match(name))]
    blocks = Counter(stage for stage, _ in {(match[1], match[2]) for match in found})
    counts = tuple(blocks[stage] for stage in sorted(blocks))
    is_bottleneck = any(match[3] == "conv3" for match in found)
    projected = {f"{match[1]}.{match[2]}" for match in found if match[3] == "downsample"}
    if first == (16, 3, 3, 3) and len(counts) == 3 and len(set(counts)) == 1:
        return {"network": "cifar", "depth": 6 * counts[0] + 2, "shortcut": _option(projected, "2.0", "1.0")}
    if first == (64, 3, 7, 7) and len(counts) == 4:
        depths = [depth for depth, known in IMAGENET.items() if known == counts and (depth >= 50) == is_bottleneck]
        if depths:
            option = _option(projected, "2.0", "1.1" if is_bottleneck else "1.0")
            return {"network": "imagenet", "depth": depths[0], "shortcut": option}
    return {}


def _option(projected: set[str], on_change: str, everywhere: str) -> str:
    """The kind of shortcut, by the blocks that have a projection."""
    if everywhere in projected:
        return "C"
    return "B" if on_change in projected else "A"
