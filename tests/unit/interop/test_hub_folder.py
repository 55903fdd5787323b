"""A model's folder: whole or not at all when written; believed in nothing when read."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from epochal.core.fault import DiskFault, InputFault
from epochal.interop import hub_folder
from epochal.interop.hub_folder import fetch_folder, open_hub_folder, write_hub_folder

CONFIG = {"landmark": "alexnet", "landmark_version": 1, "recipe": {"lr": 0.1}, "classes": ["cat", "dog"]}
WEIGHTS = {"conv1.weight": torch.randn(2, 3, 3, 3)}
MEAN = {"mean": torch.randn(4, 4, 3)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_hub_folder(tmp_path / "model", CONFIG, WEIGHTS, MEAN, "# A model\n")
    return tmp_path / "model"


def test_what_is_written_comes_back(folder: Path) -> None:
    opened = open_hub_folder(folder)
    assert {name: opened.config[name] for name in CONFIG} == CONFIG
    assert opened.classes == ("cat", "dog")
    assert torch.equal(opened.weights.read("conv1.weight"), WEIGHTS["conv1.weight"])
    assert torch.equal(opened.preprocessing.read("mean"), MEAN["mean"])


def test_it_holds_four_files_and_nothing_is_left_beside_it(folder: Path) -> None:
    files = {"README.md", "config.json", "model.safetensors", "preprocessing.safetensors"}
    assert {path.name for path in folder.iterdir()} == files
    assert list(folder.parent.iterdir()) == [folder]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hub_folder, "write_text", full)
    with pytest.raises(DiskFault, match="no space left"):
        write_hub_folder(tmp_path / "model", CONFIG, WEIGHTS, MEAN, "card")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessing.safetensors"])
def test_a_file_that_is_missing_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputFault, match=name):
        open_hub_folder(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "preprocessing.safetensors"])
def test_a_link_to_elsewhere_is_refused(folder: Path, tmp_path: Path, name: str) -> None:
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputFault, match=f"{name} is a link"):
        open_hub_folder(folder)


def test_the_hubs_own_cache_is_made_of_links(folder: Path, tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "models--a--b" / "blobs", tmp_path / "models--a--b" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for path in folder.iterdir():
        shutil.copy(path, blobs / f"{path.name}-hash")
        (snapshot / path.name).symlink_to(Path("..", "..", "blobs", f"{path.name}-hash"))
    assert open_hub_folder(snapshot).classes == ("cat", "dog")
    (snapshot / "config.json").unlink()
    (snapshot / "config.json").symlink_to(folder / "config.json")
    with pytest.raises(InputFault, match=r"config\.json is a link"):
        open_hub_folder(snapshot)


def test_a_pipe_does_not_make_a_reader_wait(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    with pytest.raises(InputFault, match="no exported model"):
        open_hub_folder(folder)


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another library's": (lambda config: {"model_type": "bert"}, "not written by epochal"),
    "a list": (lambda config: [config], "not written by epochal"),
    "a newer format": (lambda config: {**config, "format": 2}, "has format 2"),
    "a landmark that is a number": (lambda config: {**config, "landmark": 3}, "landmark is 3"),
    "no recipe": (lambda config: {**config, "recipe": None}, "recipe is null"),
    "a version that is a text": (lambda config: {**config, "landmark_version": "1"}, "landmark_version is"),
    "no classes": (lambda config: {**config, "classes": []}, "no list of names"),
    "classes that are numbers": (lambda config: {**config, "classes": [1, 2]}, "no list of names"),
}


@pytest.mark.parametrize(("change", "told"), CHANGES.values(), ids=CHANGES)
def test_a_config_that_says_something_else_is_refused(folder: Path, change: Callable[..., Any], told: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(change(config)))
    with pytest.raises(InputFault, match=told):
        open_hub_folder(folder)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b'{"a":' * 50_000, b" " * (17 << 20)],
    ids=["empty", "cut", "binary", "deep", "huge"],
)
def test_a_config_that_is_no_json_is_refused(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(InputFault, match=r"config\.json cannot be used"):
        open_hub_folder(folder)


def test_a_model_of_the_hub_comes_from_its_client(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = {}

    def snapshot_download(repository: str, **options: Any) -> str:
        asked.update(repository=repository, **options)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert fetch_folder("owner/name") == folder
    assert asked["repository"] == "owner/name"
    assert not asked["local_files_only"]
    assert set(asked["allow_patterns"]) == {path.name for path in folder.iterdir()}
    fetch_folder("owner/name", offline=True)
    assert asked["local_files_only"]


def test_a_model_that_is_nowhere_is_told_without_asking_the_network() -> None:
    with pytest.raises(InputFault, match="no file, folder or run owner/nothing") as fault:
        fetch_folder("owner/nothing", offline=True)
    assert "switched off" in fault.value.remedy
