"""State dicts of torch: read without being run, whichever form they have, and never beyond their own size."""

from __future__ import annotations

import io
import os
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from epochal.core.fault import InputFault
from epochal.interop.torch_file import open_torch

FORMS = {"zip": True, "old": False}


@pytest.fixture(params=FORMS.values(), ids=FORMS)
def zipped(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def saved(folder: Path, value: Any, zipped: bool = True) -> Path:
    torch.save(value, folder / "w.pth", _use_new_zipfile_serialization=zipped)
    return folder / "w.pth"


def test_a_state_dict_comes_back(tmp_path: Path, zipped: bool) -> None:
    state = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).state_dict()
    stored = open_torch(saved(tmp_path, state, zipped))
    assert list(stored.tensors) == list(state)
    for name, tensor in state.items():
        assert torch.equal(stored.read(name), tensor)
        assert stored.tensors[name].shape == tuple(tensor.shape)
        assert stored.tensors[name].dtype == tensor.dtype


@pytest.mark.parametrize("name", ["state_dict", "model_state_dict", "model"])
def test_trainers_keep_it_among_other_things(tmp_path: Path, zipped: bool, name: str) -> None:
    state = {"a": torch.randn(2)}
    stored = open_torch(saved(tmp_path, {name: state, "epoch": 3, "best": 0.5, "args": {"lr": 0.1}}, zipped))
    assert torch.equal(stored.read("a"), state["a"])


def test_parameters_views_and_half_precision_are_tensors_too(tmp_path: Path, zipped: bool) -> None:
    base = torch.randn(4, 6)
    state = {"p": nn.Parameter(base.clone()), "t": base.t(), "h": base.half(), "b": base.bfloat16()}
    stored = open_torch(saved(tmp_path, state, zipped))
    assert torch.equal(stored.read("t"), base.t())
    assert stored.read("t").is_contiguous()
    assert not stored.read("p").requires_grad
    assert stored.read("b").dtype == torch.bfloat16


def test_tied_weights_are_read(tmp_path: Path, zipped: bool) -> None:
    tied = torch.randn(100)
    stored = open_torch(saved(tmp_path, {"a": tied, "b": tied}, zipped))
    assert torch.equal(stored.read("a"), stored.read("b"))


class Bomb:
    """Would make a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


class Object:
    """Something that is no tensor, made without a call that shows."""


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "in a state dict"])
def test_a_pickle_bomb_is_refused_and_nothing_is_run(tmp_path: Path, zipped: bool, wrapped: bool) -> None:
    canary = tmp_path / "canary"
    bomb = {"a": torch.zeros(2), "b": Bomb(canary)} if wrapped else Bomb(canary)
    with pytest.raises(InputFault, match=r"nothing in it was run: besides tensors it calls (posix|nt)\.mkdir") as fault:
        open_torch(saved(tmp_path, bomb, zipped))
    assert not canary.exists()
    assert fault.value.exit_code == 2


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
def test_a_bare_pickle_is_refused(tmp_path: Path, protocol: int) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "b.pth").write_bytes(pickle.dumps(Bomb(canary), protocol))
    with pytest.raises(InputFault, match=r"b\.pth"):
        open_torch(tmp_path / "b.pth")
    assert not canary.exists()


def test_an_old_file_whose_first_pickle_is_a_bomb_is_refused(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    content = saved(tmp_path, {"a": torch.zeros(2)}, zipped=False).read_bytes()
    magic = content.index(b".") + 1
    (tmp_path / "b.pth").write_bytes(content[:magic] + pickle.dumps(Bomb(canary), 2) + content[magic:])
    with pytest.raises(InputFault, match="nothing in it was run"):
        open_torch(tmp_path / "b.pth")
    assert not canary.exists()


def test_a_tar_of_the_oldest_form_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "t.pth", "w") as archive:
        member = tarfile.TarInfo("pickle")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"abc"))
    with pytest.raises(InputFault, match=r"not written by torch\.save"):
        open_torch(tmp_path / "t.pth")


@pytest.mark.parametrize(
    "value",
    [nn.Linear(2, 2), Object(), OrderedDict(a=bytearray(10)), {"a": torch.nn.Module}],
    ids=["a module", "an object", "a bytearray", "a class"],
)
def test_more_than_tensors_is_refused(tmp_path: Path, zipped: bool, value: Any) -> None:
    with pytest.raises(InputFault, match="besides tensors it"):
        open_torch(saved(tmp_path, value, zipped))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ([torch.zeros(2)], "no names and tensors but a list"),
        ({"a": torch.zeros(2), "epoch": 3}, "'epoch' is a int, not a tensor"),
        ({1: torch.zeros(2)}, "'1' is a Tensor, not a tensor|not a tensor"),
        ({}, "holds no tensors"),
        ({"\x1b[2J": torch.zeros(2)}, "a tensor is called"),
    ],
    ids=["a list", "a number", "a number for a name", "nothing", "a hostile name"],
)
def test_what_is_no_state_dict_is_told(tmp_path: Path, zipped: bool, value: Any, told: str) -> None:
    with pytest.raises(InputFault, match=told) as fault:
        open_torch(saved(tmp_path, value, zipped))
    assert "\x1b" not in str(fault.value)


def test_a_number_repeated_without_end_takes_no_memory(tmp_path: Path, zipped: bool) -> None:
    with pytest.raises(InputFault, match="claims tensors of more than"):
        open_torch(saved(tmp_path, {"a": torch.zeros(1).expand(10**12)}, zipped))
    with pytest.raises(InputFault, match="larger than what is stored"):
        open_torch(saved(tmp_path, {"a": torch.zeros(1).expand(100), "b": torch.zeros(300)}, zipped))


def test_a_storage_that_claims_terabytes_is_refused(tmp_path: Path, zipped: bool) -> None:
    """The number of elements stands in the pickle: make it a billion billion without touching anything else."""
    path = saved(tmp_path, {"a": torch.zeros(77_777)}, zipped)
    small = b"J" + (77_777).to_bytes(4, "little")
    large = b"J" + (2**31 - 1).to_bytes(4, "little")
    content = path.read_bytes()
    assert small in content
    forged = content.replace(small, large)
    if zipped:
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(path, "w") as new:
            for entry in old.infolist():
                new.writestr(entry.filename, old.read(entry).replace(small, large))
    else:
        path.write_bytes(forged)
    with pytest.raises(InputFault, match="torch cannot read it" if zipped else "claims tensors of more than"):
        open_torch(path)


def test_a_packed_archive_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, {"a": torch.zeros(1000)})
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "p.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))
    with pytest.raises(InputFault, match="packed"):
        open_torch(tmp_path / "p.pth")


def test_a_program_of_torchscript_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "s.pt", "w") as archive:
        for name in ("s/data.pkl", "s/constants.pkl", "s/code/__torch__.py"):
            archive.writestr(name, b"\x80\x02.")
    with pytest.raises(InputFault, match="TorchScript"):
        open_torch(tmp_path / "s.pt")


def test_a_truncated_file_is_named_wherever_it_ends(tmp_path: Path, zipped: bool) -> None:
    path = saved(tmp_path, {"a": torch.randn(40), "b": torch.randn(3, 3)}, zipped)
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 61):
        path.write_bytes(content[:length])
        with pytest.raises(InputFault, match=r"w\.pth"):
            _read_all(path)


def _read_all(path: Path) -> None:
    stored = open_torch(path)
    for name in stored.tensors:
        stored.read(name)
