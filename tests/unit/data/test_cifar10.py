from pathlib import Path

import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.data.cifar10 import CLASSES, has_cifar10, read_cifar10
from epochal.data.source import open_data

FILES = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]


@pytest.fixture
def cifar10(tmp_path: Path) -> Path:
    numbers = np.random.default_rng(0)
    for name in FILES:
        rows = numbers.integers(0, 256, (20, 3073), dtype=np.uint8)
        rows[:, 0] = np.arange(20) % 10
        rows.tofile(tmp_path / name)
    return tmp_path


def test_the_six_files_are_read_in_order(cifar10):
    data = read_cifar10(cifar10, records=20)
    assert (len(data.train), len(data.held_out), data.classes) == (100, 20, CLASSES)
    third = np.fromfile(cifar10 / "data_batch_3.bin", dtype=np.uint8).reshape(20, 3073)[7]
    assert data.train.labels[47] == third[0]
    # The first byte of the record's pixels is the red of the top left, and the last the blue of the bottom right.
    picture = data.train.picture(47)
    assert (picture[0, 0, 0], picture[0, 1, 0], picture[31, 31, 2]) == (third[1], third[2], third[3072])
    assert picture[0, 0, 1] == third[1 + 1024]


@pytest.mark.parametrize("change", [-1, 1, 3073, -3073])
def test_a_file_of_the_wrong_size_is_named(cifar10, change):
    path = cifar10 / "data_batch_4.bin"
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + b"\0" * change)
    with pytest.raises(InputFault, match=r"data_batch_4\.bin has") as fault:
        read_cifar10(cifar10, records=20)
    assert "61,460" in fault.value.expected


def test_a_label_above_nine_is_named(cifar10):
    rows = np.fromfile(cifar10 / "test_batch.bin", dtype=np.uint8).reshape(20, 3073)
    rows[13, 0] = 10
    rows.tofile(cifar10 / "test_batch.bin")
    with pytest.raises(InputFault, match=r"label 10 in record 13 of .*test_batch\.bin"):
        read_cifar10(cifar10, records=20)


def test_a_missing_batch_is_named(cifar10):
    (cifar10 / "data_batch_5.bin").unlink()
    assert has_cifar10(cifar10)
    with pytest.raises(InputFault, match=r"no file .*data_batch_5\.bin"):
        read_cifar10(cifar10, records=20)


@pytest.mark.real_data
def test_the_published_files_have_the_known_mean():
    data = open_data("cifar10", offline=True)
    assert (len(data.train), len(data.held_out)) == (50_000, 10_000)
    np.testing.assert_allclose(data.train.pixels.mean((0, 1, 2)) / 255, [0.4914, 0.4822, 0.4465], atol=5e-5)
    assert np.bincount(data.train.labels).tolist() == [5000] * 10
    assert np.bincount(data.held_out.labels).tolist() == [1000] * 10
