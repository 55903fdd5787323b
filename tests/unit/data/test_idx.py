import gzip
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.data.idx import DIGITS, has_idx_set, read_idx_set, read_images, read_labels
from epochal.data.source import open_data


def idx3(pixels: np.ndarray) -> bytes:
    return struct.pack(">4I", 0x803, *pixels.shape) + pixels.tobytes()


def idx1(labels: np.ndarray) -> bytes:
    return struct.pack(">2I", 0x801, len(labels)) + labels.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    numbers = np.random.default_rng(0)
    for stem, count in (("train", 30), ("t10k", 10)):
        pixels = numbers.integers(0, 256, (count, 4, 4), dtype=np.uint8)
        (tmp_path / f"{stem}-images-idx3-ubyte").write_bytes(idx3(pixels))
        (tmp_path / f"{stem}-labels-idx1-ubyte").write_bytes(idx1(np.arange(count) % 10))
    return tmp_path


def test_the_four_files_are_read(mnist):
    data = read_idx_set(mnist, "mnist", DIGITS)
    assert (len(data.train), len(data.held_out)) == (30, 10)
    assert data.train.picture(3).shape == (4, 4, 3)
    assert data.train.labels.tolist() == [n % 10 for n in range(30)]
    assert data.train.where(7).endswith("train-images-idx3-ubyte#7")


def test_gzipped_files_are_the_same_data(mnist):
    plain = read_idx_set(mnist, "mnist", DIGITS).digest
    for file in list(mnist.iterdir()):
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert has_idx_set(mnist)
    assert read_idx_set(mnist, "mnist", DIGITS).digest == plain


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda data: data[:-1], "holds only"),
        (lambda data: data + b"x", "holds more"),
        (lambda data: data[:9], "cut short in its header"),
        (lambda data: b"", "cut short in its header"),
        (lambda data: b"\0\0\x08\x01" + data[4:], "starts with 0x00000801"),
        (lambda data: data[:4] + b"\xff" * 12 + data[16:], "says it holds"),
        (lambda data: data[:4] + b"\0" * 4 + data[8:], "says it holds"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_damage_is_named(tmp_path, damage, told, zipped):
    content = damage(idx3(np.zeros((5, 4, 4), dtype=np.uint8)))
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(gzip.compress(content) if zipped else content)
    with pytest.raises(InputFault, match=told) as fault:
        read_images(path)
    assert str(path) in fault.value.what


def test_a_cut_gzip_file_is_named(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx3(np.random.default_rng(0).integers(0, 256, (50, 9, 9), dtype=np.uint8)))[:-900])
    with pytest.raises(InputFault, match=r"train-images-idx3-ubyte\.gz"):
        read_images(path)


def test_a_label_out_of_range_is_named(tmp_path):
    path = tmp_path / "labels"
    path.write_bytes(idx1(np.array([1, 2, 12])))
    with pytest.raises(InputFault, match="label 12 at place 2"):
        read_labels(path, 10)


def test_labels_must_fit_the_pictures(mnist):
    (mnist / "t10k-labels-idx1-ubyte").write_bytes(idx1(np.zeros(9)))
    with pytest.raises(InputFault, match=r"10 pictures.*9 labels"):
        read_idx_set(mnist, "mnist", DIGITS)


def test_a_missing_file_is_named(mnist):
    (mnist / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(InputFault, match="t10k-labels-idx1-ubyte"):
        read_idx_set(mnist, "mnist", DIGITS)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["mnist", "fashion-mnist"])
def test_the_published_files_are_read(name):
    data = open_data(name, offline=True)
    assert (len(data.train), len(data.held_out), len(data.classes)) == (60_000, 10_000, 10)
    assert np.bincount(data.held_out.labels).sum() == 10_000
    if name == "mnist":
        assert np.bincount(data.train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert abs(data.train.pixels.mean() / 255 - 0.1307) < 1e-4
    assert os.environ["EPOCHAL_DATA"] in data.train.where(0)
