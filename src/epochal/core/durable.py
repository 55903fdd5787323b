"""Files that survive a crash: written beside their name, flushed to the disk, then renamed."""

from __future__ import annotations

import errno
import json
import os
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from epochal.core.fault import DiskFault

# The errors of a disk that has no room left.
FULL = (errno.ENOSPC, errno.EDQUOT)


def flush_file(path: Path) -> None:
    """Force the file's bytes to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# A folder's entry for a renamed file is itself data: without this a power cut can undo the rename.
def flush_folder(path: Path) -> None:
    """Force the folder's list of names to the disk (where the system lets a folder be opened)."""
    if os.name == "nt":  # pragma: no cover - Windows journals renames and cannot open folders
        return
    flush_file(path)


def write_text(path: Path, text: str) -> None:
    """Replace the file at `path` by `text`: after a crash it holds the old text or the new, never a part.

    Raises:
        DiskFault: the disk is full or refuses; the old file is as it was.
    """
    content = text.encode("utf-8")
    try:
        replace_file(path, content)
    except OSError as error:
        raise disk_fault(error, path) from error


def replace_file(path: Path, content: bytes | Iterable[bytes]) -> None:
    """Replace the file at `path`: after a crash it holds the old bytes or the new, never a part.

    Args:
        path: the file.
        content: its new bytes, whole or in parts that are written as they come.

    Raises:
        OSError: the system refuses; the old file is as it was.
    """
    # Short and of its own, because the name itself may be as long as the system allows.
    partial = path.with_name(f".{os.getpid()}-{threading.get_ident()}.partial")
    partial.unlink(missing_ok=True)
    try:
        # Exclusively: were a link waiting there, it would not be followed.
        with open(partial, "xb") as file:
            file.writelines([content] if isinstance(content, bytes) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """Replace the file at `path` by `value` as JSON, durably.

    Everything outside ASCII is escaped: a name on a disk need not be text, and would not be UTF-8.

    Raises:
        DiskFault: the disk is full or refuses; the old file is as it was.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=True, allow_nan=False) + "\n")


def disk_fault(error: OSError, path: Path) -> DiskFault:
    """The fault to raise for a failed write to `path`."""
    if error.errno in FULL:
        return DiskFault(
            f"no space left on the disk while writing {path}",
            remedy="free some space and resume the run; the last complete checkpoint is untouched",
        )
    return DiskFault(
        f"could not write {path}: {error.strerror or error}",
        expected="a folder that can be written to",
        remedy="check the folder's permissions and free space, then resume the run",
    )
