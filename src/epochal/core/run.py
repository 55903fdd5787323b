"""A run: a folder with the resolved recipe, the metrics, the checkpoints and the figures."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from epochal.core.durable import disk_fault, write_json
from epochal.core.fault import InputFault, printable

FORMAT = 1
STATUSES = ("created", "running", "interrupted", "failed", "finished")


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
            DiskFault: the folder cannot be made or written to.
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
                continue
            except OSError as error:
                raise disk_fault(error, folder) from error
        run = cls(folder)
        head = {"format": FORMAT, "status": "created", "created": created.isoformat(timespec="seconds")}
        write_json(folder / "run.json", {**head, **record})
        return run

    @classmethod
    def open(cls, folder: Path | str) -> Run:
        """An existing run, its record checked.

        Raises:
            InputFault: there is no run at that path, or its record cannot be read.
        """
        folder = Path(folder)
        if not folder.is_dir():
            raise InputFault(
                f"there is no run folder at {printable(str(folder))}",
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
        run.record()
        return run

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
            if not isinstance(record, dict) or not {"format", "status", "created", "landmark", "recipe"} <= set(record):
                raise ValueError("fields are missing")
        except (OSError, ValueError, RecursionError) as error:
            raise InputFault(
                f"the record {printable(str(path))} is damaged: {printable(str(error))}",
                expected="the JSON that `epochal train` wrote",
                remedy="restore run.json from a copy, or train again",
            ) from None
        if record["format"] != FORMAT:
            raise InputFault(
                f"{printable(str(path))} has format {record['format']!r}",
                expected=f"format {FORMAT}",
                remedy="use the version of epochal that wrote it",
            )
        return record

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
                file.write(json.dumps(row, allow_nan=True) + "\n")
        except OSError as error:
            raise disk_fault(error, path) from error

    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl; a line cut short by a crash is left out."""
        path = self.folder / "metrics.jsonl"
        if not path.exists():
            return []
        rows = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                row = json.loads(line)
            except ValueError:
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
        partial = path.with_suffix(".partial")
        try:
            partial.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
            os.replace(partial, path)
        except OSError as error:
            raise disk_fault(error, path) from error

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run for this process, so that no second one trains it at the same time.

        Raises:
            InputFault: another process holds it.
        """
        with open(self.folder / ".lock", "w", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise InputFault(
                    f"the run {self.name} is being trained by another process",
                    remedy="wait for it, or stop it first (Ctrl-C or SIGTERM saves within one step)",
                ) from None
            yield

    def is_held(self) -> bool:
        """True while some process trains the run."""
        path = self.folder / ".lock"
        if not path.exists():
            return False
        with open(path, encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
            return False
