"""Caffe's protocol buffers, new and old, written here by hand; and every way in which one may lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.unit.interop.caffemodel import blob, caffemodel, field, varint, whole

from epochal.core.fault import InputFault
from epochal.interop.caffe_file import open_caffemodel

CHANCE = np.random.default_rng(0)
CONV, BIAS = CHANCE.normal(size=(6, 3, 5, 5)).astype("f4"), CHANCE.normal(size=6).astype("f4")
DENSE = CHANCE.normal(size=(4, 24)).astype("f4")
LAYERS = [("data", []), ("conv1", [CONV, BIAS]), ("relu1", []), ("fc8", [DENSE, BIAS[:4]])]


def written(folder: Path, content: bytes) -> Path:
    (folder / "net.caffemodel").write_bytes(content)
    return folder / "net.caffemodel"


@pytest.mark.parametrize("old", [False, True], ids=["layers of today", "layers of before 2014"])
@pytest.mark.parametrize("doubles", [False, True], ids=["float", "double"])
def test_the_blobs_of_each_layer_come_back(tmp_path: Path, old: bool, doubles: bool) -> None:
    stored = open_caffemodel(written(tmp_path, caffemodel("AlexNet", LAYERS, old=old, doubles=doubles)))
    assert list(stored.tensors) == ["conv1.0", "conv1.1", "fc8.0", "fc8.1"]
    expected = {"conv1.0": CONV, "conv1.1": BIAS, "fc8.0": DENSE, "fc8.1": BIAS[:4]}
    for name, array in expected.items():
        assert stored.tensors[name].shape == array.shape
        assert np.array_equal(stored.read(name).numpy(), array)
    assert stored.tensors["fc8.0"].dtype == (torch.float64 if doubles else torch.float32)
    assert stored.metadata["layers"] == "data conv1 relu1 fc8"


def test_fields_that_matter_to_nobody_are_stepped_over(tmp_path: Path) -> None:
    other = whole(5, 1) + field(6, bytes(300)) + varint(9 << 3 | 1) + bytes(8) + varint(11 << 3 | 5) + bytes(4)
    stored = open_caffemodel(written(tmp_path, other + caffemodel("net", LAYERS) + other))
    assert len(stored.tensors) == 4


def test_a_phase_without_weights_may_have_the_same_name(tmp_path: Path) -> None:
    stored = open_caffemodel(written(tmp_path, caffemodel("net", [("data", []), *LAYERS])))
    assert len(stored.tensors) == 4


def layer(*blobs: bytes, name: bytes = b"conv1") -> bytes:
    return field(100, field(1, name) + b"".join(field(7, content) for content in blobs))


FORGED = {
    "empty": (b"", "0 bytes"),
    "text": (b"name: 'AlexNet'\nlayer { }\n" * 20, "protocol buffer"),
    "another protocol buffer": (field(1, b"x") + whole(4, 7), "holds no tensors"),
    "a length beyond the end": (varint(100 << 3 | 2) + varint(10**12) + bytes(20), "field 100 claims 1,000,000,000"),
    "a number without end": (b"\x0a" + b"\xff" * 30, "a number has no end"),
    "a wire type that is none": (varint(100 << 3 | 7) + bytes(20), "no wire type 7"),
    "a group": (varint(100 << 3 | 3) + bytes(20), "no wire type 3"),
    "two layers of one name": (layer(blob(BIAS)) + layer(blob(BIAS)), "two layers are called 'conv1'"),
    "a shape of terabytes": (
        layer(field(7, field(1, varint(10**6) * 2)) + field(5, bytes(16))),
        r"shape \(1000000, 1000000\) has 16 bytes",
    ),
    "a negative side": (layer(field(7, field(1, varint(2**64 - 1))) + field(5, bytes(4))), "has 4 bytes"),
    "a shape for nothing": (layer(field(7, field(1, varint(2)))), "0 lists of numbers"),
    "numbers twice": (layer(blob(BIAS) + blob(BIAS)), "2 lists of numbers"),
    "numbers that are not packed": (layer(field(7, b"") + (varint(5 << 3 | 5) + bytes(4)) * 6), "not packed"),
    "a hundred dimensions": (layer(field(7, field(1, varint(1) * 100)) + field(5, bytes(4))), "more dimensions"),
    "a name that redraws a terminal": (layer(blob(BIAS), name=b"\x1b]0;owned\x07"), "a tensor is called"),
    "a name that is no text": (layer(blob(BIAS), name=b"\xff\xfe"), "protocol buffer"),
    "the oldest form": (field(2, field(1, field(1, b"conv1"))), "upgrade_net_proto_binary"),
}


@pytest.mark.parametrize(("content", "told"), FORGED.values(), ids=FORGED)
def test_a_file_that_lies_is_refused(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(InputFault, match=told) as fault:
        open_caffemodel(written(tmp_path, content))
    assert "\x1b" not in str(fault.value)


def test_a_truncated_file_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    content = caffemodel("AlexNet", LAYERS)
    whole_layers = {len(caffemodel("AlexNet", LAYERS[:count])) for count in range(len(LAYERS) + 1)}
    for length in range(0, len(content), 19):
        if length in whole_layers:  # a shorter network, and nothing says that there was more
            continue
        with pytest.raises(InputFault, match=r"net\.caffemodel"):
            open_caffemodel(written(tmp_path, content[:length]))


def test_a_file_that_shrinks_after_it_was_opened_is_told(tmp_path: Path) -> None:
    path = written(tmp_path, caffemodel("AlexNet", LAYERS))
    stored = open_caffemodel(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputFault, match=r"ends within fc8\.1"):
        stored.read("fc8.1")
