"""Train a landmark, and go on with a training that stopped."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from epochal import landmarks as table
from epochal.core.fault import InputFault, printable
from epochal.core.recipe import Recipe
from epochal.core.run import Run
from epochal.data.feed import RESIDENT_BYTES
from epochal.data.images import ImageData
from epochal.data.source import open_data
from epochal.engine.allocator import keep_large_blocks
from epochal.engine.device import choose_device, choose_precision, memory_explained
from epochal.engine.fit import Pace, Report, fit
from epochal.verbs import catalogue
from epochal.verbs.environment import environment

# The range of every number that is no setting of a recipe. A larger seed would be cut to 64 bits, and two seeds be one.
_LIMITS = {
    "seed": (0, 2**63 - 1),
    "micro_batches": (1, 65536),
    "workers": (0, 256),
    "save_steps": (1, 10**12),
    "memory_gigabytes": (0, 10**6),
    "threads": (1, 4096),
}
_OPTIONAL = ("workers", "save_steps", "memory_gigabytes")

# What a record must say for its run to go on.
_NEEDED = (
    "recipe",
    "data",
    "data_digest",
    "seed",
    "device",
    "precision",
    "stretches",
    "landmark_version",
    "workers",
    "micro_batches",
    "memory_gigabytes",
    "save_steps",
    "environment",
)


def train(
    landmark: str,
    *,
    recipe: str | Recipe = "small",
    data: str | None = None,
    overrides: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    micro_batches: int = 1,
    memory_gigabytes: float | None = None,
    save_steps: int | None = None,
    offline: bool = False,
    runs: Path | str | None = None,
    report: Report = lambda row: None,
) -> Run:
    """Train a landmark on a data set; return the finished run.

    Args:
        landmark: its name, such as `alexnet`.
        recipe: the name of one of its recipes, or a recipe.
        data: a data set (`cifar10`, `imagefolder:PATH`, ...); the landmark's embedded default if None.
        overrides: settings to change, as `name=value`.
        seed: decides initial weights, sample order, augmentation and dropout.
        device: auto, cpu, cuda, cuda:N or mps.
        workers: processes that decode pictures; None: one per core, at most 4.
        micro_batches: into how many parts to split each batch to save memory.
        memory_gigabytes: splits larger than this are read from disk in each epoch; None: 4.
        save_steps: steps between checkpoints; None: one every 5 minutes.
        offline: never download.
        runs: the folder to make the run in; see `runs_folder`.
        report: is shown each row of the log as it is written.

    Raises:
        InputFault: a name, path or value cannot be used.
        Interrupted: a signal came; everything was saved.
        NonFiniteFault: a loss or gradient was not finite.
        MemoryFault: the device ran out of memory.
        DiskFault: the disk is full or refuses.
    """
    package = table.load(landmark)
    chosen = recipe if isinstance(recipe, Recipe) else catalogue.recipe(landmark, recipe)
    if not isinstance(chosen, package.RECIPE):
        raise InputFault(f"a {type(chosen).__name__} is no recipe of {landmark}", expected=package.RECIPE.__name__)
    chosen = chosen.override(list(overrides))
    where = choose_device(device)
    _check_numbers(
        {
            "seed": seed,
            "micro_batches": micro_batches,
            "workers": workers,
            "save_steps": save_steps,
            "memory_gigabytes": memory_gigabytes,
        }
    )
    opened = open_data(package.CARD.default_data if data is None else data, offline=offline)
    _check_learnable(opened)
    name = recipe if isinstance(recipe, str) else "custom"
    record = {
        "landmark": landmark,
        "landmark_version": package.CARD.version,
        "recipe_name": name + ("+" if overrides else ""),
        "recipe": chosen.model_dump(mode="json"),
        "data": _lasting(opened.name),
        "data_digest": opened.digest,
        "data_note": opened.note,
        "classes": list(opened.classes),
        "seed": seed,
        "device": str(where),
        "workers": workers,
        "micro_batches": micro_batches,
        "memory_gigabytes": memory_gigabytes,
        "save_steps": save_steps,
        "precision": choose_precision(getattr(chosen, "precision", "fp32"), where),
        "environment": environment(where),
        "stretches": [],
    }
    with memory_explained(where):
        task = _task(record, opened, where)
    stem = f"{landmark}-{name}-{opened.name.partition(':')[0]}-s{seed}"
    run = Run.create(Path(runs) if runs is not None else catalogue.runs_folder(), stem, record)
    return _fit(run, task, record, report, opened, {})


def resume(
    run: Run | Path | str,
    *,
    device: str | None = None,
    workers: int | None = None,
    micro_batches: int | None = None,
    offline: bool = False,
    report: Report = lambda row: None,
) -> Run:
    """Go on with a training from its newest good checkpoint, to the same bits as if it had never stopped.

    Args:
        run: its path, its name in the runs folder, or `latest`.
        device: another device than before (then the bits may differ).
        workers: another number of decoding processes; the bits do not depend on it.
        micro_batches: another split of each batch; the update is the same up to rounding and dropout's masks.
        offline: never download.
        report: is shown each row of the log as it is written.

    Raises:
        InputFault: there is no such run, it is damaged or finished, or its data is not what it was.
        Interrupted: a signal came; everything was saved.
        NonFiniteFault: a loss or gradient was not finite.
        MemoryFault: the device ran out of memory.
        DiskFault: the disk is full or refuses.
    """
    found = catalogue.find_run(run)
    record = found.record()
    if record["status"] == "finished":
        raise InputFault(
            f"the run {found.name} is finished",
            expected="a run that stopped before its end",
            remedy=f"`epochal evaluate {found.folder}` measures it; `epochal train` starts another",
        )
    changes = {"device": device, "workers": workers, "micro_batches": micro_batches}
    made = {name: value for name, value in changes.items() if value is not None}
    record |= made
    if missing := [name for name in _NEEDED if name not in record]:
        raise found.damage(f"it has no {missing[0]}")
    package = table.load(record["landmark"])
    if record["landmark_version"] != package.CARD.version:
        raise InputFault(
            f"the run {found.name} was started with version {record['landmark_version']} of {record['landmark']}",
            expected=f"version {package.CARD.version}: another one computes other numbers",
            remedy="resume it with the epochal it was started with, or train again",
        )
    threads = record["environment"].get("threads")
    _check_numbers({name: record[name] for name in _LIMITS if name in record} | {"threads": threads})
    where = choose_device(record["device"])
    if device is not None:  # another device may compute in another precision
        record["precision"] = choose_precision(record["recipe"].get("precision", "fp32"), where)
    opened = open_data(record["data"], offline=offline)
    if opened.digest != record["data_digest"]:
        raise InputFault(
            f"the data {printable(record['data'])} is not what the run {found.name} was started with",
            expected=f"content with the digest {record['data_digest'][:16]}...",
            remedy="put the data back as it was, or train again",
        )
    # The number of threads decides how sums are split, and so the last bits.
    torch.set_num_threads(threads)
    with memory_explained(where):
        task = _task(record, opened, where)
    now = environment(where)
    for name in ("epochal", "torch", "processor", "accelerator"):
        if now[name] != record["environment"].get(name):
            text = f"{name} was {record['environment'].get(name)} and is {now[name]}: the last bits may differ"
            report({"kind": "note", "text": text})
    stretch = {"environment": now, "device": str(where), "precision": record["precision"]}
    started = {**made, "precision": record["precision"], "stretches": [*record["stretches"], stretch]}
    return _fit(found, task, record, report, opened, started)


def _task(record: dict[str, Any], data: ImageData, device: torch.device) -> Any:
    if device.type == "cpu":
        keep_large_blocks()
    package = table.load(record["landmark"])
    gigabytes = record["memory_gigabytes"]
    build: Callable[..., Any] = _train_module(record["landmark"]).task
    # `auto` was settled when the run began: a resumed run computes as before, wherever it is.
    settled = {"precision": record["precision"]} if "precision" in record["recipe"] else {}
    return build(
        package.RECIPE.parse({**record["recipe"], **settled}),
        data,
        seed=record["seed"],
        device=device,
        workers=default_workers() if record["workers"] is None else record["workers"],
        micro_batches=record["micro_batches"],
        resident_bytes=RESIDENT_BYTES if gigabytes is None else int(gigabytes * 1e9),
    )


def _train_module(landmark: str) -> Any:
    from importlib import import_module

    return import_module(f"epochal.landmarks.{landmark}.train")


def default_workers() -> int:
    """One decoding process per core, at most four."""
    return min(4, os.cpu_count() or 1)


def _fit(run: Run, task: Any, record: dict[str, Any], report: Report, data: ImageData, started: dict[str, Any]) -> Run:
    report(
        {
            "kind": "begin",
            "run": str(run.folder),
            "steps": task.steps,
            "epochs": task.steps / task.steps_per_epoch,
            "device": str(task.device),
            "precision": record["precision"],
            "train": len(data.train),
            "held_out": len(data.held_out),
            "note": data.note,
        }
    )
    fit(task, run, Pace(save_steps=record["save_steps"]), report, started)
    return run


def _lasting(spec: str) -> str:
    """A specification that still means the same from another folder."""
    kind, colon, path = spec.partition(":")
    return f"{kind}:{Path(os.path.expanduser(path)).resolve()}" if colon else spec


def _check_learnable(data: ImageData) -> None:
    if len(data.classes) < 2:
        raise InputFault(
            f"the data {printable(data.name)} has one class only: {printable(data.classes[0])}",
            expected="at least two classes to tell apart",
            remedy="put the pictures of each class into a folder of its own",
        )


def _check_numbers(given: dict[str, Any]) -> None:
    for name, value in given.items():
        least, most = _LIMITS[name]
        if value is None and name in _OPTIONAL:
            continue
        # Written this way round, NaN is refused as well.
        if not isinstance(value, int | float) or not least <= value <= most:
            raise InputFault(f"{name} cannot be {value}", expected=f"a number from {least:,} to {most:,}")
