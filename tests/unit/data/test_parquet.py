import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from epochal.core.fault import InputFault
from epochal.data.frame import CentreSquare
from epochal.data.images import Split
from epochal.data.parquet import open_parquet, read_small_parquet
from epochal.data.source import open_data

CLASSES = ["cat", "dog"]


@pytest.fixture
def shard(tmp_path, picture, encoded):
    """Writes a shard as the Hub's libraries do."""

    def written(
        name: str, labels: list[int], *, column: str = "image", classes=CLASSES, size=(20, 16), **change
    ) -> Path:
        rows = [{"bytes": encoded(picture(*size, shift=n + len(name))), "path": f"{n}.png"} for n in range(len(labels))]
        columns = {
            column: pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
            "label": pa.array(labels),
        }
        table = pa.table({**columns, **change})
        if classes is not None:
            features = {column: {"_type": "Image"}, "label": {"names": classes, "_type": "ClassLabel"}}
            table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=3)
        return path

    return written


def test_a_folder_of_shards_in_the_layout_of_the_hub(shard, picture):
    shard("train-00000-of-00002.parquet", [0, 1, 1, 0, 1])
    shard("train-00001-of-00002.parquet", [1, 0])
    root = shard("test-00000-of-00001.parquet", [0, 1]).parent
    data = open_data(f"parquet:{root}")
    assert data.classes == ("cat", "dog")
    assert data.train.labels.tolist() == [0, 1, 1, 0, 1, 1, 0]
    assert data.held_out.labels.tolist() == [0, 1]
    assert isinstance(data.train, Split)
    np.testing.assert_array_equal(data.train.picture(4), np.asarray(picture(20, 16, shift=4 + 28)))
    np.testing.assert_array_equal(data.train.picture(6), np.asarray(picture(20, 16, shift=1 + 28)))
    assert data.train.framed(0, CentreSquare(8), ()).shape == (8, 8, 3)
    assert data.train.where(3).endswith("#3")


def test_shards_may_lie_in_a_folder_of_the_repository_and_the_column_be_called_otherwise(shard):
    shard("plain_text/train-0.parquet", [0, 1, 0], column="img")
    root = shard("plain_text/validation-0.parquet", [1], column="img").parent.parent
    data = open_parquet(root, "it")
    assert (len(data.train), len(data.held_out)) == (3, 1)


def test_one_file_is_split_by_place(shard):
    data = open_parquet(shard("pictures.parquet", [0, 1] * 10), "it")
    assert (len(data.train), len(data.held_out)) == (16, 4)
    assert "every 5th" in data.note
    whole = open_parquet(shard("train-0.parquet", [0, 1] * 10).parent / "pictures.parquet", "it")
    assert whole.digest == data.digest


def test_without_names_classes_are_numbers(shard):
    assert open_parquet(shard("a.parquet", [0, 2, 1, 0, 2, 1], classes=None), "it").classes == ("0", "1", "2")


@pytest.mark.parametrize("width", [np.int8, np.int32, np.uint16])
def test_labels_of_any_width_are_read(shard, width):
    path = shard("a.parquet", [0, 1, 0, 1], label=pa.array(np.array([0, 1, 0, 1], dtype=width)))
    assert len(open_parquet(path, "it").train) == 2


def test_the_size_is_checked_before_reading(shard):
    path = shard("a.parquet", [0, 1, 0, 1])
    with pytest.raises(InputFault, match="GiB, encoded"):
        open_parquet(path, "it", most_bytes=100)


def test_a_label_out_of_range_is_named(shard):
    with pytest.raises(InputFault, match=r"label 2 at .*a\.parquet#3"):
        open_parquet(shard("a.parquet", [0, 1, 0, 2]), "it")


def test_rows_without_bytes_are_refused(shard):
    rows = pa.array(
        [{"bytes": None, "path": "/elsewhere.png"}] * 2, pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    )
    with pytest.raises(InputFault, match="rows without image bytes"):
        open_parquet(shard("a.parquet", [0, 1], image=rows), "it")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"image": pa.array(["a", "b"])}, "has 0 image columns"),
        ({"label": pa.array(["cat", "dog"])}, "no one label column"),
    ],
)
def test_other_columns_are_refused_and_listed(shard, change, told):
    with pytest.raises(InputFault, match=told) as fault:
        open_parquet(shard("a.parquet", [0, 1], **change), "it")
    assert "label (" in fault.value.what


@pytest.mark.parametrize(
    "damage", [lambda b: b"", lambda b: b"text", lambda b: b[: len(b) // 2], lambda b: b[:4] + b[9:]]
)
def test_a_damaged_file_is_named(shard, damage):
    path = shard("a.parquet", [0, 1, 0, 1])
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputFault, match=r"a\.parquet"):
        open_parquet(path, "it")


def test_a_damaged_picture_is_named_by_its_place(shard, encoded, picture):
    whole = encoded(picture(20, 20))
    rows = [{"bytes": content, "path": None} for content in (whole, whole[:100], whole)]
    change = pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    data = open_parquet(shard("a.parquet", [0, 1, 1], image=change), "it")
    with pytest.raises(InputFault, match=r"a\.parquet.*#1 cannot be decoded"):
        data.train.picture(1)


def test_a_folder_without_training_shards_and_a_missing_path_are_refused(shard, tmp_path):
    root = shard("test-0.parquet", [0, 1]).parent
    with pytest.raises(InputFault, match="no training shards"):
        open_parquet(root, "it")
    with pytest.raises(InputFault, match="does not exist"):
        open_parquet(tmp_path / "absent", "it")


def test_small_pictures_are_decoded_into_memory(shard, picture):
    shard("mnist/train-0.parquet", [0, 1, 1])
    root = shard("mnist/test-0.parquet", [1, 0]).parent.parent
    data = read_small_parquet(root, "it", ("cat", "dog"))
    assert data.train.pixels.shape == (3, 16, 20, 3)
    np.testing.assert_array_equal(data.train.picture(2), np.asarray(picture(20, 16, shift=2 + 21)))
    with pytest.raises(InputFault, match="has 2 classes"):
        read_small_parquet(root, "it", tuple("abc"))
