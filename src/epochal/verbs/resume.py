"""Go on with a training that stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from epochal import landmarks as table
from epochal.core.fault import InputFault, printable
from epochal.core.report import Report, silent
from epochal.core.run import Run
from epochal.engine.device import choose_precision
from epochal.engine.distributed import together
from epochal.engine.group import Group
from epochal.verbs import catalogue
from epochal.verbs.environment import environment
from epochal.verbs.launch import LIMITS, build_task, check_numbers, column_devices, device_for, open_together, run_task

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


def resume(
    run: Run | Path | str,
    *,
    device: str | None = None,
    columns: str | None = None,
    workers: int | None = None,
    micro_batches: int | None = None,
    processes: int | None = None,
    offline: bool = False,
    report: Report = silent,
) -> Run:
    """Go on with a training from its newest good checkpoint, to the same bits as if it had never stopped.

    Args:
        run: its path, its name in the runs folder, or `latest`.
        device: another device than before (then the bits may differ); a network whose columns were on two devices goes
            on in one.
        columns: two devices, such as `cuda:0,cuda:1`, for a network of two columns.
        workers: another number of decoding processes; the bits do not depend on it.
        micro_batches: another split of each batch; the update is the same up to rounding and dropout's masks.
        processes: another number of processes than before: the one that torchrun has started. The update is the same
            up to rounding and dropout's masks.
        offline: never download.
        report: is shown each row of the log as it is written.

    Raises:
        InputFault: there is no such run, it is damaged or finished, or its data is not what it was.
        Interrupted: a signal came; everything was saved.
        NonFiniteFault: a loss or gradient was not finite.
        MemoryFault: the device ran out of memory.
        DiskFault: the disk is full or refuses.
        PeerFault: another of the processes that train together failed.
    """
    with together() as group:
        report = report if group.first else silent
        # The first process alone reads the folder, which another machine need not have.
        found, record = _unfinished(run) if group.first else (Run(Path()), {})
        folder, record = group.told([str(found.folder), record])
        found = Run(Path(folder))
        made = _changes(found, record, device, columns, workers, micro_batches, processes)
        record |= made
        _check(found, record, group)
        pair = _columns(found, record, group)
        if group.size > 1 and device is None:  # each process takes its own of that kind
            record["device"] = record["device"].partition(":")[0]
        where = device_for(record["landmark"], record["device"], group) if pair is None else pair[0]
        if {"device", "column_devices"} & made.keys():  # another device may compute in another precision
            precision = choose_precision(record["recipe"].get("precision", "fp32"), where)
            record["precision"] = group.told(precision)
        opened = open_together(record["data"], group, offline=offline, landmark=record["landmark"])
        if opened.digest != record["data_digest"]:
            raise InputFault(
                f"the data {printable(record['data'])} is not what the run {found.name} was started with",
                expected=f"content with the digest {record['data_digest'][:16]}...",
                remedy="put the data back as it was, or train again",
            )
        # The number of threads decides how sums are split, and so the last bits.
        torch.set_num_threads(record["environment"]["threads"])
        task = build_task(record, opened, where, pair, group, report)
        now = environment(where)
        for name in ("epochal", "torch", "processor", "accelerator"):
            if now[name] != record["environment"].get(name):
                text = f"{name} was {record['environment'].get(name)} and is {now[name]}: the last bits may differ"
                report({"kind": "note", "text": text})
        stretch = {
            "environment": now,
            "device": str(where),
            "column_devices": record.get("column_devices"),
            "processes": group.size,
            "precision": record["precision"],
        }
        started = {**made, "precision": record["precision"], "stretches": [*record["stretches"], stretch]}
        return run_task(found, task, record, opened, report, started, group)


def _unfinished(run: Run | Path | str) -> tuple[Run, dict[str, Any]]:
    found = catalogue.find_run(run)
    record = found.record()
    if record["status"] == "finished":
        raise InputFault(
            f"the run {found.name} is finished",
            expected="a run that stopped before its end",
            remedy=f"`epochal evaluate {found.folder}` measures it; `epochal train` starts another",
        )
    return found, record


def _changes(
    run: Run,
    record: dict[str, Any],
    device: str | None,
    columns: str | None,
    workers: int | None,
    micro_batches: int | None,
    processes: int | None,
) -> dict[str, Any]:
    """What is to be otherwise than the record says."""
    if device is not None and columns is not None:
        raise InputFault(f"either --columns {printable(columns)} or --device {printable(device)}", expected="not both")
    changes = {"device": device, "workers": workers, "micro_batches": micro_batches, "processes": processes}
    made: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    if columns is not None:
        made["column_devices"] = columns.split(",")
    elif device is not None and record.get("column_devices") is not None:
        made["column_devices"] = None
    return made


def _check(run: Run, record: dict[str, Any], group: Group) -> None:
    """Refuse a record that lacks something, or is of another version or another number of processes."""
    if missing := [name for name in _NEEDED if name not in record]:
        raise run.damage(f"it has no {missing[0]}")
    package = table.load(record["landmark"])
    if record["landmark_version"] != package.CARD.version:
        raise InputFault(
            f"the run {run.name} was started with version {record['landmark_version']} of {record['landmark']}",
            expected=f"version {package.CARD.version}: another one computes other numbers",
            remedy="resume it with the epochal it was started with, or train again",
        )
    threads, before = record["environment"].get("threads"), record.get("processes", 1)
    numbers = {name: record[name] for name in LIMITS if name in record}
    check_numbers(numbers | {"threads": threads, "processes": before})
    if before != group.size:
        command = f"epochal resume {run.folder}"
        again = command if before == 1 else f"torchrun --nproc_per_node {before} -m {command}"
        raise InputFault(
            f"the run {run.name} is to be trained by {before} process{'es' * (before > 1)}, and here are {group.size}",
            expected="the same number, so that it goes on to the same bits",
            remedy=f"{again}; or go on with other masks of dropout: --processes {group.size}",
        )


def _columns(run: Run, record: dict[str, Any], group: Group) -> tuple[torch.device, torch.device] | None:
    names = record.get("column_devices")
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise run.damage("column_devices is no pair of devices")
    return column_devices(None if names is None else ",".join(names), group)
