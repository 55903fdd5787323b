"""safetensors: what is written comes back, and a header is believed only where the file bears it out."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import safetensors.torch
import torch

from epochal.core.fault import DiskFault, InputFault
from epochal.interop.safetensors_file import open_safetensors, write_safetensors

TENSORS = {
    "a.weight": torch.randn(2, 3, 4),
    "b.bias": torch.tensor([0.1, -0.0, 1e-38]),
    "half": torch.randn(5).half(),
    "brain": torch.randn(5).bfloat16(),
    "count": torch.tensor(7),
    "none": torch.zeros(0, 3),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_safetensors(tmp_path / "w.safetensors", TENSORS, {"landmark": "alexnet"})
    return tmp_path / "w.safetensors"


def with_header(path: Path, header: object, numbers: bytes = b"") -> Path:
    content = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(content).to_bytes(8, "little") + content + numbers)
    return path


def entry(shape: list[int], begin: int, end: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_what_is_written_comes_back_bit_for_bit(path: Path) -> None:
    stored = open_safetensors(path)
    assert set(stored.tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        read = stored.read(name)
        assert read.dtype == tensor.dtype == stored.tensors[name].dtype
        assert tuple(read.shape) == stored.tensors[name].shape
        assert torch.equal(read, tensor)
    assert stored.metadata["landmark"] == "alexnet"


def test_others_read_it_too(path: Path) -> None:
    assert torch.equal(safetensors.torch.load_file(path)["a.weight"], TENSORS["a.weight"])
    assert stat.S_IMODE(path.stat().st_mode) & stat.S_IRGRP == stat.S_IRGRP


def test_what_others_wrote_is_read(tmp_path: Path) -> None:
    safetensors.torch.save_file({"x": torch.arange(6.0).view(2, 3)}, tmp_path / "x.safetensors")
    assert torch.equal(open_safetensors(tmp_path / "x.safetensors").read("x"), torch.arange(6.0).view(2, 3))


def test_a_tensor_that_was_read_does_not_change_with_the_file(path: Path) -> None:
    read = open_safetensors(path).read("a.weight")
    path.write_bytes(bytes(path.stat().st_size))
    assert torch.equal(read, TENSORS["a.weight"])


def test_tied_weights_are_written_twice(tmp_path: Path) -> None:
    tied = torch.randn(3)
    write_safetensors(tmp_path / "t.safetensors", {"a": tied, "b": tied}, {})
    stored = open_safetensors(tmp_path / "t.safetensors")
    assert torch.equal(stored.read("a"), stored.read("b"))


def test_memory_layout_is_no_part_of_the_file(tmp_path: Path) -> None:
    tensor = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
    write_safetensors(tmp_path / "c.safetensors", {"a": tensor}, {})
    assert torch.equal(open_safetensors(tmp_path / "c.safetensors").read("a"), tensor)


def test_a_folder_that_is_not_there_is_a_disk_fault(tmp_path: Path) -> None:
    with pytest.raises(DiskFault):
        write_safetensors(tmp_path / "none" / "w.safetensors", TENSORS, {})


FORGED = {
    "empty": (b"", "claims a header"),
    "short": (b"\x02\x00\x00", "claims a header"),
    "a header of exabytes": (b"\xff" * 8 + b"{}", "claims a header of 18,446"),
    "no JSON": (b"\x02\x00\x00\x00\x00\x00\x00\x00}{", "no JSON"),
}


@pytest.mark.parametrize(("content", "told"), FORGED.values(), ids=FORGED)
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "f.safetensors").write_bytes(content)
    with pytest.raises(InputFault, match=told):
        open_safetensors(tmp_path / "f.safetensors")


HEADERS = {
    "no object": ([1, 2], "no JSON object"),
    "deep": (b'{"a":' * 20_000, "no JSON"),
    "no tensors": ({}, "holds no tensors"),
    "terabytes": ({"a": entry([10**6, 10**6], 0, 4 * 10**12)}, "more than the 4 bytes"),
    "a shape that overflows": ({"a": entry([2**62, 2**62], 0, 4)}, "more than the 4 bytes"),
    "a shape beyond any number": ({"a": entry([2**70], 0, 4)}, "nothing sound"),
    "a negative side": ({"a": entry([-1], 0, 4)}, "nothing sound"),
    "a side that is true": ({"a": {**entry([1], 0, 4), "shape": [True]}}, "nothing sound"),
    "too few bytes": ({"a": entry([2], 0, 4)}, "more than the 4 bytes"),
    "too many bytes": ({"a": entry([1], 0, 3)}, "is said to lie"),
    "beyond the end": ({"a": entry([1], 4, 8)}, "is said to lie"),
    "backwards": ({"a": entry([1], 4, 0)}, "is said to lie"),
    "bytes for nobody": ({"a": entry([], 0, 2, "F16")}, "have 2 bytes, and the file has 4"),
    "one over another": ({"a": entry([], 0, 2, "F16"), "b": entry([], 0, 2, "F16")}, "b is said to lie"),
    "an unknown type": ({"a": entry([1], 0, 4, "PY_OBJECT")}, "of the type PY_OBJECT"),
    "no type": ({"a": {"shape": [1], "data_offsets": [0, 4]}}, "nothing sound"),
    "a text for a tensor": ({"a": "tensor"}, "nothing sound"),
    "an array for a tensor": ({"a": [1, 2]}, "nothing sound"),
    "a name that redraws a terminal": ({"\x1b]0;owned\x07": entry([1], 0, 4)}, "called '.*x1b"),
    "a name without end": ({"a" * 10_000: entry([1], 0, 4)}, "a tensor is called"),
    "too many dimensions": ({"a": entry([1] * 60, 0, 4)}, "has the shape"),
    "metadata that are no texts": ({"__metadata__": {"a": 1}, "a": entry([1], 0, 4)}, "metadata"),
    "metadata without end": ({"__metadata__": {"a": "x" * 7_000_000}, "a": entry([1], 0, 4)}, "metadata"),
    "two tensors of one name": (
        b'{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"a":{"dtype":"F16","shape":[1],"data_offsets":[2,4]}}',
        "two tensors are called 'a'",
    ),
}


@pytest.mark.parametrize(("header", "told"), HEADERS.values(), ids=HEADERS)
def test_a_header_that_cannot_be_true_is_refused(tmp_path: Path, header: object, told: str) -> None:
    with pytest.raises(InputFault, match=told) as fault:
        open_safetensors(with_header(tmp_path / "f.safetensors", header, bytes(4)))
    assert "\x1b" not in str(fault.value)


def test_a_truncated_file_is_refused_wherever_it_ends(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(InputFault, match=r"w\.safetensors"):
            open_safetensors(path)


def test_a_file_that_shrinks_after_it_was_opened_is_told(path: Path) -> None:
    stored = open_safetensors(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputFault, match="cannot be used"):
        stored.read("a.weight")
