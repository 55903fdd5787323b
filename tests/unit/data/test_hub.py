import json

import huggingface_hub
import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.data import hub, source
from epochal.data.hub import HubFiles, fetch
from epochal.data.source import cache_folder, find, known_sets, open_data


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No data set is on this machine, and nothing may go out to the network."""
    monkeypatch.setenv("EPOCHAL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("EPOCHAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)

    def refuse(*args, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)


@pytest.mark.parametrize("name", ["mnist", "fashion-mnist", "cifar10", "imagenette"])
def test_offline_a_missing_set_is_named_with_where_it_was_looked_for(name, tmp_path):
    with pytest.raises(InputFault, match=f"the data set {name} is not on this machine") as fault:
        open_data(name, offline=True)
    assert str(tmp_path / "data" / name) in fault.value.expected
    assert str(tmp_path / "cache" / name) in fault.value.expected
    assert "digits" in fault.value.remedy


def test_the_hubs_own_switch_is_heeded(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputFault, match="switched off"):
        open_data("mnist")


def test_without_a_network_the_reason_is_told():
    with pytest.raises(InputFault, match="the download failed: no route to host"):
        open_data("mnist")
    assert find("mnist") is None


def test_revisions_are_full_commit_hashes():
    for files in (hub.MNIST, hub.FASHION_MNIST, hub.CIFAR10, hub.IMAGENETTE):
        assert len(files.revision) == 40
        assert set(files.revision) <= set("0123456789abcdef")
        assert all(len(value) == 64 for value in files.sha256.values())


def test_what_is_downloaded_is_kept_and_found_again(monkeypatch, tmp_path, picture, encoded):
    import pyarrow as pa
    import pyarrow.parquet as pq

    calls = []

    def download(repository, *, repo_type, revision, allow_patterns, local_dir):
        calls.append((repository, repo_type, revision))
        for name in ("train", "test"):
            rows = [{"bytes": encoded(picture(28, 28, n).convert("L")), "path": None} for n in range(10)]
            column = pa.array(rows, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
            path = local_dir / "fashion_mnist" / f"{name}-00000-of-00001.parquet"
            path.parent.mkdir(exist_ok=True)
            pq.write_table(pa.table({"image": column, "label": pa.array(range(10))}), path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    data = open_data("fashion-mnist")
    assert data.train.pixels.shape == (10, 28, 28, 1)
    assert data.classes[9] == "Ankle boot"
    again = open_data("fashion-mnist", offline=True)
    assert again.digest == data.digest
    assert calls == [("zalando-datasets/fashion_mnist", "dataset", hub.FASHION_MNIST.revision)]
    origin = json.loads((cache_folder() / "fashion-mnist" / "origin.json").read_text())
    assert origin["revision"] == hub.FASHION_MNIST.revision
    assert {row.name: row.found for row in known_sets()}["fashion-mnist"] == str(cache_folder() / "fashion-mnist")


def test_a_file_that_came_damaged_is_refused_and_removed(monkeypatch, tmp_path):
    files = HubFiles("owner/name", "0" * 40, ("*.parquet",), {"train-0.parquet": "0" * 64})
    monkeypatch.setattr(
        huggingface_hub,
        "snapshot_download",
        lambda *a, local_dir, **k: (local_dir / "train-0.parquet").write_bytes(b"x"),
    )
    with pytest.raises(InputFault, match="damaged on the way"):
        fetch("it", files, tmp_path / "cache" / "it", ())
    assert not (tmp_path / "cache" / "it").exists()
    assert not list(tmp_path.glob("**/train-0.parquet"))


def test_a_changed_layout_is_told(monkeypatch, tmp_path):
    files = HubFiles("owner/name", "0" * 40, ("320px/*.parquet",))
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda *a, **k: None)
    with pytest.raises(InputFault, match=r"has no file 320px/\*\.parquet"):
        fetch("it", files, tmp_path / "cache" / "it", ())


def test_the_users_folder_comes_before_the_cache(tmp_path):
    numbers = np.random.default_rng(0)
    for place in ("data", "cache"):
        for kind in ("a", "b"):
            folder = tmp_path / place / "imagenette" / "train" / kind
            folder.mkdir(parents=True)
            for n in range(2):
                from PIL import Image

                Image.fromarray(numbers.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(folder / f"{n}.png")
    assert find("imagenette") == tmp_path / "data" / "imagenette"
    assert str(tmp_path / "data") in open_data("imagenette").train.where(0)
    assert source.places("imagenette")[1] == tmp_path / "cache" / "imagenette"
