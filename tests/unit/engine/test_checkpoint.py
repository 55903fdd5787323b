from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from epochal.core.fault import DiskFault, InputFault
from epochal.engine import checkpoint
from epochal.engine.checkpoint import Snapshot, fingerprint


def snapshot(seed: int, size: int = 1000) -> Snapshot:
    generator = torch.Generator().manual_seed(seed)
    tensors = {
        "weights": torch.randn(size, generator=generator),
        "half": torch.randn(7, 3, generator=generator).bfloat16(),
        "transposed": torch.randn(5, 4, generator=generator).T,
        "state": torch.arange(9, dtype=torch.uint8),
        "scalar": torch.tensor(3.5),
    }
    return Snapshot(tensors, {"step": seed, "best": None, "rate": 0.1 + seed / 3})


def test_what_is_loaded_has_the_bits_that_were_saved(tmp_path: Path) -> None:
    saved = snapshot(1)
    checkpoint.save(tmp_path, 17, saved)
    loaded = checkpoint.load(tmp_path)
    assert loaded.step == 17
    assert fingerprint(loaded.snapshot) == fingerprint(saved)


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    for step in range(5):
        checkpoint.save(tmp_path, step, snapshot(step), keep=2)
    assert checkpoint.list_steps(tmp_path) == [3, 4]


def test_the_same_step_saved_again_holds_the_new_content(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 3, snapshot(1))
    checkpoint.save(tmp_path, 3, snapshot(2))
    assert checkpoint.load(tmp_path).snapshot.values["step"] == 2
    assert [path.name for path in tmp_path.iterdir()] == ["step-000000003"]


@pytest.mark.parametrize("name", ["state.safetensors", "state.json", "manifest.json"])
@pytest.mark.parametrize("damage", ["flipped bit", "cut short", "empty", "gone"])
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before_and_says_so(
    tmp_path: Path, name: str, damage: str
) -> None:
    checkpoint.save(tmp_path, 1, snapshot(1))
    newest = checkpoint.save(tmp_path, 2, snapshot(2))
    content = bytearray((newest / name).read_bytes())
    match damage:
        case "flipped bit":
            content[len(content) // 2] ^= 4
            (newest / name).write_bytes(content)
        case "cut short":
            (newest / name).write_bytes(content[:-9])
        case "empty":
            (newest / name).write_bytes(b"")
        case "gone":
            (newest / name).unlink()
    told: list[str] = []
    loaded = checkpoint.load(tmp_path, told.append)
    assert loaded.step == 1
    assert fingerprint(loaded.snapshot) == fingerprint(snapshot(1))
    assert len(told) == 1
    assert "step-000000002" in told[0]


def test_no_good_checkpoint_is_a_clear_fault(tmp_path: Path) -> None:
    (checkpoint.save(tmp_path, 1, snapshot(1)) / "state.json").unlink()
    with pytest.raises(InputFault, match="1 damaged"):
        checkpoint.load(tmp_path)


def test_a_manifest_that_is_deeply_nested_is_damage_not_a_crash(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, snapshot(1))
    newest = checkpoint.save(tmp_path, 2, snapshot(2))
    (newest / "manifest.json").write_text("[" * 100_000, encoding="utf-8")
    assert checkpoint.load(tmp_path).step == 1


def test_what_a_killed_process_left_half_written_is_never_read_and_cleared_by_the_next_save(tmp_path: Path) -> None:
    good = checkpoint.save(tmp_path, 1, snapshot(1))
    partial = tmp_path / ".step-000000002.123.partial"
    shutil.copytree(good, partial)
    assert checkpoint.load(tmp_path).step == 1
    assert partial.exists(), "a reader touches nothing: another process may be writing it"
    checkpoint.save(tmp_path, 3, snapshot(3))
    assert not partial.exists()


def test_a_checkpoint_about_to_be_replaced_is_read_and_gets_its_name_back(tmp_path: Path) -> None:
    good = checkpoint.save(tmp_path, 1, snapshot(1))
    replaced = tmp_path / ".step-000000001.replaced"
    good.rename(replaced)
    assert checkpoint.load(tmp_path).step == 1
    assert replaced.exists()
    checkpoint.clear_up(tmp_path)
    assert checkpoint.list_steps(tmp_path) == [1]


def test_damaged_newer_ones_never_cost_a_good_one_its_place(tmp_path: Path) -> None:
    for step in (100, 200, 300):
        checkpoint.save(tmp_path, step, snapshot(step), keep=9)
    for step in (200, 300):
        (tmp_path / f"step-{step:09d}" / "state.json").unlink()
    assert checkpoint.load(tmp_path).step == 100
    checkpoint.save(tmp_path, 110, snapshot(110), keep=2)
    assert checkpoint.list_steps(tmp_path) == [100, 110, 200, 300]
    checkpoint.clear_up(tmp_path, newest=110)
    assert checkpoint.list_steps(tmp_path) == [100, 110]
    assert (tmp_path / "damaged-step-000000300").is_dir(), "set aside, for who wants to look at it"
    checkpoint.save(tmp_path, 120, snapshot(120), keep=2)
    assert checkpoint.list_steps(tmp_path) == [110, 120]


def test_tied_weights_are_saved_and_come_back_equal(tmp_path: Path) -> None:
    weight = torch.randn(4, 5)
    checkpoint.save(tmp_path, 1, Snapshot({"embedding": weight, "decoder": weight, "half": weight[:2]}))
    tensors = checkpoint.load(tmp_path).snapshot.tensors
    assert torch.equal(tensors["embedding"], weight)
    assert torch.equal(tensors["decoder"], weight)
    assert torch.equal(tensors["half"], weight[:2])


@pytest.mark.parametrize("failing", range(8))
def test_a_full_disk_at_any_write_leaves_the_old_checkpoint_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    checkpoint.save(tmp_path, 1, snapshot(1))
    calls = {"count": 0}

    def full_from(function):
        def wrapped(*arguments, **options):
            calls["count"] += 1
            if calls["count"] > failing:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return function(*arguments, **options)

        return wrapped

    for target, name in (
        (checkpoint.safetensors.torch, "save_file"),
        (checkpoint, "flush_file"),
        (checkpoint, "flush_folder"),
        (Path, "write_text"),
        (os, "rename"),
    ):
        monkeypatch.setattr(target, name, full_from(getattr(target, name)))
    with pytest.raises(DiskFault, match="no space left"):
        checkpoint.save(tmp_path, 2, snapshot(2))
    monkeypatch.undo()
    loaded = checkpoint.load(tmp_path)
    # A failure after the rename (the folder's flush) leaves the new one complete; before it, the old one stands.
    assert fingerprint(loaded.snapshot) == fingerprint(snapshot(loaded.step))
    assert 1 in checkpoint.list_steps(tmp_path)
    checkpoint.save(tmp_path, 3, snapshot(3))
    assert checkpoint.load(tmp_path).step == 3


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(tmp_path, 1, snapshot(1))
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DiskFault, match="a checkpoint needs"):
        checkpoint.save(tmp_path, 2, snapshot(2))
    assert checkpoint.list_steps(tmp_path) == [1]


@pytest.fixture
def small_disk(tmp_path: Path):
    """A real file system of 1 MiB; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root; the injected errors above cover the code")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_really_fills_up_keeps_the_last_good_checkpoint(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint.save(small_disk, 1, snapshot(1, size=120_000))
    # Let it run into the wall instead of seeing it coming.
    monkeypatch.setattr(checkpoint, "_check_space", lambda folder, snapshot: None)
    with pytest.raises(DiskFault, match="free some space"):
        checkpoint.save(small_disk, 2, snapshot(2, size=200_000))
    assert checkpoint.list_steps(small_disk) == [1]
    assert fingerprint(checkpoint.load(small_disk).snapshot) == fingerprint(snapshot(1, size=120_000))
    assert not list(small_disk.glob(".step-*"))


def test_a_tensor_file_of_the_promised_size_but_hostile_header_is_damage(tmp_path: Path) -> None:
    checkpoint.save(tmp_path, 1, snapshot(1))
    newest = checkpoint.save(tmp_path, 2, snapshot(2))
    header = json.dumps({"weights": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]}}).encode()
    (newest / "state.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    manifest = json.loads((newest / "manifest.json").read_text())
    manifest["files"]["state.safetensors"] = {
        "bytes": (newest / "state.safetensors").stat().st_size,
        "sha256": checkpoint.sha256(newest / "state.safetensors"),
    }
    (newest / "manifest.json").write_text(json.dumps(manifest))
    assert checkpoint.load(tmp_path).step == 1
