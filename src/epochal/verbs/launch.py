"""What every training begins with, new or resumed: devices, data, the task, and then the loop."""

from __future__ import annotations

import os
from collections.abc import Callable
from inspect import signature
from typing import Any, Protocol, runtime_checkable

import torch

from epochal import landmarks as table
from epochal.core.fault import InputFault, printable
from epochal.core.report import Report, silent
from epochal.core.run import Run
from epochal.data.feed import RESIDENT_BYTES
from epochal.data.source import open_data
from epochal.data.text import open_text
from epochal.engine.allocator import keep_large_blocks
from epochal.engine.device import LESS_TEXT, SMALLER_PARTS, choose_device, memory_explained
from epochal.engine.fit import Pace, fit
from epochal.engine.group import Group
from epochal.engine.schedule import remarks
from epochal.engine.supervised import Supervised

# The range of every number that is no setting of a recipe. A larger seed would be cut to 64 bits, and two seeds be one.
LIMITS = {
    "seed": (0, 2**63 - 1),
    "micro_batches": (1, 65536),
    "workers": (0, 256),
    "save_steps": (1, 10**12),
    "signal_steps": (1, 10**12),
    "memory_gigabytes": (0, 10**6),
    "threads": (1, 4096),
    "processes": (1, 65536),
}
_OPTIONAL = ("workers", "save_steps", "signal_steps", "memory_gigabytes")

Columns = tuple[torch.device, torch.device]


def check_numbers(given: dict[str, Any]) -> None:
    """Refuse numbers that are out of their range.

    Raises:
        InputFault: one is.
    """
    for name, value in given.items():
        least, most = LIMITS[name]
        if value is None and name in _OPTIONAL:
            continue
        # Written this way round, NaN is refused as well.
        if not isinstance(value, int | float) or not least <= value <= most:
            raise InputFault(f"{name} cannot be {value}", expected=f"a number from {least:,} to {most:,}")


def column_devices(wanted: str | None, group: Group) -> Columns | None:
    """The devices of the two columns, from a text such as `cuda:0,cuda:1`.

    Raises:
        InputFault: these are no two devices of one kind, or several processes train.
    """
    if wanted is None:
        return None
    names = [name.strip() for name in wanted.split(",")]
    if len(names) != 2 or "auto" in names:
        raise InputFault(
            f"the columns cannot go on {printable(wanted)!r}", expected="two devices, such as cuda:0,cuda:1 or cpu,cpu"
        )
    first, second = (choose_device(name) for name in names)
    if first.type != second.type:
        raise InputFault(
            f"the columns cannot go on devices of two kinds: {first} and {second}", expected="cuda:0,cuda:1 or cpu,cpu"
        )
    if group.size > 1:
        raise InputFault(
            f"{group.size} processes cannot each put two columns on {first} and {second}",
            expected="either --columns, or several processes",
        )
    return first, second


def device_for(landmark: str, wanted: str, group: Group) -> torch.device:
    """The device of this process; a text is learned from on the CPU where `auto` finds Apple's GPU.

    Raises:
        InputFault: there is no such device here, or the landmark cannot be trained on it.
    """
    device = group.device(wanted)
    if device.type != "mps" or table.load(landmark).CARD.learns_from != "text":
        return device
    if wanted != "auto":
        raise InputFault(f"{landmark} adds up in float64, which mps has not", expected="--device cpu, or cuda")
    return torch.device("cpu")


@runtime_checkable
class Data(Protocol):
    """What a landmark learns from: labelled pictures, or a text."""

    @property
    def name(self) -> str:
        """The specification it was opened by."""
        ...

    @property
    def digest(self) -> str:
        """SHA-256 of the content."""
        ...

    @property
    def note(self) -> str:
        """What a person should know."""
        ...


def opener(landmark: str) -> Callable[..., Any]:
    """How a landmark's data is opened: as text, or as labelled pictures."""
    return open_text if table.load(landmark).CARD.learns_from == "text" else open_data


def open_together(spec: str, group: Group, *, offline: bool, landmark: str) -> Any:
    """The data, the same in all processes; what is missing is downloaded once on each machine.

    Raises:
        InputFault: it cannot be opened, or another machine has other data under that name.
    """
    open_it = opener(landmark)
    data = open_it(spec, offline=offline) if group.local_rank == 0 else None
    group.wait()
    data = open_it(spec, offline=offline) if data is None else data
    if group.told(data.digest) != data.digest:
        raise InputFault(
            f"the data {printable(spec)} is not the same on all machines: process {group.rank} has other content",
            expected="the same files everywhere",
        )
    return data


def build_task(
    record: dict[str, Any],
    data: Data,
    device: torch.device,
    columns: Columns | None,
    group: Group,
    report: Report = silent,
) -> Any:
    """The training that a record describes; where its data takes long to be read, the report is told.

    Raises:
        InputFault: the landmark cannot be trained in that way.
        MemoryFault: the device ran out of memory.
    """
    package = table.load(record["landmark"])
    if device.type == "cpu" and package.CARD.learns_from == "pictures":
        keep_large_blocks()
    gigabytes = record["memory_gigabytes"]
    build: Callable[..., Any] = _train_module(record["landmark"]).task
    # `auto` was settled when the run began: a resumed run computes as before, wherever it is.
    settled = {"precision": record["precision"]} if "precision" in record["recipe"] else {}
    options: dict[str, Any] = {} if columns is None else {"columns": columns}
    options |= {} if group.size == 1 else {"group": group}
    for name in options:
        if name not in signature(build).parameters:
            how = "two columns" if name == "columns" else "several processes"
            raise InputFault(f"{record['landmark']} cannot be trained in {how}", expected="one process, one device")
    if package.CARD.learns_from == "text":
        _refuse_pictures_options(record)
        options["report"] = report
    with memory_explained(device, LESS_TEXT if package.CARD.learns_from == "text" else SMALLER_PARTS):
        return build(
            package.RECIPE.parse({**record["recipe"], **settled}),
            data,
            seed=record["seed"],
            device=device,
            workers=default_workers(group) if record["workers"] is None else record["workers"],
            micro_batches=record["micro_batches"],
            resident_bytes=RESIDENT_BYTES if gigabytes is None else int(gigabytes * 1e9),
            **options,
        )


def _refuse_pictures_options(record: dict[str, Any]) -> None:
    given = {
        "--workers": record["workers"],
        "--micro-batches": record["micro_batches"] != 1,
        "--memory-gb": record["memory_gigabytes"],
    }
    for name, is_given in given.items():
        if is_given:
            raise InputFault(
                f"{name} is for pictures, and {record['landmark']} learns from text",
                expected=f"no {name}",
                remedy="--set threads=... says how many threads learn",
            )


def _train_module(landmark: str) -> Any:
    from importlib import import_module

    return import_module(f"epochal.landmarks.{landmark}.train")


def default_workers(group: Group | None = None) -> int:
    """One decoding process per core, at most four; the cores are shared with the other trainings on this machine."""
    cores = os.cpu_count() or 1
    return min(4, cores if group is None else max(1, cores // group.here))


def run_task(
    run: Run,
    task: Any,
    record: dict[str, Any],
    data: Data,
    report: Report,
    started: dict[str, Any],
    group: Group,
) -> Run:
    """Train to the end; return the run."""
    report(
        {
            "kind": "begin",
            "run": str(run.folder),
            "steps": task.steps,
            "epochs": task.steps / task.steps_per_epoch,
            "device": ", ".join(record.get("column_devices") or [str(task.device)])
            + (f" in {group.size} processes" if group.size > 1 else ""),
            "precision": record["precision"],
            "size": task.size(),
            "note": data.note,
        }
    )
    for text in remarks(task.schedule, task.steps) if isinstance(task, Supervised) else ():
        report({"kind": "note", "text": text})
    pace = Pace(save_steps=record["save_steps"], signal_steps=record.get("signal_steps"))
    fit(task, run, pace, report, started, group)
    return run
