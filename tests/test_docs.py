"""The documentation says what is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import epochal
from epochal.landmarks import CHRONOLOGY

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/*.md")]


def test_the_generated_parts_are_current() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_every_command_in_the_pages_exists_and_takes_its_options() -> None:
    commands = (ROOT / "docs" / "guide" / "commands.md").read_text(encoding="utf-8")
    for page in PAGES:
        for line in re.findall(r"(?:^|`)epochal ([a-z][^`\n#]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            words = line.split()
            name = " ".join(words[:2]) if words[0] == "data" else words[0]
            assert f"## epochal {name}\n" in commands, line
            section = commands.split(f"## epochal {name}\n")[1].split("\n## ")[0]
            for option in re.findall(r"--[a-z-]+", line):
                assert option in section, line


@pytest.mark.parametrize("name", CHRONOLOGY)
def test_every_setting_is_in_the_landmarks_page(name: str) -> None:
    page = (ROOT / "docs" / "landmarks" / f"{name}.md").read_text(encoding="utf-8")
    for setting in type(epochal.recipe(name, "paper")).settings():
        assert f"`{setting['name']}`" in page


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from epochal import landmarks as table
    from tests.tiny import TINY

    monkeypatch.setitem(table.load("alexnet").RECIPES, "smoke", TINY)
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
