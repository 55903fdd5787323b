from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer
from tests.cli.command import epochal_command

from epochal.cli.app import app

ROOT = typer.main.get_command(app)
GROUPS = {"data": ROOT.commands["data"]}
COMMANDS = [(name,) for name in ROOT.commands if name not in GROUPS] + [
    (group, name) for group, found in GROUPS.items() for name in found.commands
]
# What `--help` and the commands that only read small files have no use for.
HEAVY = ("torch", "numpy", "matplotlib", "sklearn", "PIL", "pyarrow", "numba", "rich", "huggingface_hub")


def parameters(words: tuple[str, ...]) -> list:
    command = ROOT
    for word in words:
        command = command.commands[word]
    return command.params


def test_the_commands_are_those_of_the_design() -> None:
    known = ["list", "show", "runs", "doctor", "demo", "train", "resume", "finetune", "evaluate", "predict"]
    assert list(ROOT.commands) == [*known, "look", "compare", "check", "ablate", "export", "data"]
    assert list(GROUPS["data"].commands) == ["list", "check", "show"]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_json_an_example_and_every_parameter_explained(words: tuple[str, ...]) -> None:
    answer = epochal_command(*words, "--help")
    assert answer.code == 0
    assert answer.err == ""
    assert "--json" in answer.out
    assert f"Example: epochal {' '.join(words)}" in " ".join(answer.out.split())
    silent = [parameter.name for parameter in parameters(words) if not getattr(parameter, "help", None)]
    assert not silent
    assert "{name}" not in answer.out


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_example_names_things_that_exist(words: tuple[str, ...]) -> None:
    text = " ".join(epochal_command(*words, "--help").out.split()).partition("Example: epochal ")[2]
    options = {option for parameter in parameters(words) for option in parameter.opts}
    assert {word for word in text.split() if word.startswith("--")} <= options


@pytest.mark.parametrize("words", [(), ("data",)], ids=["epochal", "data"])
def test_without_a_command_the_help_is_shown_whole(words: tuple[str, ...]) -> None:
    asked, bare = epochal_command(*words, "--help"), epochal_command(*words)
    assert asked.code == 0
    assert bare.code == 2
    assert asked.out.strip() == (bare.out + bare.err).strip()
    assert "..." not in asked.out.replace("COMMAND [ARGS]...", ""), "a line of the list is cut"
    assert epochal_command(*words, "-h").out == asked.out


def test_an_unknown_command_or_option_is_a_usage_error() -> None:
    for words in (("trian",), ("train", "alexnet", "--lr", "1"), ("data", "delete"), ("show",), ("list", "x")):
        answer = epochal_command(*words)
        assert answer.code == 2
        assert answer.out == ""
        assert "Error:" in answer.err


def test_the_version_is_printed() -> None:
    answer = epochal_command("--version")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.strip().count(".") == 2


@pytest.mark.parametrize(
    ("words", "also"),
    [
        # The argument parser itself reads options with pydantic.
        (["--help"], ("pydantic",)),
        (["train", "--help"], ()),
        (["--version"], ()),
        (["list", "--json"], ()),
        (["show", "alexnet", "--json"], ()),
        (["runs", "--json"], ()),
    ],
    ids=str,
)
def test_what_needs_no_computation_loads_nothing_heavy(words: list[str], also: tuple[str, ...]) -> None:
    """So that help comes at once: importing torch alone takes longer than all of it may."""
    program = (
        "import json, sys, epochal.cli\n"
        f"sys.argv = {['epochal', *words]!r}\n"
        "try:\n    epochal.cli.main()\n"
        f"finally:\n    print(json.dumps([m for m in {HEAVY + also!r} if m in sys.modules]), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0
    assert json.loads(done.stderr) == []


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """As in `epochal show alexnet | head -1`."""
    for words in (["show", "alexnet"], ["list", "--json"], ["--help"]):
        program = f"import sys, epochal.cli; sys.argv = {['epochal', *words]!r}; sys.exit(epochal.cli.main())"
        with subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.close()
            assert process.stderr.read() == b""
        assert process.returncode in (1, 141), "1 is what the argument parser makes of it"


def test_closed_streams_are_no_error() -> None:
    program = "import sys, epochal.cli; sys.argv = ['epochal', 'list']; sys.exit(epochal.cli.main())"
    done = subprocess.run(f'exec "{sys.executable}" -c "{program}" >&- 2>&-', shell=True)
    assert done.returncode == 0
