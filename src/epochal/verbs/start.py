"""Begin a training with weights that are there already: those of another training, for other classes.

Only the head may differ. It is drawn anew from the run's seed, as its scores are of other classes, unless the classes
are the same. The network goes on to see pictures as it did: the mean of its own training pictures is subtracted, not
that of the new ones, which may be few, and the first layer makes up for another scale of the pixels.
"""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from epochal.core.fault import InputFault, printable
from epochal.core.run import Run
from epochal.data.specification import shown
from epochal.data.statistics import picture_of
from epochal.engine.checkpoint import Snapshot, fingerprint
from epochal.engine.supervised import Supervised
from epochal.interop.hub_folder import WEIGHTS
from epochal.interop.weights import Loaded, Weights, load_into
from epochal.verbs.weights import Source, read_weights, with_pixel_scale

HEADS = ("auto", "new", "kept")


def given(weights: Source, landmark: str, *, offline: bool = False) -> Weights:
    """The weights, read if they have not been.

    Raises:
        InputFault: they cannot be read.
    """
    return weights if isinstance(weights, Weights) else read_weights(weights, landmark, offline=offline)


def keeps_head(weights: Weights, classes: tuple[str, ...], head: str) -> bool:
    """True if the last layer is taken over; `auto` takes it over if the classes are the same, in the same order.

    Raises:
        InputFault: `head` is none of auto, new and kept.
    """
    if head not in HEADS:
        raise InputFault(f"the head cannot be {printable(head)!r}", expected=", ".join(HEADS))
    return head == "kept" or (head == "auto" and weights.classes is not None and tuple(weights.classes) == classes)


def identity(weights: Weights) -> dict[str, Any]:
    """What tells these weights from all others, with no path of this machine."""
    found: dict[str, Any] = {
        "source": _name(Path(weights.source)),
        "layout": weights.layout,
        "sha256": fingerprint(Snapshot(weights.tensors)),
        "classes": None if weights.classes is None else len(weights.classes),
    }
    if (Path(weights.source) / "run.json").is_file():
        record = Run.open(weights.source).record()
        known = ("landmark_version", "recipe_name", "seed", "seconds", "results")
        found["run"] = {"data": shown(str(record.get("data", ""))), **{name: record.get(name) for name in known}}
    return found


def _name(path: Path) -> str:
    """The name of a run, a file or a model's folder; of one from the Hub, the repository and the commit."""
    folder = path.parent if path.name == WEIGHTS else path
    if folder.parent.name == "snapshots":  # as the Hub's cache lays it out
        return f"{folder.parent.parent.name.removeprefix('models--').replace('--', '/')}@{folder.name[:12]}"
    return folder.name


def begin_with(task: Supervised, weights: Weights, landmark: str, *, head: str = "auto") -> dict[str, Any]:
    """Give a task at its first step the weights; return what the run's record says of them.

    Args:
        task: the training, all on one device.
        weights: what it begins with.
        landmark: its name.
        head: `new` draws the last layer, `kept` takes it over; `auto` takes it over if the classes are the same.

    Raises:
        InputFault: the weights are of another network, or their head cannot be kept.
    """
    is_kept = keeps_head(weights, task.feed.data.classes, head)
    module = import_module(f"epochal.landmarks.{landmark}.transfer")
    last = tuple(f"{name}." for name in module.layers(task.model).head)
    notes = list(weights.notes)
    fitting = weights
    if weights.pixels is not None:
        fitting = with_pixel_scale(weights, landmark, task.feed.augmentation.pixel_scale)
    else:
        notes.append("it is not known how pictures were prepared for these weights: they are prepared as for new ones")
    if not is_kept:
        body = {name: tensor for name, tensor in fitting.tensors.items() if not name.startswith(last)}
        fitting = replace(fitting, tensors=body)
    loaded = load_into(task.model, fitting, partial=True)
    _check(loaded, weights, last, task, is_kept=is_kept)
    return {
        **identity(weights),
        "mapped": len(loaded.loaded),
        "changed": {row.name: list(row.done) for row in fitting.rows if row.done and row.name in loaded.loaded},
        "drawn": list(loaded.kept),
        "left_out": sorted(set(weights.tensors) - set(loaded.loaded)),
        "head": "kept" if is_kept else "new",
        "mean": _take_mean(task, weights),
        "notes": notes,
    }


def told(start: dict[str, Any]) -> str:
    """What a start is, in a sentence."""
    drawn = f"; drawn anew: {', '.join(start['drawn'])}" if start["drawn"] else ""
    text = f"begins with {start['mapped']} tensors of {printable(str(start['source']))}{drawn}; {start['mean']}"
    return "; ".join([text, *start["notes"]])


def _check(loaded: Loaded, weights: Weights, last: tuple[str, ...], task: Supervised, *, is_kept: bool) -> None:
    """Nothing but the head may differ, and a head that is drawn anew must be trained."""
    for name in [*loaded.kept, *(name for name, _ in loaded.left_out)]:
        if is_kept or not name.startswith(last):
            wanted = task.model.state_dict().get(name)
            raise InputFault(
                f"the weights in {printable(weights.source)} are of another network: {printable(name)} is "
                + (_shape(weights.tensors.get(name)) or ("there" if name in weights.unplaced else "missing")),
                expected=_shape(wanted) or "no such tensor",
                remedy="draw the last layer anew (head=new)" if name.startswith(last) else "use their own recipe",
            )
    trained = {name for name, parameter in task.model.named_parameters() if parameter.requires_grad}
    if frozen := [name for name in loaded.kept if name not in trained]:
        raise InputFault(
            f"{frozen[0]} is drawn anew and would be frozen: it would never learn the classes",
            expected="a last layer that is trained",
            remedy="freeze other layers, such as body: all but the last",
        )


def _shape(tensor: Tensor | None) -> str:
    return "" if tensor is None else " x ".join(map(str, tensor.shape)) or "a single number"


def _take_mean(task: Supervised, weights: Weights) -> str:
    """Let the task subtract the mean that the weights expect; say which that is."""
    if weights.pixels is None:
        return "the mean picture is that of the new pictures"
    feed = task.feed
    own, mean = feed.statistics, weights.pixels.mean
    padding, theirs = feed.padding, int(weights.settings.get("padding", 0))
    if mean.shape == own.mean.shape and padding == theirs:
        what = "picture"
    else:
        mean, what = picture_of(_colour(mean, theirs), feed.side, padding), "colour"
    feed.statistics = replace(own, mean=mean.to(own.mean))
    return f"the mean {what} is that of the weights"


def _colour(mean: Tensor, padding: int) -> Float[Tensor, " 3"]:
    """The mean colour of a mean picture, its padding left out."""
    if mean.dim() == 1:
        return mean
    inside = slice(padding, mean.shape[0] - padding)
    return mean[inside, inside].mean((0, 1))
