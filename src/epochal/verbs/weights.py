"""Read weights for a landmark, wherever they come from: a run, an exported folder, another library's file."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import warnings
from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from epochal import landmarks as table
from epochal.core.fault import Fault, InputFault, printable
from epochal.core.run import Run
from epochal.engine import checkpoint
from epochal.engine.classifier import Classifier
from epochal.engine.device import choose_device
from epochal.interop.file import open_file
from epochal.interop.hub_folder import CONFIG, fetch_folder, open_hub_folder
from epochal.interop.layout import Layout, check_finite, common_prefix, own, remapped
from epochal.interop.mean_picture import from_text
from epochal.interop.stored import Header, Stored
from epochal.interop.weights import Loaded, Weights, load_into, rescaled
from epochal.verbs import catalogue

__all__ = [
    "Loaded",
    "Source",
    "Weights",
    "from_pretrained",
    "is_exported",
    "load_into",
    "read_weights",
    "with_pixel_scale",
]

# What weights can be read from, or those that were.
Source = Weights | Run | Path | str

# `owner/name` on the Hub; a path would be there, or have more or fewer parts.
_ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".npz", ".npy", ".caffemodel")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


def read_weights(
    source: str | Path | Run, landmark: str, *, layout: str | None = None, offline: bool = False
) -> Weights:
    """Weights by a landmark's names, with an account of what was mapped.

    Args:
        source: a run (or its path, its name in the runs folder, `latest`), a folder that `epochal export --format hub`
            made, a repository of the Hub (`owner/name`), or a file: .safetensors, .pth, .pt, .caffemodel, .npz.
        landmark: the landmark they shall serve, such as `alexnet`.
        layout: whose names and conventions they have; recognised by names and shapes if None.
        offline: never download.

    Raises:
        InputFault: nothing is there, it is damaged, it would run something, it is of another landmark or of no known
            layout, or holds what is no number.
    """
    exchange = _exchange(landmark)
    run = _as_run(source)
    if run is not None:
        return _of_run(run, landmark)
    path = _here(str(source), offline)
    if os.path.isdir(path):
        return _of_folder(path, landmark)
    stored = open_file(path)
    if stored.metadata.get("landmark"):
        return _of_export(stored, landmark, layout, exchange)
    prefix = common_prefix(stored.tensors)
    shapes = {name.removeprefix(prefix): header.shape for name, header in stored.tensors.items()}
    layers = stored.metadata.get("layers", "")
    return remapped(stored, exchange.layout_of(shapes, kind=stored.kind, layers=layers, wanted=layout), prefix)


def from_pretrained(source: str | Path, *, device: str = "auto", offline: bool = False) -> Classifier:
    """A classifier from a folder that `epochal export --format hub` made; it answers as the run's own does.

    Args:
        source: the folder, or a repository of the Hub (`owner/name`) that holds one.
        device: where to compute.
        offline: never download.

    Raises:
        InputFault: nothing is there, or something in it is damaged or does not fit together.
    """
    path = _here(str(source), offline)
    folder = open_hub_folder(path)
    config = folder.config
    package = table.load(config["landmark"])
    if config["landmark_version"] != package.CARD.version:
        warnings.warn(
            f"{path} was made with version {config['landmark_version']} of {config['landmark']}, this is version "
            f"{package.CARD.version}: its answers may differ",
            stacklevel=2,
        )
    build = import_module(f"epochal.landmarks.{config['landmark']}.train").classifier
    recipe = package.RECIPE.parse(config["recipe"])
    # Before a network of that size is built.
    if not any(header.shape[:1] == (len(folder.classes),) for header in folder.weights.tensors.values()):
        raise InputFault(
            f"{printable(str(path))} names {len(folder.classes):,} classes, and has no layer of that size",
            remedy="fetch or export the folder again",
        )
    snapshot = _read_all(folder.weights).prefixed("model") | _read_all(folder.preprocessing).prefixed("statistics")
    try:
        classifier: Classifier = build(recipe, folder.classes, snapshot, choose_device(device))
    except Fault:
        raise
    except (LookupError, TypeError, ValueError) as error:
        raise InputFault(
            f"{printable(str(path))} does not fit together: {type(error).__name__} {printable(str(error))}",
            remedy="fetch or export the folder again",
        ) from None
    return classifier


def _read_all(stored: Stored) -> checkpoint.Snapshot:
    tensors = {name: stored.read(name) for name in stored.tensors}
    for name, tensor in tensors.items():
        check_finite(str(stored.path), name, tensor)
    return checkpoint.Snapshot(tensors)


def is_exported(source: str | Path) -> bool:
    """True for a folder that `epochal export --format hub` may have made, and no run."""
    return os.path.isfile(Path(source) / CONFIG) and not os.path.lexists(Path(source) / "run.json")


def with_pixel_scale(weights: Weights, landmark: str, pixel_scale: float) -> Weights:
    """The same network for centred pixels divided by `pixel_scale`: the first layer's weights make up for it.

    Raises:
        InputFault: it is not known how pictures were prepared for the weights.
    """
    return rescaled(weights, pixel_scale, _exchange(landmark).first_layer)


def _here(source: str, offline: bool) -> Path:
    """The path that is meant, fetched first if it is a repository of the Hub."""
    path = Path(source)
    is_repository = _REPOSITORY.fullmatch(source) and path.suffix.lower() not in _ENDINGS
    return fetch_folder(source, offline=offline) if is_repository and not os.path.exists(path) else path


def _exchange(landmark: str) -> Any:
    catalogue.require_network(landmark, "load weights into")
    return import_module(f"epochal.landmarks.{landmark}.exchange")


def _as_run(source: str | Path | Run) -> Run | None:
    """The run that is meant, if one is: a run's folder is one, and so is a name that is nothing else."""
    if isinstance(source, Run):
        return source
    path = Path(source)
    if os.path.exists(path):
        return Run.open(path) if os.path.isdir(path) and (path / "run.json").exists() else None
    inside = catalogue.runs_folder() / path
    return catalogue.find_run(source) if str(source) == "latest" or os.path.exists(inside) else None


def _of_run(run: Run, landmark: str) -> Weights:
    record = run.record()
    _check_landmark(f"the run {run.name}", record["landmark"], landmark)
    loaded = checkpoint.load(run.checkpoints)
    task = loaded.snapshot.under("task")
    tensors = task.under("model").tensors
    headers = {name: Header(tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
    if not headers:
        raise run.damage("its checkpoint holds no weights")
    stored = Stored(run.folder, "run", headers, lambda name: tensors[name].clone())
    mean = _checked_mean(str(run.folder), task.under("statistics").tensors.get("mean"))
    layout = _own(landmark, headers, record["recipe"], mean)
    classes = tuple(map(str, record.get("classes", ())))
    weights = remapped(stored, layout, classes=classes)
    return dataclasses.replace(weights, notes=(*loaded.passed_over, *weights.notes))


def _of_folder(path: Path, landmark: str) -> Weights:
    folder = open_hub_folder(path)
    _check_landmark(f"the model in {printable(str(path))}", folder.config["landmark"], landmark)
    known = folder.preprocessing.tensors
    mean = _checked_mean(str(path), folder.preprocessing.read("mean") if "mean" in known else None)
    layout = _own(landmark, folder.weights.tensors, folder.config["recipe"], mean)
    return remapped(folder.weights, layout, classes=folder.classes)


def _own(landmark: str, names: Iterable[str], settings: dict[str, Any], mean: Tensor | None) -> Layout:
    """The layout of weights with our names and a recipe of the landmark."""
    return own(names, table.load(landmark).RECIPE.parse(settings).model_dump(mode="json"), mean)


def _of_export(stored: Stored, landmark: str, wanted: str | None, exchange: Any) -> Weights:
    """A file that `epochal export --format safetensors` wrote says itself what it is."""
    where, said = printable(str(stored.path)), stored.metadata
    _check_landmark(where, said["landmark"], landmark)
    written = said.get("layout", "ours")
    if wanted not in (None, written):
        raise InputFault(
            f"{where} was exported in the layout {printable(written)}, not in {printable(str(wanted))}",
            expected=f"layout={printable(written)}",
            remedy="leave the layout out: the file says which it is",
        )
    try:
        recipe, classes = (json.loads(said[name]) for name in ("recipe", "classes"))
        if not isinstance(recipe, dict) or not isinstance(classes, list):
            raise ValueError("the recipe or the classes are of another kind")
        settings = table.load(landmark).RECIPE.parse(recipe).model_dump(mode="json")
        mean = _mean_of(said, settings["stored_size"] + 2 * settings.get("padding", 0))
    except InputFault:
        raise
    except (KeyError, ValueError, RecursionError) as error:
        raise InputFault(
            f"the metadata of {where} are damaged: {printable(str(error), 80)}",
            expected="what `epochal export` wrote",
            remedy="export it again",
        ) from None
    layout = own(stored.tensors, settings, _checked_mean(str(stored.path), mean))
    if written != "ours":
        # Its names and what is done to its numbers are the layout's; the recipe and the pixels are still ours.
        shapes = {name: header.shape for name, header in stored.tensors.items()}
        theirs = exchange.layout_of(shapes, wanted=written)
        layout = dataclasses.replace(
            layout, name=written, names=theirs.names, changes=theirs.changes, absent=theirs.absent
        )
    return remapped(stored, layout, classes=tuple(map(str, classes)))


def _mean_of(said: Mapping[str, str], side: int) -> Tensor:
    """The mean picture that a file's metadata tell, or the mean colour where they tell no more."""
    mean = json.loads(said["mean_colour"])
    if not isinstance(mean, list) or len(mean) != 3 or not all(isinstance(c, float) for c in mean):
        raise ValueError("the mean colour is none")
    return from_text(said["mean_picture"], side) if "mean_picture" in said else torch.tensor(mean)


def _checked_mean(place: str, mean: Tensor | None) -> Tensor | None:
    """A mean picture or a mean colour, if it can be one."""
    if mean is None:
        return None
    if mean.dim() not in (1, 3) or mean.shape[-1] != 3 or not mean.is_floating_point():
        raise InputFault(
            f"{printable(place)}: the mean picture has the shape {tuple(mean.shape)}", expected="S x S x 3, or 3"
        )
    check_finite(place, "mean", mean)
    return mean.float()


def _check_landmark(what: str, found: Any, wanted: str) -> None:
    if found != wanted:
        raise InputFault(f"{what} is of the landmark {printable(str(found), 40)}", expected=wanted)
