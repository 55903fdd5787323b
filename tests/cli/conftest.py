from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from PIL import Image
from tests.cli.command import trained_run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; nobody may change it."""
    return trained_run(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def own_run(trained: Path, tmp_path: Path) -> Path:
    """A copy of it, in the test's own folder of runs."""
    return Path(shutil.copytree(trained, tmp_path / "runs" / trained.name))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of three pictures and a text file."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (20 + number, 24), (90 * number, 50, 20)).save(folder / f"{number}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder
