"""A file is known by what is in it, whatever it is called."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.unit.interop.caffemodel import caffemodel

from epochal.core.fault import InputFault
from epochal.interop.file import open_file
from epochal.interop.safetensors_file import write_safetensors

TENSOR = torch.randn(2, 3)


def make(path: Path, kind: str) -> Path:
    match kind:
        case "safetensors":
            write_safetensors(path, {"a": TENSOR}, {})
        case "torch":
            torch.save({"a": TENSOR}, path)
        case "old torch":
            torch.save({"a": TENSOR}, path, _use_new_zipfile_serialization=False)
        case "numpy":
            with open(path, "wb") as file:
                np.savez(file, a=TENSOR.numpy())
    return path


@pytest.mark.parametrize("kind", ["safetensors", "torch", "old torch", "numpy"])
@pytest.mark.parametrize("name", ["weights", "weights.bin", "weights.pth", "weights.npz"])
def test_the_ending_decides_nothing(tmp_path: Path, kind: str, name: str) -> None:
    stored = open_file(make(tmp_path / name, kind))
    assert stored.kind in kind
    assert torch.equal(stored.read("a"), TENSOR)


def test_caffes_files_have_nothing_but_their_ending(tmp_path: Path) -> None:
    (tmp_path / "net.caffemodel").write_bytes(caffemodel("net", [("fc", [TENSOR.numpy()])]))
    assert torch.equal(open_file(tmp_path / "net.caffemodel").read("fc.0"), TENSOR)


def test_a_pickled_dictionary_of_arrays_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "bvlc_alexnet.npy", np.array({"conv1": [TENSOR.numpy()]}))
    with pytest.raises(InputFault, match="a pickle, which is never loaded"):
        open_file(tmp_path / "bvlc_alexnet.npy")


OTHERS = {
    "nothing": b"",
    "text": b"hello, this is no file of weights",
    "HDF5": b"\x89HDF\r\n\x1a\n" + bytes(100),
    "an ONNX": b"\x08\x0a\x12\x07pytorch" + bytes(100),
    "a pickle of today": pickle.dumps({"a": [1, 2, 3]}),
    "a zip of nothing": b"PK\x05\x06" + bytes(18),
    "half a zip": b"PK\x03\x04" + bytes(50),
}


@pytest.mark.parametrize("content", OTHERS.values(), ids=OTHERS)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(InputFault) as fault:
        open_file(tmp_path / "w")
    assert fault.value.expected


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, Path("/dev/zero"), tmp_path / "none", Path("\0"), Path("a" * 5000)):
        with pytest.raises(InputFault):
            open_file(path)
