from __future__ import annotations

from pathlib import Path

from PIL import Image

from epochal.data.imagenette import NAMES, has_imagenette, read_imagenette


def test_its_classes_have_english_names_in_the_order_of_wordnets_numbers(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for number in ("n01440764", "n03888257", "n99999999"):
            (tmp_path / part / number).mkdir(parents=True)
            Image.new("RGB", (8, 8)).save(tmp_path / part / number / "1.png")
    assert has_imagenette(tmp_path)
    assert read_imagenette(tmp_path).classes == ("tench", "parachute", "n99999999")
    assert len(set(NAMES.values())) == 10
