"""Weights that are damaged, of something else, or made to attack: told with exit code 2, and nothing is run or lost."""

from __future__ import annotations

import base64
import importlib
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.cli.command import epochal_command, refused, trained_run
from tests.unit.interop.caffemodel import caffemodel

import epochal
from epochal.core.fault import InputFault
from epochal.interop.file import open_file
from epochal.interop.safetensors_file import write_safetensors
from epochal.verbs.trained import load_classifier
from epochal.verbs.weights import load_into, read_weights

importlib.import_module("epochal.cli.exchange")  # the command `export`

TITLE = "\x1b]0;owned\x07"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(tmp_path_factory.mktemp("trained"))


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return epochal.export(trained, "hub", out=tmp_path_factory.mktemp("hub") / "model").path


@pytest.fixture
def model(exported: Path, tmp_path: Path) -> Path:
    """A folder of one's own to damage."""
    return Path(shutil.copytree(exported, tmp_path / "model"))


def told(read: Callable[[], Any]) -> str:
    """What a reader says that must refuse."""
    with pytest.raises(InputFault) as fault:
        read()
    assert fault.value.exit_code == 2
    assert "\x1b" not in str(fault.value)
    return str(fault.value)


# --- files ---


class Bomb:
    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("name", ["w.pth", "w.pt", "w.pkl", "w.npz", "w.npy", "w.safetensors", "w.caffemodel", "w"])
@pytest.mark.parametrize("form", ["torch", "old torch", "pickle 2", "pickle 4", "npy"])
def test_a_bomb_is_never_set_off_whatever_it_is_called(tmp_path: Path, name: str, form: str) -> None:
    path, bomb = tmp_path / name, {"conv1.weight": torch.zeros(2), "b": Bomb(tmp_path / "canary")}
    with open(path, "wb") as file:
        match form:
            case "torch":
                torch.save(bomb, file)
            case "old torch":
                torch.save(bomb, file, _use_new_zipfile_serialization=False)
            case "npy":
                np.save(file, np.array(bomb, dtype=object))
            case _:
                file.write(pickle.dumps(bomb, int(form[-1])))
    assert name in told(lambda: read_weights(path, "alexnet"))
    assert not (tmp_path / "canary").exists()


def test_a_source_that_is_nothing_is_told(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for source in ("none.pth", "a/b.pth", "a/b/c/d", "a\0b", "", "x" * 5000, TITLE, "~", "owner/name"):
        told(lambda source=source: read_weights(source, "alexnet", offline=True))
        told(lambda source=source: epochal.from_pretrained(source, offline=True))
    for path in (tmp_path / "pipe", tmp_path / "empty", tmp_path / "loop", Path("/dev/zero")):
        told(lambda path=path: read_weights(path, "alexnet"))
    assert "no runs" in told(lambda: read_weights("latest", "alexnet"))


def test_a_mistyped_path_is_not_looked_for_on_the_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def asked(*_: Any, **__: Any) -> None:
        raise AssertionError("the Hub was asked")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", asked)
    assert "cannot be read" in told(lambda: read_weights("weights/alexnet.pth", "alexnet"))


def test_another_landmark_is_told(trained: Path, model: Path, tmp_path: Path) -> None:
    done = epochal.export(trained, out=tmp_path / "w.safetensors")
    tensors = safetensors.torch.load_file(done.path)
    safetensors.torch.save_file(tensors, tmp_path / "v.safetensors", {"landmark": "vgg"})
    assert "landmark vgg" in told(lambda: read_weights(tmp_path / "v.safetensors", "alexnet"))
    rewrite(model, landmark="vgg")
    assert "landmark vgg" in told(lambda: read_weights(model, "alexnet"))
    assert "no landmark is called 'vgg'" in told(lambda: epochal.from_pretrained(model))
    assert "no landmark is called" in told(lambda: read_weights(trained, TITLE))


SOUND = {"recipe": "{}", "classes": "[]", "mean_colour": "[0.0, 0.0, 0.0]"}
METADATA = {
    "no recipe": {},
    "a recipe that is no JSON": {"recipe": "{", "classes": "[]", "mean_colour": "[0.0, 0.0, 0.0]"},
    "a recipe that is deep": {"recipe": "[" * 50_000, "classes": "[]", "mean_colour": "[0.0, 0.0, 0.0]"},
    "a recipe that is a list": {"recipe": "[]", "classes": "[]", "mean_colour": "[0.0, 0.0, 0.0]"},
    "unknown settings": {"recipe": '{"__class__": 1}', "classes": "[]", "mean_colour": "[0.0, 0.0, 0.0]"},
    "hostile settings": {"recipe": json.dumps({TITLE: 1}), "classes": "[]", "mean_colour": "[0.0, 0.0, 0.0]"},
    "a mean that is no number": {"recipe": "{}", "classes": "[]", "mean_colour": "[NaN, 0.0, 0.0]"},
    "a mean picture of another size": {**SOUND, "mean_picture": "AAAAAAAAAAAAAAAA"},
    "a mean picture that is none": {**SOUND, "mean_picture": "?"},
    "a mean picture that is no number": {**SOUND, "mean_picture": base64.b64encode(b"\xff" * 12 * 256**2).decode()},
    "a layout that is none": {**SOUND, "layout": TITLE},
    "a mean that is a text": {"recipe": "{}", "classes": "[]", "mean_colour": '["a", "b", "c"]'},
}


@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA)
def test_metadata_made_by_a_stranger_are_refused(tmp_path: Path, metadata: dict[str, str]) -> None:
    path = tmp_path / "w.safetensors"
    safetensors.torch.save_file({"conv1.weight": torch.ones(2, 3, 3, 3)}, path, {"landmark": "alexnet", **metadata})
    told(lambda: read_weights(path, "alexnet"))


def test_weights_that_are_no_numbers_are_refused_from_everywhere(trained: Path, model: Path, tmp_path: Path) -> None:
    tensors = safetensors.torch.load_file(model / "model.safetensors")
    tensors["fc8.bias"][0] = float("nan")
    torch.save(tensors, tmp_path / "w.pth")
    safetensors.torch.save_file(tensors, tmp_path / "w.safetensors")
    safetensors.torch.save_file(tensors, model / "model.safetensors")
    for source in (tmp_path / "w.pth", tmp_path / "w.safetensors", model):
        assert "fc8.bias holds 1 numbers that are not finite" in told(
            lambda source=source: read_weights(source, "alexnet")
        )
    assert "not finite" in told(lambda: epochal.from_pretrained(model))


def test_wrong_shapes_name_the_first_difference_and_change_nothing(trained: Path, tmp_path: Path) -> None:
    network = load_classifier(epochal.Run(trained), "cpu")[0].model
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    tensors = {**before, "conv2.weight": torch.zeros(8, 8, 3, 3), "fc8.bias": torch.zeros(3)}
    write_safetensors(tmp_path / "w.safetensors", tensors, {})
    weights = read_weights(tmp_path / "w.safetensors", "alexnet")
    assert "conv2.weight is 8 x 8 x 3 x 3" in told(lambda: load_into(network, weights))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


# --- folders ---


def rewrite(folder: Path, **fields: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **fields}))


def recipe(folder: Path, **fields: Any) -> None:
    rewrite(folder, recipe={**json.loads((folder / "config.json").read_text())["recipe"], **fields})


def change(folder: Path, file: str, name: str, tensor: torch.Tensor) -> None:
    tensors = safetensors.torch.load_file(folder / file)
    safetensors.torch.save_file({**tensors, name: tensor}, folder / file)


DAMAGE: dict[str, tuple[Callable[[Path], Any], str]] = {
    "an unknown setting": (lambda f: recipe(f, **{TITLE: 1}), "no setting is called"),
    "units beyond all memory": (lambda f: recipe(f, units=10**12), "units cannot be"),
    "another network": (lambda f: recipe(f, network="cifar"), "another network"),
    "another size of picture": (lambda f: recipe(f, stored_size=20), "does not fit together"),
    "another padding": (lambda f: recipe(f, padding=0), "does not fit together"),
    "classes too few": (lambda f: rewrite(f, classes=["a", "b"]), "names 2 classes"),
    "classes without end": (lambda f: rewrite(f, classes=["a"] * 10**6), "names 1,000,000 classes"),
    "a tensor too many": (lambda f: change(f, "model.safetensors", "x", torch.zeros(1)), "x is"),
    "a tensor of another shape": (
        lambda f: change(f, "model.safetensors", "conv1.weight", torch.zeros(8, 1, 3, 3)),
        "conv1.weight is",
    ),
    "a mean of another size": (
        lambda f: change(f, "preprocessing.safetensors", "mean", torch.zeros(3)),
        "does not fit together",
    ),
    "statistics of another kind": (
        lambda f: change(f, "preprocessing.safetensors", "__class__", torch.zeros(3)),
        "does not fit together",
    ),
    "a truncated file": (lambda f: os.truncate(f / "model.safetensors", 1000), "cannot be used"),
    "an empty file": (lambda f: os.truncate(f / "preprocessing.safetensors", 0), "cannot be used"),
    "a link": (
        lambda f: ((f / "model.safetensors").unlink(), (f / "model.safetensors").symlink_to("/etc/hostname")),
        "is a link",
    ),
}


@pytest.mark.parametrize(("damage", "what"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_folder_is_refused(model: Path, damage: Callable[[Path], Any], what: str) -> None:
    damage(model)
    assert what in told(lambda: epochal.from_pretrained(model, device="cpu"))


def test_a_mean_that_cannot_be_is_refused(model: Path) -> None:
    for tensor in (torch.zeros(2, 2), torch.zeros(4, 4, 1), torch.full((3,), float("nan")), torch.zeros(3).long()):
        change(model, "preprocessing.safetensors", "mean", tensor)
        assert "mean" in told(lambda: read_weights(model, "alexnet"))


def test_a_record_made_by_a_stranger_is_exported_as_what_it_is(trained: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(trained, tmp_path / "run"))
    record = json.loads((run / "run.json").read_text())
    start = {"source": TITLE, "layout": ["x"], "sha256": float("nan"), "more": {"a": float("inf")}}
    changes = {"results": {TITLE: 0.5, "loss": float("nan")}, "recipe_name": TITLE, "data": TITLE, "start": start}
    (run / "run.json").write_text(json.dumps({**record, **changes}))
    for format in ("safetensors", "hub"):
        assert epochal_command("export", run, "--format", format, "--out", tmp_path / format).code == 0
    for name in ("README.md", "config.json"):
        text = (tmp_path / "hub" / name).read_text()
        assert "\x1b" not in text
        assert "NaN" not in text
    epochal.from_pretrained(tmp_path / "hub", device="cpu")
    (run / "run.json").write_text(json.dumps({**record, "recipe": {}}))
    assert "another network" in refused("export", run, "--out", tmp_path / "w.safetensors")


# --- every byte ---


def valid() -> dict[str, bytes]:
    import io

    state = {"conv1.weight": torch.ones(2, 3, 3, 3), "conv2.weight": torch.ones(2, 1, 3, 3)}
    zipped, old, arrays = io.BytesIO(), io.BytesIO(), io.BytesIO()
    torch.save(state, zipped)
    torch.save(state, old, _use_new_zipfile_serialization=False)
    np.savez(arrays, **{name: tensor.numpy() for name, tensor in state.items()})
    layers = [("conv1", [state["conv1.weight"].numpy()]), ("conv2", [state["conv2.weight"].numpy()])]
    return {
        "w.safetensors": safetensors.torch.save(state),
        "zip.pth": zipped.getvalue(),
        "old.pth": old.getvalue(),
        "w.npz": arrays.getvalue(),
        "w.caffemodel": caffemodel("AlexNet", layers),
    }


VALID = valid()


@pytest.mark.parametrize("name", VALID)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_a_file_is_survived(tmp_path: Path, name: str, data: st.DataObject) -> None:
    """Read in full or refused; nothing else ever comes out."""
    content = bytearray(VALID[name])
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(content) - 1))
        match data.draw(st.sampled_from(["set", "cut", "insert", "repeat"])):
            case "set":
                content[place] = data.draw(st.integers(0, 255))
            case "cut":
                del content[place : place + data.draw(st.integers(1, 40))]
            case "insert":
                content[place:place] = data.draw(st.binary(max_size=12))
            case "repeat":
                content[place:place] = content[max(0, place - 30) : place]
        content = content or bytearray(b"\0")
    (tmp_path / name).write_bytes(content)
    try:
        stored = open_file(tmp_path / name)
        read = {one: stored.read(one) for one in stored.tensors}
    except InputFault:
        return
    for one, tensor in read.items():
        assert tuple(tensor.shape) == stored.tensors[one].shape
        assert tensor.numel() < 10**4


# --- the command ---


def test_an_export_is_refused_before_anything_is_written(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder").mkdir()
    before = sorted(path.name for path in tmp_path.iterdir())
    assert "no format 'onnxx'" in refused("export", trained, "--format", "onnxx")
    assert "goes with --format safetensors" in refused("export", trained, "--format", "hub", "--layout", "torchvision")
    for out in ("there", "link", "folder"):
        assert "already" in refused("export", trained, "--out", tmp_path / out)
        assert "already" in refused("export", trained, "--format", "hub", "--out", tmp_path / out)
    assert "nothing can be written" in refused("export", trained, "--out", tmp_path / "there" / "w.safetensors")
    assert "torchvision has no network" in refused("export", trained, "--layout", "torchvision", "--out", "t")
    assert "no layout to write" in refused("export", trained, "--layout", TITLE, "--out", "t")
    assert "no run folder" in refused("export", "nothing")
    assert (tmp_path / "there").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_an_export_says_where_it_went(trained: Path, tmp_path: Path) -> None:
    plain = epochal_command("export", trained)
    assert plain.code == 0
    assert plain.out.splitlines()[-1] == f"{trained.name}.safetensors"
    assert (tmp_path / f"{trained.name}.safetensors").is_file()
    answer = epochal_command("export", trained, "--format", "hub", "--out", "model", "--json").json()
    assert answer["path"] == "model"
    assert answer["tensors"] == 16
    assert answer["bytes"] == sum(path.stat().st_size for path in (tmp_path / "model").iterdir())
    assert "already" in refused("export", trained)


def test_onnx_without_the_extra_is_refused(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if "onnx" in name else found(name, *more))
    assert "pip install 'epochal[onnx]'" in refused("export", trained, "--format", "onnx")
    assert list(tmp_path.glob("*.onnx")) == []
