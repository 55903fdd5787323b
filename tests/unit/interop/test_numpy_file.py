"""Archives of arrays: numbers are read, objects are refused, and nothing unpacks beyond measure."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from epochal.core.fault import InputFault
from epochal.interop.numpy_file import open_npz

ARRAYS = {"conv1.0": np.random.default_rng(0).normal(size=(4, 3, 5, 5)).astype("f4"), "conv1.1": np.arange(4.0)}


@pytest.mark.parametrize("write", [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path: Path, write: Any) -> None:
    write(tmp_path / "w.npz", **ARRAYS)
    stored = open_npz(tmp_path / "w.npz")
    assert set(stored.tensors) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert np.array_equal(stored.read(name).numpy(), array)
        assert stored.tensors[name].shape == array.shape
    assert stored.tensors["conv1.1"].dtype == torch.float64


@pytest.mark.parametrize("array", [ARRAYS["conv1.0"].astype(">f4"), np.asfortranarray(ARRAYS["conv1.0"])])
def test_other_orders_of_bytes_and_of_places_are_read(tmp_path: Path, array: np.ndarray) -> None:
    np.savez(tmp_path / "w.npz", a=array)
    assert np.array_equal(open_npz(tmp_path / "w.npz").read("a").numpy(), ARRAYS["conv1.0"])


class Bomb:
    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.folder,)


def test_objects_are_refused_and_nothing_is_run(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", a=np.zeros(2), b=np.array([Bomb(tmp_path / "canary")], dtype=object))
    with pytest.raises(InputFault, match="nothing in it was run: it holds Python objects"):
        open_npz(tmp_path / "w.npz")
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("array", [np.array(["text"]), np.array([1j]), np.zeros(2, dtype=[("a", "f4")])])
def test_what_is_no_real_number_is_refused(tmp_path: Path, array: np.ndarray) -> None:
    np.savez(tmp_path / "w.npz", a=array)
    with pytest.raises(InputFault, match="not numbers"):
        open_npz(tmp_path / "w.npz")


def npy(shape: tuple[int, ...]) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return content.getvalue()


def test_a_header_that_claims_terabytes_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", npy((10**6, 10**6)))
    with pytest.raises(InputFault, match="claims tensors of more than"):
        open_npz(tmp_path / "w.npz")


def test_an_archive_that_swells_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "w.npz", a=np.zeros(10**6, dtype="f4"))
    with pytest.raises(InputFault, match="claims tensors of more than"):
        open_npz(tmp_path / "w.npz")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a.npy", "a.npy"], "two tensors are called 'a'"),
        (["a.npy", "run.py"], "'run.py' in it is no array"),
        (["\x1b[2J.npy"], "a tensor is called"),
    ],
    ids=["twice", "something else", "a hostile name"],
)
def test_names_that_cannot_be_are_refused(tmp_path: Path, names: list[str], told: str) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        for name in names:
            archive.writestr(name, npy((1,)) + bytes(4))
    with pytest.raises(InputFault, match=told):
        open_npz(tmp_path / "w.npz")


def test_a_truncated_archive_is_named_wherever_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "w.npz"
    np.savez_compressed(path, **ARRAYS)
    content = path.read_bytes()
    for length in range(0, len(content) - 1, 37):
        path.write_bytes(content[:length])
        with pytest.raises(InputFault, match=r"w\.npz"):
            _read_all(path)


def test_numbers_that_are_cut_short_are_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", npy((4,)) + bytes(8))
    with pytest.raises(InputFault, match=r"w\.npz"):
        _read_all(tmp_path / "w.npz")


def _read_all(path: Path) -> None:
    stored = open_npz(path)
    for name in stored.tensors:
        stored.read(name)
