"""Small image files and folders of them, made for a test."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def scenery(width: int, height: int, shift: int = 0) -> Image.Image:
    """A smooth colour picture in which every place differs, so that a wrong crop or turn shows."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    planes = [255 * x, 255 * y, 255 * (0.5 + 0.5 * np.sin(6 * (x + y) + shift))]
    return Image.fromarray(np.stack(planes, -1).astype(np.uint8))


def as_bytes(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def picture() -> Callable[..., Image.Image]:
    return scenery


@pytest.fixture
def encoded() -> Callable[..., bytes]:
    return as_bytes


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of PNG pictures, no two alike: `image_folder({"train/cat": 3, "val/cat": 1})`."""

    def made(counts: dict[str, int], size: tuple[int, int] = (40, 30)) -> Path:
        root = tmp_path / "pictures"
        number = 0
        for folder, count in counts.items():
            (root / folder).mkdir(parents=True, exist_ok=True)
            for place in range(count):
                number += 1
                scenery(*size, shift=number).save(root / folder / f"{place}.png")
        return root

    return made
