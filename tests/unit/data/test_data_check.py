import json

import numpy as np
import pytest
from PIL import Image

from epochal.core.fault import InputFault
from epochal.data.check import check
from epochal.data.source import open_data


@pytest.fixture
def troubled(image_folder, picture, encoded):
    """A folder with one of everything that goes wrong or is treated specially."""
    root = image_folder({"train/cat": 3, "train/dog": 3, "val/cat": 1, "val/dog": 1})
    cat = root / "train" / "cat"
    whole = picture(40, 30)
    turned = Image.Exif()
    turned[0x0112] = 6
    (cat / "cmyk.jpg").write_bytes(encoded(whole.convert("CMYK"), "JPEG"))
    (cat / "deep.png").write_bytes(encoded(Image.fromarray(np.zeros((20, 20), dtype=np.uint16))))
    (cat / "clear.png").write_bytes(encoded(whole.convert("P"), transparency=bytes(range(256))))
    (cat / "turned.jpg").write_bytes(encoded(whole, "JPEG", exif=turned))
    (cat / "moving.webp").write_bytes(encoded(whole, "WEBP", save_all=True, append_images=[picture(40, 30, 2)]))
    (cat / "tiny.png").write_bytes(encoded(picture(5, 5)))
    (cat / "misnamed.jpg").write_bytes(encoded(picture(33, 33)))
    (cat / "gray.png").write_bytes(encoded(picture(21, 20).convert("L")))
    (cat / "cut.jpg").write_bytes(encoded(whole, "JPEG")[:300])
    (cat / "empty.png").write_bytes(b"")
    (cat / "text.jpg").write_text("this is a text")
    (cat / "notes.txt").write_text("x")
    (root / "val" / "dog" / "leak.png").write_bytes((root / "train" / "dog" / "0.png").read_bytes())
    (root / "train" / "dog" / "as-a-dog.png").write_bytes((root / "train" / "cat" / "1.png").read_bytes())
    (root / "train" / "dog" / "copy.png").write_bytes((root / "train" / "dog" / "2.png").read_bytes())
    return root


EXPECTED = {
    "cmyk.jpg": {("cmyk", "note")},
    "deep.png": {("16-bit", "note"), ("gray", "note")},
    "clear.png": {("transparent", "note")},
    "turned.jpg": {("exif", "note")},
    "moving.webp": {("animated", "note")},
    "tiny.png": {("tiny", "warning")},
    "misnamed.jpg": {("misnamed", "warning")},
    "gray.png": {("gray", "note")},
    "cut.jpg": {("unreadable", "error")},
    "empty.png": {("unreadable", "error")},
    "text.jpg": {("unreadable", "error")},
    "leak.png": {("leak", "warning")},
    "as-a-dog.png": {("two classes", "warning")},
    "copy.png": {("copy", "note")},
}


@pytest.mark.parametrize("workers", [0, 2])
def test_everything_is_found_and_named(troubled, workers):
    report = check(f"imagefolder:{troubled}", workers=workers)
    found: dict[str, set] = {}
    for row in report.rows:
        found.setdefault(row.where.rsplit("/", 1)[-1], set()).add((row.kind, row.severity))
    found.pop(troubled.name)
    assert found == EXPECTED
    assert report.counts()["error"] == 3
    assert not report.usable
    assert report.pictures == 22
    assert report.classes == {"cat": 14, "dog": 5}
    assert any("1 .txt" in row.what for row in report.rows)


def test_every_picture_that_is_no_error_can_be_decoded(troubled):
    bad = {row.where for row in check(f"imagefolder:{troubled}").rows if row.severity == "error"}
    split = open_data(f"imagefolder:{troubled}").train
    for index in range(len(split)):
        if split.where(index) in bad:
            with pytest.raises(InputFault):
                split.picture(index)
        else:
            assert split.picture(index).shape[2] == 3


def test_the_report_prints_and_serialises(troubled):
    report = check(f"imagefolder:{troubled}")
    text = str(report)
    assert "3 errors" in text
    assert "cut.jpg cannot be decoded" in text
    assert "val/dog/leak.png: is held out, and the same picture is learned from" in text
    plain = json.loads(json.dumps(report.as_json()))
    assert plain["counts"] == report.counts()
    assert len(plain["rows"]) == len(report.rows)
    assert plain["rows"][0].keys() == {"where", "kind", "what", "severity"}


def test_many_findings_of_a_kind_are_summed_up(image_folder):
    report = check(f"imagefolder:{image_folder({'cat': 20, 'dog': 20}, size=(9, 9))}")
    lines = list(report.lines())
    assert "warning: tiny: 40" in lines
    assert "  ... and 37 more" in lines
    assert len(lines) < 12


def test_a_folder_that_cannot_be_opened_is_still_looked_through(image_folder):
    root = image_folder({"train/cat": 3, "val/cat": 1, "val/cow": 1})
    (root / "val" / "cow" / "0.png").write_bytes(b"")
    with pytest.raises(InputFault):
        open_data(f"imagefolder:{root}")
    report = check(f"imagefolder:{root}")
    assert [row.kind for row in report.rows if row.severity == "error"] == ["layout", "unreadable"]
    assert "only one class" in report.rows[0].what


def test_an_imbalance_is_told(image_folder):
    report = check(f"imagefolder:{image_folder({'cat': 30, 'dog': 3})}")
    (row,) = (row for row in report.rows if row.kind == "imbalance")
    assert "'cat' has 30 pictures, class 'dog' has 3" in row.what


def test_hostile_names_are_shown_not_obeyed(image_folder):
    root = image_folder({"\x1b[31m<img src=x onerror=alert(1)>": 4, "dog": 4})
    (root / "dog" / "\x1b]0;owned\x07.png").write_bytes(b"")
    report = check(f"imagefolder:{root}")
    text = str(report) + json.dumps(report.as_json(), ensure_ascii=False)
    assert not any(character in text for character in "\x1b\x07\u202e")
    assert "owned" in text


def test_progress_is_told(image_folder):
    told = []
    check(f"imagefolder:{image_folder({'cat': 3, 'dog': 3})}", progress=lambda done, total: told.append((done, total)))
    assert told == [(n, 6) for n in range(1, 7)]


@pytest.mark.parametrize("spec", ["imagefolder:/absent", "parquet:/absent", "nonsense", "imagefolder:"])
def test_nothing_to_look_through_is_a_fault(spec):
    with pytest.raises(InputFault):
        check(spec)


def test_a_damaged_parquet_file_is_a_finding(tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 nothing")
    report = check(f"parquet:{tmp_path / 'a.parquet'}")
    assert not report.usable
    assert "cannot be read" in report.rows[0].what


def test_the_built_in_digits_are_sound():
    report = check("digits")
    assert report.usable
    assert report.pictures == 1797


@pytest.mark.real_data
def test_imagenette_is_sound_and_its_gray_pictures_are_told():
    report = check("imagenette", offline=True)
    assert report.usable
    assert report.counts()["warning"] == 0
    assert {row.kind for row in report.rows} == {"gray"}
