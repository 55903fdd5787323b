import os
from pathlib import Path

import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.data.frame import CentreSquare
from epochal.data.image_folder import open_image_folder
from epochal.data.images import Split
from epochal.data.source import open_data


def names(split) -> list[str]:
    return [os.path.relpath(split.where(i), split.root) for i in range(len(split))]


@pytest.mark.parametrize("held_out", ["val", "valid", "validation", "test"])
def test_a_folder_with_two_parts(image_folder, held_out):
    root = image_folder({"train/dog": 3, "train/cat": 2, f"{held_out}/cat": 1, f"{held_out}/dog": 1})
    data = open_data(f"imagefolder:{root}")
    assert data.classes == ("cat", "dog")
    assert names(data.train) == ["train/cat/0.png", "train/cat/1.png", *(f"train/dog/{n}.png" for n in range(3))]
    assert data.train.labels.tolist() == [0, 0, 1, 1, 1]
    assert names(data.held_out) == [f"{held_out}/cat/0.png", f"{held_out}/dog/0.png"]
    assert isinstance(data.train, Split)
    assert data.train.picture(0).shape == (30, 40, 3)
    assert data.train.framed(0, CentreSquare(20), ()).shape == (20, 20, 3)
    assert data.note == ""


def test_the_order_is_torchvisions(image_folder):
    root = image_folder({"b/deep": 2, "b": 2, "a": 11, "b/deep.er": 1, "C": 1, "_d": 1})
    datasets = pytest.importorskip("torchvision.datasets")
    theirs = datasets.ImageFolder(str(root))
    data = open_image_folder(root, "it")
    ours = sorted(zip(names(data.train), data.train.labels.tolist(), strict=True))
    ours += zip(names(data.held_out), data.held_out.labels.tolist(), strict=True)
    assert list(data.classes) == theirs.classes
    assert sorted(ours) == sorted((os.path.relpath(path, root), label) for path, label in theirs.samples)
    inside = [
        os.path.relpath(path, root) for path, _ in theirs.samples if os.path.relpath(path, root) in names(data.train)
    ]
    assert names(data.train) == inside


def test_without_a_held_out_part_every_fifth_is_held_out(image_folder):
    data = open_image_folder(image_folder({"cat": 10, "dog": 5}), "it")
    assert names(data.held_out) == ["cat/4.png", "cat/9.png", "dog/4.png"]
    assert len(data.train) == 12
    assert "every 5th" in data.note


def test_train_without_val_is_split_too(image_folder):
    data = open_image_folder(image_folder({"train/cat": 5, "train/dog": 5, "other/cat": 1}), "it")
    assert (len(data.train), len(data.held_out)) == (8, 2)


def test_a_class_may_be_called_train(image_folder):
    data = open_image_folder(image_folder({"train": 5, "bus": 5, "plane": 5}), "it")
    assert data.classes == ("bus", "plane", "train")


def test_hidden_and_other_files_are_passed_over_and_told(image_folder):
    root = image_folder({"cat": 3, "dog": 3, ".ipynb_checkpoints": 1})
    (root / "cat" / "._0.png").write_bytes(b"not a picture")
    (root / "cat" / "notes.txt").write_text("x")
    (root / "dog" / "README").write_text("x")
    (root / "dog" / "UPPER.JPG").write_bytes((root / "dog" / "0.png").read_bytes())
    data = open_image_folder(root, "it")
    assert data.classes == ("cat", "dog")
    assert len(data.train) + len(data.held_out) == 7
    assert "1 .txt" in data.note
    assert "1 no extension" in data.note


def test_the_digest_follows_names_sizes_and_labels(image_folder):
    root = image_folder({"cat": 3, "dog": 3})
    before = open_image_folder(root, "it").digest
    assert before == open_image_folder(root, "it").digest
    (root / "cat" / "0.png").rename(root / "cat" / "00.png")
    assert open_image_folder(root, "it").digest != before


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        ({}, "does not exist"),
        ({"cat": 3}, "only one class, 'cat'"),
        ({"train/cat": 3, "val/cat": 1}, "only one class, 'cat'"),
        ({"cat": 0, "dog": 0}, "no image in the class folders"),
        ({"cat": 3, "dog": 0}, "1 class folders of .* have no image: dog"),
        ({"cat": 1, "dog": 1}, "one image for each class"),
        ({"train/cat": 2, "train/dog": 2, "val/cat": 1, "val/cow": 1}, "classes that are not in train: cow"),
        ({"train/cat": 2, "train/dog": 2, "val/cat": 0}, "no image in the class folders of .*val"),
    ],
)
def test_a_folder_that_cannot_be_learned_from_is_refused(image_folder, folders, told):
    with pytest.raises(InputFault, match=told):
        open_image_folder(image_folder(folders), "it")


def test_an_empty_folder_and_a_file_are_refused(tmp_path):
    with pytest.raises(InputFault, match="has no class folders"):
        open_image_folder(tmp_path, "it")
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputFault, match="is no folder"):
        open_image_folder(tmp_path / "file", "it")


def test_a_class_without_pictures_to_measure_on_is_told(image_folder):
    data = open_image_folder(image_folder({"train/cat": 2, "train/dog": 2, "val/dog": 1}), "it")
    assert data.held_out.labels.tolist() == [1]
    assert "1 classes have no picture in val" in data.note


def test_a_loop_of_links_ends(image_folder):
    root = image_folder({"cat": 3, "dog": 3})
    (root / "cat" / "again").symlink_to(root / "cat", target_is_directory=True)
    (root / "dog" / "up").symlink_to(root, target_is_directory=True)
    data = open_image_folder(root, "it")
    assert (data.train.labels.tolist() + data.held_out.labels.tolist()).count(0) == 3


def test_links_to_pictures_are_followed(image_folder, tmp_path):
    root = image_folder({"cat": 2, "dog": 2})
    linked = tmp_path / "linked"
    for name in ("cat", "dog"):
        (linked / name).mkdir(parents=True)
        for place in range(2):
            (linked / name / f"{place}.png").symlink_to(root / name / f"{place}.png")
    assert open_image_folder(linked, "it").train.picture(0).shape == (30, 40, 3)


def test_nesting_is_bounded(image_folder):
    root = image_folder({"cat": 2, "dog": 2})
    (root / "cat" / Path(*["deep"] * 20)).mkdir(parents=True)
    with pytest.raises(InputFault, match="nested too deeply"):
        open_image_folder(root, "it")


def test_a_class_name_that_is_hostile_is_carried_but_never_obeyed(image_folder):
    hostile = ["<img src=x onerror=alert(1)>", "\x1b[31mred", "\u202egnp", "a; rm -rf b"]
    data = open_image_folder(image_folder({name: 2 for name in hostile}), "it")
    assert set(data.classes) == set(hostile)
    with pytest.raises(InputFault) as fault:
        open_image_folder(Path(data.train.root) / "\x1b[31mred", "it")
    assert "\x1b" not in str(fault.value)


def test_a_name_that_is_no_unicode_is_found(image_folder):
    root = image_folder({"cat": 2, "dog": 2})
    os.rename(os.fsencode(root / "cat" / "0.png"), os.fsencode(root / "cat") + b"/\xff\xfe.png")
    data = open_image_folder(root, "it")
    found = [data.held_out.picture(i) for i in range(len(data.held_out))]
    assert len(found) == 2


@pytest.mark.real_data
def test_imagenette_is_read():
    data = open_data("imagenette", offline=True)
    assert (len(data.classes), data.classes[0]) == (10, "tench")
    assert np.bincount(data.train.labels).min() > 0
    assert data.train.framed(0, CentreSquare(128), ()).shape == (128, 128, 3)
