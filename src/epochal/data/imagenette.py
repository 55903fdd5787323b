"""Imagenette: photographs of ten ImageNet classes (Howard 2019), in folders named by WordNet's numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from epochal.data.image_folder import open_image_folder
from epochal.data.images import ImageData
from epochal.data.parquet import has_parquet, open_parquet

NAMES = {
    "n01440764": "tench",
    "n02102040": "English springer",
    "n02979186": "cassette player",
    "n03000684": "chain saw",
    "n03028079": "church",
    "n03394916": "French horn",
    "n03417042": "garbage truck",
    "n03425413": "gas pump",
    "n03445777": "golf ball",
    "n03888257": "parachute",
}


def has_imagenette(folder: Path) -> bool:
    """True if the folder looks like the unpacked set."""
    return (folder / "train").is_dir()


def read_imagenette(folder: Path) -> ImageData:
    """The set from its folders or from the Hub's shards, its classes called by their English names.

    Raises:
        InputFault: the set is damaged.
    """
    if has_parquet(folder):
        data = open_parquet(folder, "imagenette")
    else:
        data = open_image_folder(folder, "imagenette")
    return replace(data, classes=tuple(NAMES.get(name, name) for name in data.classes))
