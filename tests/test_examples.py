"""The examples run, and say what they promise."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

import epochal
from tests.tiny import TINY

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_network_alone_has_the_papers_shapes(capsys: pytest.CaptureFixture[str]) -> None:
    shapes = load("the_network_alone").main()
    assert shapes["conv1"] == (96, 55, 55)
    assert shapes["conv5"] == (256, 13, 13)
    assert "60,965,224 parameters" in capsys.readouterr().out


def test_training_on_a_folder_tells_bright_from_dark(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    for name, level in (("bright", 200), ("dark", 40)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(60):
            pixels = rng.integers(level - 30, level + 30, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    assert load("train_on_a_folder").main(str(tmp_path / "photos"), epochs=4) > 0.9
    assert "0.png" in capsys.readouterr().out


def test_transfer_compares_the_three_ways_on_forty_pictures_of_each_class(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = epochal.train("alexnet", recipe=TINY, workers=0, device="cpu")
    tops = load("transfer").main(str(run.folder), "digits", 1, overrides=["epochs=1"], workers=0, device="cpu")
    assert list(tops) == ["fine-tuned", "frozen", "scratch"]
    assert all(0 <= top <= 1 for top in tops.values())
    assert (tmp_path / "results" / "alexnet" / "transfer_digits-40-of-each.png").is_file()
    assert "learned" in capsys.readouterr().out


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_at_most_sixty_lines_and_has_a_test(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 60
    assert path.stem in Path(__file__).read_text(encoding="utf-8")
