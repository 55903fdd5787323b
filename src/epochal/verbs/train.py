"""Train a landmark."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epochal import landmarks as table
from epochal.core.fault import InputFault, printable
from epochal.core.recipe import Recipe
from epochal.core.report import Report, silent
from epochal.core.run import Run
from epochal.data.images import ImageData
from epochal.data.specification import lasting
from epochal.engine.device import choose_precision
from epochal.engine.distributed import together
from epochal.engine.fit import keep_start
from epochal.engine.group import Group
from epochal.verbs import catalogue
from epochal.verbs.environment import environment
from epochal.verbs.launch import build_task, check_numbers, column_devices, device_for, open_together, run_task
from epochal.verbs.start import begin_with, given, told
from epochal.verbs.weights import Source


def train(
    landmark: str,
    *,
    recipe: str | Recipe = "small",
    data: str | None = None,
    overrides: Sequence[str] = (),
    weights: Source | None = None,
    head: str = "auto",
    name: str | None = None,
    seed: int = 0,
    device: str = "auto",
    columns: str | None = None,
    workers: int | None = None,
    micro_batches: int = 1,
    memory_gigabytes: float | None = None,
    save_steps: int | None = None,
    signal_steps: int | None = None,
    offline: bool = False,
    runs: Path | str | None = None,
    report: Report = silent,
) -> Run:
    """Train a landmark on a data set; return the finished run.

    Started by torchrun, its processes train together: the same update as one process would make, each from its part of
    every batch. All return the run; the first one alone writes it and reports.

    Args:
        landmark: its name, such as `alexnet`.
        recipe: the name of one of its recipes, or a recipe.
        data: a data set (`cifar10`, `imagefolder:PATH`, ...); the landmark's embedded default if None.
        overrides: settings to change, as `name=value`.
        weights: begin with these instead of drawn ones: what `read_weights` reads or has read. The recipe must be of
            their network; `finetune` finds one.
        head: with `weights`: `new` draws the last layer, `kept` takes it over too; `auto` keeps it if the classes are
            the same.
        name: what the run calls its recipe; the recipe's own name, or custom, if None.
        seed: decides initial weights, sample order, augmentation and dropout.
        device: auto, cpu, cuda, cuda:N or mps.
        columns: two devices, such as `cuda:0,cuda:1`, for a network of two columns; then `device` stays auto.
        workers: processes that decode pictures; None: one per core, at most 4.
        micro_batches: into how many parts to split each batch to save memory.
        memory_gigabytes: splits larger than this are read from disk in each epoch; None: 4.
        save_steps: steps between checkpoints; None: one every 5 minutes.
        signal_steps: steps between recordings of what passes through the layers (`look RUN signal`); None: none.
        offline: never download.
        runs: the folder to make the run in; see `runs_folder`.
        report: is shown each row of the log as it is written.

    Raises:
        InputFault: a name, path or value cannot be used.
        Interrupted: a signal came; everything was saved.
        NonFiniteFault: a loss or gradient was not finite.
        MemoryFault: the device ran out of memory.
        DiskFault: the disk is full or refuses.
        PeerFault: another of the processes that train together failed.
    """
    with together() as group:
        package = table.load(landmark)
        chosen = recipe if isinstance(recipe, Recipe) else catalogue.recipe(landmark, recipe)
        if not isinstance(chosen, package.RECIPE):
            raise InputFault(f"a {type(chosen).__name__} is no recipe of {landmark}", expected=package.RECIPE.__name__)
        chosen = chosen.override(list(overrides)).lasting()
        if columns is not None and device != "auto":
            raise InputFault(
                f"either --columns {printable(columns)} or --device {printable(device)}", expected="not both"
            )
        pair = column_devices(columns, group)
        if pair is not None and weights is not None:
            raise InputFault(
                "a training in two columns cannot begin with given weights",
                expected="one device to begin with",
                remedy="stop it after a step, then go on with `epochal resume RUN --columns ...`",
            )
        begin = given(weights, landmark, offline=offline) if weights is not None and group.first else None
        where = device_for(landmark, device, group) if pair is None else pair[0]
        numbers = {
            "seed": seed,
            "micro_batches": micro_batches,
            "workers": workers,
            "save_steps": save_steps,
            "signal_steps": signal_steps,
            "memory_gigabytes": memory_gigabytes,
        }
        check_numbers(numbers)
        opened = open_together(
            package.CARD.default_data if data is None else data, group, offline=offline, landmark=landmark
        )
        if package.CARD.learns_from == "pictures":
            _check_learnable(opened)
        name = name or (recipe if isinstance(recipe, str) else "custom")
        record = {
            "landmark": landmark,
            "landmark_version": package.CARD.version,
            "recipe_name": name + ("+" if overrides else ""),
            "recipe": chosen.model_dump(mode="json"),
            "data": lasting(opened.name),
            "data_digest": opened.digest,
            "data_note": opened.note,
            "classes": list(opened.classes) if package.CARD.learns_from == "pictures" else [],
            **numbers,
            "device": str(where) if group.size == 1 else where.type,  # of several processes, each has its own
            "column_devices": None if pair is None else [str(one) for one in pair],
            "processes": group.size,
            "precision": group.told(choose_precision(getattr(chosen, "precision", "fp32"), where)),
            "environment": environment(where),
            "stretches": [],
        }
        task = build_task(record, opened, where, pair, group, report if group.first else silent)
        stem = f"{landmark}-{name}-{opened.name.partition(':')[0]}-s{seed}"
        if begin is not None:
            record["start"] = begin_with(task, begin, landmark, head=head)
            report = _saying(told(record["start"]), report)
        run = _created(Path(runs) if runs is not None else catalogue.runs_folder(), stem, record, group)
        if weights is not None:
            keep_start(task, run, group)
        return run_task(run, task, record, opened, report if group.first else silent, {}, group)


def _saying(text: str, report: Report) -> Report:
    """The report of a training that goes on from a first checkpoint: it has not been stopped, but given weights."""

    def tell(row: dict[str, Any]) -> None:
        report({"kind": "note", "text": text} if row == {"kind": "resumed", "step": 0} else row)

    return tell


def _created(parent: Path, stem: str, record: dict, group: Group) -> Run:
    """A new run's folder, made by the first process."""
    folder = str(Run.create(parent, stem, record).folder) if group.first else ""
    return Run(Path(group.told(folder)))


def _check_learnable(data: ImageData) -> None:
    if len(data.classes) < 2:
        raise InputFault(
            f"the data {printable(data.name)} has one class only: {printable(data.classes[0])}",
            expected="at least two classes to tell apart",
            remedy="put the pictures of each class into a folder of its own",
        )
