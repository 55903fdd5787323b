"""A run: a folder with the resolved recipe, the metrics, the checkpoints and the figures."""

from __future__ import annotations

import fcntl
import json
import math
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from epochal.core.durable import FULL, disk_fault, replace_file, write_json
from epochal.core.fault import InputFault, printable

FORMAT = 1
# How often to ask for a run that is held, a fiftieth of a second apart.
_ATTEMPTS = 5
STATUSES = ("created", "running", "interrupted", "failed", "finished")

# What the fields of a record must be; a record comes from a file, and a file may hold anything.
_KINDS: dict[str, type | tuple[type, ...]] = {
    "status": str,
    "created": str,
    "landmark": str,
    "recipe": dict,
    "recipe_name": str,
    "data": str,
    "data_digest": str,
    "classes": list,
    "seed": int,
    "device": str,
    "workers": (int, type(None)),
    "micro_batches": int,
    "precision": str,
    "landmark_version": int,
    "stretches": list,
    "memory_gigabytes": (int, float, type(None)),
    "save_steps": (int, type(None)),
    "signal_steps": (int, type(None)),
    "environment": dict,
    "exit_code": int,
    "measured": dict,
    "start": (dict, type(None)),
    "results": (dict, type(None)),
    "seconds": (int, float, type(None)),
}
_ALWAYS = {"format", "status", "created", "landmark", "recipe"}


class Run:
    """A run's folder. Nothing is cached: what the folder says now is what the run is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def name(self) -> str:
        """The folder's own name."""
        return self.folder.name

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints lie."""
        return self.folder / "checkpoints"

    @property
    def figures(self) -> Path:
        """Where `look` writes its pictures."""
        return self.folder / "figures"

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    @classmethod
    def create(cls, parent: Path, stem: str, record: dict[str, Any]) -> Run:
        """Make a new run folder called after `stem` and the time, and write its record.

        Raises:
            InputFault: no folder can be made there.
            DiskFault: the disk is full.
        """
        created = datetime.now(UTC)
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-.")[:80]
        for attempt in range(1000):
            suffix = f"-{attempt}" if attempt else ""
            folder = parent / f"{stem}-{created:%Y%m%d-%H%M%S}{suffix}"
            try:
                folder.mkdir(parents=True)
                break
            except FileExistsError:
                if parent.is_dir():
                    continue
                raise _no_place(parent, "it is a file") from None
            except (OSError, ValueError) as error:  # ValueError: a NUL in the name
                if isinstance(error, OSError) and error.errno in FULL:
                    raise disk_fault(error, folder) from error
                raise _no_place(parent, getattr(error, "strerror", None) or str(error)) from None
        run = cls(folder)
        # Microseconds, so that `latest` is the latest even of two runs made in one second.
        head = {"format": FORMAT, "status": "created", "created": created.isoformat(timespec="microseconds")}
        write_json(folder / "run.json", {**head, **record})
        return run

    @classmethod
    def open(cls, folder: Path | str) -> Run:
        """An existing run, its record checked.

        Raises:
            InputFault: there is no run at that path, or its record cannot be read.
        """
        folder = Path(folder)
        if not os.path.isdir(folder):  # not Path.is_dir: that one raises for names that are too long
            shown = printable(str(folder))
            raise InputFault(
                f"{shown} is a file, and no run folder"
                if os.path.isfile(folder)
                else f"there is no run folder at {shown}",
                expected="the path of a run",
                remedy="`epochal runs` lists the runs",
            )
        if not (folder / "run.json").is_file():
            raise InputFault(
                f"{printable(str(folder))} is not a run folder: it has no run.json",
                expected="a folder that `epochal train` made",
                remedy="`epochal runs` lists the runs",
            )
        run = cls(folder)
        run._refuse_links()
        run.record()
        return run

    def _refuse_links(self) -> None:
        """A run may come from a stranger: nothing in it may lead a writer outside, or make a reader wait.

        Raises:
            InputFault: a part of the run is a link, a pipe or another special file.
        """
        for name in ("run.json", "metrics.jsonl", ".lock", "checkpoints", "figures"):
            path = self.folder / name
            if path.is_symlink() or (path.exists() and not (path.is_file() or path.is_dir())):
                raise InputFault(
                    f"{printable(str(path))} is a link or a special file",
                    expected="a plain file or folder, as `epochal train` makes them",
                    remedy="do not use this run unless you know who made it; replace the link by what it points to",
                )

    @classmethod
    def all(cls, parent: Path) -> list[Run]:
        """Every run below `parent`, oldest first; folders without a readable record are left out."""
        runs = []
        for path in parent.glob("*/run.json"):
            try:
                runs.append((cls.open(path.parent).record()["created"], path.parent))
            except InputFault:
                continue
        return [cls(folder) for _, folder in sorted(runs)]

    def record(self) -> dict[str, Any]:
        """What run.json says.

        Raises:
            InputFault: the record is damaged, or was written by a newer format.
        """
        path = self.folder / "run.json"
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(record, dict):
                raise ValueError("it holds no object")
            if missing := sorted(_ALWAYS - set(record)):
                raise ValueError(f"it has no {missing[0]}")
        except (OSError, ValueError, RecursionError) as error:
            raise self.damage(printable(str(error))) from None
        if record["format"] != FORMAT:
            raise InputFault(
                f"{printable(str(path))} has format {printable(json.dumps(record['format']), 60)}",
                expected=f"format {FORMAT}",
                remedy="use the version of epochal that wrote it",
            )
        results = record.get("results") or {}
        if not isinstance(results, dict) or not all(isinstance(value, int | float) for value in results.values()):
            raise self.damage(f"results is {printable(json.dumps(results), 60)}")
        for name, kind in _KINDS.items():
            if name in record and not isinstance(record[name], kind):
                raise self.damage(f"{name} is {printable(json.dumps(record[name]), 60)}")
        return record

    def damage(self, what: str) -> InputFault:
        """The fault to raise when the record says something impossible."""
        return InputFault(
            f"the record {printable(str(self.folder / 'run.json'))} is damaged: {what}",
            expected="the JSON that `epochal train` wrote",
            remedy="restore run.json from a copy, or train again",
        )

    def update(self, **changes: Any) -> None:
        """Change fields of the record, durably."""
        write_json(self.folder / "run.json", {**self.record(), **changes})

    def status(self) -> str:
        """The run's status; a run recorded as running that no process holds was killed: "stopped"."""
        status = str(self.record()["status"])
        return "stopped" if status in ("created", "running") and not self.is_held() else status

    def log(self, row: dict[str, Any]) -> None:
        """Append one line to metrics.jsonl.

        Raises:
            DiskFault: the disk is full or refuses.
        """
        path = self.folder / "metrics.jsonl"
        try:
            with open(path, "a", encoding="utf-8") as file:
                file.write(json.dumps(_finite(row), allow_nan=False) + "\n")
        except OSError as error:
            raise disk_fault(error, path) from error

    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl; a line cut short by a crash is left out.

        Raises:
            InputFault: the file is there and cannot be read.
        """
        path = self.folder / "metrics.jsonl"
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputFault(f"{printable(str(path))} cannot be read: {error.strerror}", expected="a file") from None
        rows = []
        for line in text.splitlines():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(row, dict):
                rows.append(row)
        return rows

    def keep_rows(self, wanted: Callable[[dict[str, Any]], bool]) -> None:
        """Drop the metric rows that are not `wanted`: a resumed run writes them again.

        Raises:
            DiskFault: the disk is full or refuses.
        """
        rows = [row for row in self.metrics() if wanted(row)]
        path = self.folder / "metrics.jsonl"
        try:
            replace_file(path, "".join(json.dumps(row) + "\n" for row in rows).encode())
        except OSError as error:
            raise disk_fault(error, path) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run for this process, so that no second one trains it at the same time.

        Raises:
            InputFault: another process holds it.
            DiskFault: the folder cannot be written to.
        """
        try:
            lock = open(self.folder / ".lock", "a", encoding="utf-8")  # noqa: SIM115 (closed below)
        except OSError as error:
            raise disk_fault(error, self.folder / ".lock") from error
        with lock as file:
            for attempt in range(_ATTEMPTS):
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if attempt + 1 < _ATTEMPTS:  # somebody may be looking whether it is held
                        time.sleep(0.02)
                        continue
                    raise InputFault(
                        f"the run {self.name} is being trained by another process",
                        remedy="wait for it, or stop it first (Ctrl-C or SIGTERM saves within one step)",
                    ) from None
                except OSError as error:
                    raise disk_fault(error, self.folder / ".lock") from error
            yield

    def is_held(self) -> bool:
        """True while some process trains the run."""
        try:
            lock = open(self.folder / ".lock", encoding="utf-8")  # noqa: SIM115 (closed below)
        except OSError:  # none was ever made, or it is not ours to look at
            return False
        with lock as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:  # a file system without locks
                return False
            return False


def _finite(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON can hold it: what is no number becomes null."""
    return {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in row.items()}


def _no_place(parent: Path, reason: str) -> InputFault:
    return InputFault(
        f"no run folder can be made in {printable(str(parent))}: {reason}",
        expected="a folder that can be written to",
        remedy="name another with --runs, or in EPOCHAL_RUNS",
    )
