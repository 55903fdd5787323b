"""Checkpoints that survive: complete or absent, verified when read, never pickled.

A checkpoint is a folder of `state.safetensors`, `state.json` and `manifest.json`. It is written under another name,
every file and the folder flushed to the disk, the manifest with the SHA-256 of the others last, and only then renamed.
Whatever kills the process, what stands under a checkpoint's name is whole; should the disk rot later, the hash tells
and the one before is used.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor

from epochal.core.durable import disk_fault, flush_file, flush_folder
from epochal.core.fault import DiskFault, InputFault, printable

FORMAT = 1
_NAME = re.compile(r"step-(\d{9,18})")


@dataclass(frozen=True)
class Snapshot:
    """Everything a run needs to go on: tensors by name, and plain values that JSON can hold."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    def under(self, prefix: str) -> Snapshot:
        """The part whose names begin with `prefix.`, the prefix removed."""
        start = f"{prefix}."
        return Snapshot(
            {name.removeprefix(start): t for name, t in self.tensors.items() if name.startswith(start)},
            {name.removeprefix(start): v for name, v in self.values.items() if name.startswith(start)},
        )

    def prefixed(self, prefix: str) -> Snapshot:
        """The same with `prefix.` before every name."""
        return Snapshot(
            {f"{prefix}.{name}": t for name, t in self.tensors.items()},
            {f"{prefix}.{name}": v for name, v in self.values.items()},
        )

    def __or__(self, other: Snapshot) -> Snapshot:
        return Snapshot({**self.tensors, **other.tensors}, {**self.values, **other.values})


@dataclass(frozen=True)
class Loaded:
    """A checkpoint that was read: its step, its content, and what was wrong with newer ones that were passed over."""

    step: int
    snapshot: Snapshot
    passed_over: tuple[str, ...] = ()


def save(folder: Path, step: int, snapshot: Snapshot, keep: int = 2) -> Path:
    """Write a checkpoint durably, then delete all but the newest `keep`.

    Raises:
        DiskFault: too little space, or the disk refuses; earlier checkpoints are untouched.
    """
    target = folder / f"step-{step:09d}"
    partial = folder / f".{target.name}.{os.getpid()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        clear_up(folder)
        _check_space(folder, snapshot)
        partial.mkdir()
        _write(partial, step, snapshot)
        flush_folder(partial)
        # The same step saved again (after its evaluation, or because its folder is damaged) takes the other's place.
        replaced = folder / f".{target.name}.replaced"
        if target.exists():
            os.rename(target, replaced)
        os.rename(partial, target)
        flush_folder(folder)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise disk_fault(error, target) from error
    except safetensors.SafetensorError as error:  # its writer wraps the system's error in text
        shutil.rmtree(partial, ignore_errors=True)
        raise DiskFault(
            f"could not write {target}: {error}",
            remedy="free some space and resume the run; the last complete checkpoint is untouched",
        ) from error
    # Later steps are none of ours: they were passed over as damaged, and count for nothing.
    for old in [other for other in list_steps(folder) if other <= step][:-keep]:
        shutil.rmtree(folder / f"step-{old:09d}", ignore_errors=True)
    return target


def _write(partial: Path, step: int, snapshot: Snapshot) -> None:
    safetensors.torch.save_file(_apart(snapshot.tensors), partial / "state.safetensors")
    (partial / "state.json").write_text(json.dumps(snapshot.values, indent=1), encoding="utf-8")
    files = {}
    for name in ("state.safetensors", "state.json"):
        flush_file(partial / name)
        files[name] = {"bytes": (partial / name).stat().st_size, "sha256": sha256(partial / name)}
    manifest = {"format": FORMAT, "step": step, "files": files}
    (partial / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    flush_file(partial / "manifest.json")


def _apart(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, each in memory of its own: the format has no room for tied weights."""
    apart: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, tensor in tensors.items():
        stored = tensor.detach().contiguous().cpu()
        place = stored.untyped_storage().data_ptr()
        apart[name] = stored.clone() if place in seen else stored
        seen.add(place)
    return apart


def clear_up(folder: Path, newest: int | None = None) -> None:
    """Remove what a killed process left half-written; only for the process that holds the run.

    A checkpoint that was about to be replaced gets its name back.

    Args:
        folder: a run's `checkpoints` folder.
        newest: the step that the run goes on from; later ones are damaged and set aside.
    """
    for replaced in folder.glob(".step-*.replaced"):
        target = folder / replaced.name.removeprefix(".").removesuffix(".replaced")
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
        else:
            os.rename(replaced, target)
    for partial in folder.glob(".step-*.partial"):
        shutil.rmtree(partial, ignore_errors=True)
    for step in list_steps(folder):
        if newest is not None and step > newest:
            aside = folder / f"damaged-step-{step:09d}"
            shutil.rmtree(aside, ignore_errors=True)
            os.rename(folder / f"step-{step:09d}", aside)


def _check_space(folder: Path, snapshot: Snapshot) -> None:
    needed = sum(t.numel() * t.element_size() for t in snapshot.tensors.values()) + (1 << 16)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFault(
            f"a checkpoint needs {needed / 1e6:,.1f} MB, and {folder} has {free / 1e6:,.1f} MB free",
            remedy="free some space and resume the run; the last complete checkpoint is untouched",
        )


def list_steps(folder: Path) -> list[int]:
    """The steps of the checkpoints in `folder`, oldest first, damaged ones included."""
    if not folder.is_dir():
        return []
    return sorted(int(match[1]) for path in folder.iterdir() if (match := _NAME.fullmatch(path.name)))


def load(folder: Path, report: Callable[[str], None] = lambda message: None) -> Loaded:
    """Read the newest checkpoint whose files match its manifest.

    Args:
        folder: a run's `checkpoints` folder.
        report: told about each damaged checkpoint that is passed over.

    Raises:
        InputFault: no checkpoint can be read.
    """
    passed_over: list[str] = []
    for step, path in _candidates(folder):
        try:
            return Loaded(step, _read(path, step), tuple(passed_over))
        except (OSError, ValueError, KeyError, TypeError, RecursionError, safetensors.SafetensorError) as error:
            message = f"checkpoint {path.name} is damaged ({printable(str(error))}); falling back to the one before"
            passed_over.append(message)
            report(message)
    raise InputFault(
        f"no checkpoint in {printable(str(folder))} can be read"
        + (f" ({len(passed_over)} damaged)" if passed_over else ""),
        expected="at least one complete checkpoint",
        remedy="name another run (`epochal runs` lists them), or train again",
    )


def _candidates(folder: Path) -> list[tuple[int, Path]]:
    """What can be read, newest first; nothing is touched, as another process may be training.

    One that was killed between two renames has left a checkpoint under the name it wears while being replaced.
    """
    found = [(step, folder / f"step-{step:09d}") for step in list_steps(folder)]
    if folder.is_dir():
        replaced = [path for path in folder.iterdir() if path.name.endswith(".replaced")]
        found += [(int(match[1]), path) for path in replaced if (match := _NAME.match(path.name[1:]))]
    return sorted(found, key=lambda one: (one[0], not one[1].name.startswith(".")), reverse=True)


def _read(path: Path, step: int) -> Snapshot:
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    if manifest["format"] != FORMAT or manifest["step"] != step:
        raise ValueError("the manifest is of another format or step")
    for name in ("state.safetensors", "state.json"):
        promised = manifest["files"][name]
        if (path / name).stat().st_size != promised["bytes"]:
            raise ValueError(f"{name} has {(path / name).stat().st_size} bytes, not {promised['bytes']}")
        if sha256(path / name) != promised["sha256"]:
            raise ValueError(f"{name} does not match its SHA-256")
    values = json.loads((path / "state.json").read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("state.json holds no object")
    return Snapshot(safetensors.torch.load_file(path / "state.safetensors"), values)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(snapshot: Snapshot) -> str:
    """One SHA-256 over every tensor and value: equal fingerprints mean equal bits."""
    digest = hashlib.sha256()
    for name in sorted(snapshot.tensors):
        tensor = snapshot.tensors[name].detach().contiguous().cpu()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.flatten().view(torch.uint8).numpy().tobytes())
    digest.update(json.dumps(snapshot.values, sort_keys=True).encode())
    return digest.hexdigest()
