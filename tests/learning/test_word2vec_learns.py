"""Word vectors of a small language answer its analogies: which region's capital is it?"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import epochal

REGIONS = 12
LETTERS = "abcdefghijkl"


def language(folder: Path) -> tuple[Path, Path]:
    """A text in which a region and its capital share what is near them, and all capitals share what capitals do."""
    draw = random.Random(5)
    roles = {"land": ("borders", "fields", "people"), "city": ("streets", "mayor", "station")}
    lines = []
    for _ in range(6000):
        region, role = draw.choice(LETTERS), draw.choice(sorted(roles))
        near = [f"river{region}", f"food{region}", f"song{region}", *roles[role]]
        draw.shuffle(near)
        lines.append(" ".join([*near[:3], role + region, *near[3:]]))
    (folder / "text").write_text("\n".join(lines))
    asked = [f"land{a} city{a} land{b} city{b}" for a in LETTERS for b in LETTERS if a != b]
    (folder / "questions").write_text(": capitals\n" + "\n".join(asked))
    return folder / "text", folder / "questions"


@pytest.mark.parametrize("form", ["paper", "source", "modern"])
@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
def test_the_vectors_of_a_small_language_answer_its_analogies(form: str, architecture: str, tmp_path: Path) -> None:
    text, questions = language(tmp_path)
    recipe = epochal.recipe("word2vec", "smoke").replace(
        form=form, architecture=architecture, dimension=16, sample=0.0, epochs=12.0, lr=0.05, threads=1
    )
    run = epochal.train("word2vec", recipe=recipe, data=f"text:{text}", device="cpu")
    found = epochal.evaluate(run, analogies=[questions])
    assert found["3CosAdd"]["all"]["seen"] == REGIONS * (REGIONS - 1)
    assert found["3CosAdd"]["all"]["accuracy"] > 0.8, "by chance it would be one in 80"
