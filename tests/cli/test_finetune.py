"""`epochal finetune`: its table for people, its result for programs, its refusals."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from tests.cli.command import epochal_command, refused


@pytest.fixture
def pets(tmp_path: Path) -> str:
    for name, level in (("cat", 200), ("dog", 40)):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (16, 16), (level + number,) * 3).save(tmp_path / "pets" / name / f"{number}.png")
    return "imagefolder:pets"


def test_the_ways_are_told_side_by_side(own_run: Path, pets: str, tmp_path: Path) -> None:
    words = ["--weights", own_run.name, "--data", pets, "--set", "epochs=2", "--device", "cpu", "--workers", 0]
    answer = epochal_command("finetune", "alexnet", *words, "--json")
    assert answer.code == 0, answer.err
    told = answer.json()
    assert [row["way"] for row in told["rows"]] == ["fine-tuned", "frozen", "scratch"]
    assert Path(told["record"]) == Path("results/alexnet/transfer_pets.json")
    assert Path(told["picture"]).is_file()
    assert json.loads(Path(told["record"]).read_text())["weights"]["source"] == own_run.name
    assert "fine-tuned, seed 0: begins" in answer.err
    assert "drawn anew: fc8.weight, fc8.bias" in answer.err

    again = epochal_command("finetune", "alexnet", *words, "--freeze", "body", "--out", "other")
    assert again.code == 0, again.err
    assert "scratch, seed 0: there already" in again.err
    table = again.out.splitlines()
    assert table[0].split()[:2] == ["way", "held-out"]
    assert [line.split()[0] for line in table[1:4]] == ["fine-tuned", "frozen", "scratch"]
    assert "34 of " in table[2], "two classes: 2 x (16 + 1) numbers are learned"
    assert str(Path("other/alexnet/transfer_pets.png")) in table
    assert all(path in table for runs in told["runs"].values() for path in runs)
    # An ordinary run: the other commands take it.
    assert epochal_command("evaluate", told["runs"]["frozen"][0], "--device", "cpu").code == 0


def test_what_cannot_be_is_told_without_a_traceback(own_run: Path, pets: str) -> None:
    given = ["finetune", "alexnet", "--weights", own_run.name, "--data", pets]
    assert "no way 'tuned'" in refused(*given, "--way", "tuned")
    assert "no layer called 'conv8'" in refused(*given, "--freeze", "conv8")
    assert "not-there" in refused("finetune", "alexnet", "--weights", "not-there", "--data", pets)
    assert "does not exist" in refused("finetune", "alexnet", "--weights", own_run.name, "--data", "imagefolder:none")
    assert "Missing option" in refused("finetune", "alexnet", "--data", pets)
