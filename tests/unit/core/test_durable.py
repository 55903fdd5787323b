from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from epochal.core.durable import disk_fault, write_json, write_text
from epochal.core.fault import DiskFault


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_text(path, "old")
    write_text(path, "né\n")
    assert path.read_bytes() == "né\n".encode()
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_a_failed_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    path = tmp_path / "file"
    write_text(path, "old")

    def refuse(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(DiskFault) as caught:
        write_text(path, "new")
    full = number in (errno.ENOSPC, errno.EDQUOT)
    assert ("no space left" in caught.value.what) == full
    assert caught.value.exit_code == 5
    assert "file" in caught.value.what
    assert caught.value.remedy
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"], "nothing is left lying about"


def test_a_device_without_space_is_told() -> None:
    """A real ENOSPC, at the moment of the flush."""
    with pytest.raises(OSError, match="No space") as caught, open("/dev/full", "wb", buffering=0) as file:
        file.write(b"x")
    assert "no space left on the disk while writing somewhere" in str(disk_fault(caught.value, Path("somewhere")))


def test_what_is_no_json_number_is_refused_before_the_file_is_touched(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["file.json"]


def test_the_order_is_file_rename_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rename before the flush could leave an empty file after a power cut."""
    calls = []
    fsync, replace = os.fsync, os.replace

    def recorded_fsync(descriptor: int) -> None:
        name = os.readlink(f"/proc/self/fd/{descriptor}")
        calls.append("folder" if Path(name) == tmp_path else "file")
        fsync(descriptor)

    def recorded_replace(source: Path, target: Path) -> None:
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(os, "replace", recorded_replace)
    write_text(tmp_path / "file", "text")
    assert calls == ["file", "rename", "folder"]
