"""What the units of a classifier respond to: the parts of held-out pictures that excite them most."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor

from epochal.core.fault import InputFault
from epochal.engine.probe import activations
from epochal.engine.scene import Scene
from epochal.measure.excitement import Excitement, excitement
from epochal.measure.receptive_field import ReceptiveField, receptive_fields
from epochal.view.patches import EACH, FEW, MANY, Layer, Patch, Unit, patch_overview, patch_page

# How many held-out pictures are looked at; more would say the same and take longer.
PICTURES = 4_000
_BATCH = 64
# A unit's patches are said to be of a class if this many of the nine are.
_OF_ONE_CLASS = 5


def exciting(scene: Scene, layer: str | None, telling: Sequence[str]) -> Figure:
    """The patches that excite some units of each of the `telling` layers most, or many units of one layer.

    Dense layers are left out where none is asked for: their units see all of the picture.

    Raises:
        InputFault: the layer is unknown or answers with nothing that could be drawn, or no layer looks at parts.
    """
    model = scene.classifier.model
    chosen = scene.chosen(PICTURES)
    names = list(telling) if layer is None else [layer]
    lists: dict[str, Excitement] = {}
    fields: dict[str, ReceptiveField] = {}
    for places, images in scene.batches(chosen, _BATCH):
        outputs = activations(model, images, names)
        if not lists:
            names = [name for name in outputs if name == layer or outputs[name].dim() == 4]
            if not names:
                raise InputFault(
                    "no layer of this network looks at parts of the picture",
                    expected="a network with convolutions",
                    remedy="name a dense layer with --layer",
                )
            fields = receptive_fields(model, images[:1], [name for name in names if outputs[name].dim() == 4])
        for name in names:
            best = excitement(_as_maps(name, outputs[name]), places, EACH)
            lists[name] = lists[name].merged(best, EACH) if name in lists else best
    if layer is not None:
        page = _layer(scene, layer, lists[layer], fields.get(layer), MANY)
        return patch_page(page, len(chosen), lists[layer].silent)
    pages = [_layer(scene, name, lists[name], fields[name], FEW) for name in names]
    return patch_overview(pages, len(chosen))


def _as_maps(name: str, output: Float[Tensor, "B C *size"]) -> Float[Tensor, "B C H W"]:
    """A layer's answers as maps: those of a dense layer are of 1 x 1."""
    if output.dim() == 4:
        return output
    if output.dim() == 2:
        return output[:, :, None, None]
    raise InputFault(f"the layer {name!r} answers with neither maps nor units", expected="a convolution, for example")


def _layer(scene: Scene, name: str, found: Excitement, field: ReceptiveField | None, most: int) -> Layer:
    """The layer as it is drawn: its units that stand out most, with their patches cut out of the pictures."""
    side = scene.classifier.crop
    shown = []
    for number in found.standing_out(most):
        places = found.pictures[number].tolist()
        boxes = [
            field.box(row, column) if field is not None else (0, 0, side, side)
            for row, column in zip(found.rows[number].tolist(), found.columns[number].tolist(), strict=True)
        ]
        patches = [_patch(scene, place, box, field) for place, box in zip(places, boxes, strict=True)]
        shown.append(Unit(number, patches, _common_class(scene, places)))
    size = field.size if field is not None else (side, side)
    return Layer(name, len(found.values), size, shown)


def _patch(scene: Scene, place: int, box: tuple[int, int, int, int], field: ReceptiveField | None) -> Patch:
    """The part of a picture in a box; a box cut off by the upper or left edge leaves room there."""
    top, left, bottom, right = box
    pixels = scene.seen(scene.held_out.picture(place))[top:bottom, left:right]
    height, width = field.size if field is not None else pixels.shape[:2]
    return Patch(
        pixels,
        top=_before(top, bottom, height, scene.classifier.crop),
        left=_before(left, right, width, scene.classifier.crop),
    )


def _before(first: int, after: int, size: int, side: int) -> int:
    """How many of the `size` lines that a unit looks at lie before the picture's first."""
    missing = size - (after - first)
    if first == 0 and after == side:
        return missing // 2
    return missing if first == 0 else 0


def _common_class(scene: Scene, places: list[int]) -> str:
    """The class of most of the pictures, where most are of one class."""
    (name, count), *_ = Counter(scene.truth(place) for place in places).most_common(1)
    return f"{name}: {count} of {len(places)}" if count >= _OF_ONE_CLASS else ""
