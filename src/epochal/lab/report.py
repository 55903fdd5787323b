"""What is kept of an experiment: small JSON records, from which every table in the documentation is made.

A record holds what a reader needs to believe and to repeat the numbers, and no path of the machine it was made on.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from epochal.core.claim import Arm
from epochal.core.durable import write_json
from epochal.core.fault import InputFault, printable
from epochal.core.run import Run
from epochal.core.verdict import Measured
from epochal.data.specification import shown
from epochal.lab.experiment import Experiment
from epochal.lab.jobs import Stock
from epochal.lab.values import ran_away

_HARDWARE = ("processor", "cores", "accelerator", "fast_bf16", "torch", "python", "system", "epochal")


def provenance(experiment: Experiment, stock: Stock, measured: tuple[Measured, ...]) -> dict[str, Any]:
    """The runs behind an experiment's numbers: seeds, values, commits, times, hardware.

    Raises:
        InputFault: the runs did not learn from the same data.
    """
    arms = []
    everything: list[Run] = []
    for arm, numbers in zip(experiment.arms, measured, strict=True):
        runs = experiment.runs(arm, stock)
        everything += runs
        arms.append(
            {
                "arm": arm.name,
                "tuned": numbers.tuned,
                "at_edge": at_edge(arm, numbers.tuned),
                "recipe": runs[0].record()["recipe"],
                "runs": [_run(run, number) for run, number in zip(runs, numbers.values, strict=True)],
            }
        )
    records = [run.record() for run in everything]
    digests = {record["data_digest"] for record in records}
    if len(digests) > 1:
        raise InputFault(
            f"the runs of {experiment.name} learned from different data under one name, {printable(experiment.data)}",
            expected="one content for all arms and seeds",
            remedy="move the runs made with other data out of the runs folder",
        )
    machines: list[dict[str, Any]] = []
    for record in records:
        machine = {name: record["environment"].get(name) for name in _HARDWARE}
        machine |= {"threads": record["environment"].get("threads"), "precision": record["precision"]}
        if machine not in machines:
            machines.append(machine)
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"epochal {_verb(experiment)}",
        "landmark": experiment.landmark,
        "landmark_version": records[0]["landmark_version"],
        "data": shown(experiment.data),
        "data_digest": digests.pop(),
        "seeds": list(experiment.seeds),
        "changed": list(experiment.changed),
        "commits": sorted({commit for record in records if (commit := record["environment"].get("commit"))}),
        "hardware": machines,
        "seconds_a_run": round(fmean(_seconds(run) for run in everything), 1),
        "arms": arms,
    }


def at_edge(arm: Arm, tuned: dict[str, float]) -> bool:
    """True if the best value of an arm's own setting was the least or largest tried: a better one may lie beyond."""
    if arm.tuning is None:
        return False
    return tuned.get(arm.tuning.setting) in (min(arm.tuning.values), max(arm.tuning.values))


def _verb(experiment: Experiment) -> str:
    if experiment.name == "ablation":
        return f"ablate {experiment.landmark}"
    return f"check {experiment.landmark}/{experiment.name}"


def _run(run: Run, number: float) -> dict[str, Any]:
    record = run.record()
    return {
        "seed": record["seed"],
        "value": round(number, 6),
        "commit": record["environment"].get("commit"),
        "date": record["created"],
        "seconds": _seconds(run),
        "results": record.get("results") or {},
        **({"ran_away": record["reason"]} if ran_away(run) else {}),
        "evaluations": [
            {name: value for name, value in row.items() if name not in ("kind", "seconds")}
            for row in run.metrics()
            if row.get("kind") == "evaluation"
        ],
    }


def _seconds(run: Run) -> float:
    """How long the run took; of one whose numbers ran away, until its last row."""
    known = run.record().get("seconds")
    return float(known if known is not None else next((row["seconds"] for row in reversed(run.metrics())), 0.0))


def made(folder: Path) -> Path:
    """The folder for records, made if it is not there; to be asked for before the hours of training, not after.

    Raises:
        InputFault: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("permission denied")
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or str(error)
        raise InputFault(
            f"results cannot be written to {printable(str(folder))}: {reason}",
            expected="a folder that can be written to",
            remedy="name another with --out",
        ) from None
    return folder


def write(record: dict[str, Any], folder: Path, name: str) -> Path:
    """Write a record; return its path.

    Raises:
        InputFault: the folder cannot be made.
        DiskFault: the disk is full or refuses.
    """
    path = made(folder) / f"{name}.json"
    write_json(path, record)
    return path
