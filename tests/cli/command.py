"""The command line as a test calls it: in this process, with its own standard streams, through `main`."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from tests.tiny import TINY

import epochal
from epochal import cli
from epochal import landmarks as table


@dataclass(frozen=True)
class Answer:
    """What a command said and with which code it left."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self.out)


class _Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@contextmanager
def _streams(stdin: bytes, terminal: bool) -> Iterator[tuple[io.BytesIO, io.BytesIO]]:
    out, err = io.BytesIO(), io.BytesIO()
    wrapped = {
        "stdin": io.TextIOWrapper(io.BytesIO(stdin)),
        "stdout": (_Terminal if terminal else io.TextIOWrapper)(out, encoding="utf-8", write_through=True),
        "stderr": io.TextIOWrapper(err, encoding="utf-8", write_through=True),
    }
    with mock.patch.multiple(sys, **wrapped):
        yield out, err


def epochal_command(*words: object, stdin: bytes = b"", terminal: bool = False) -> Answer:
    """Run one command; a traceback would come out of here as the exception itself."""
    code = 0
    argv = ["epochal", *map(str, words)]
    with mock.patch.object(sys, "argv", argv), _streams(stdin, terminal) as (out, err):
        # A demo or a training of a test takes a second, and is the same for all that follows its start.
        with mock.patch.dict(table.load("alexnet").RECIPES, smoke=TINY):
            try:
                cli.main()
            except SystemExit as leaving:
                code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
        return Answer(code, out.getvalue().decode(), err.getvalue().decode())


def refused(*words: object, stdin: bytes = b"") -> str:
    """Run a command that must be refused: exit code 2, told on standard error, nothing said on standard output."""
    answer = epochal_command(*words, stdin=stdin)
    assert answer.code == 2, (answer.out, answer.err)
    assert answer.out == ""
    assert answer.err.strip()
    assert "Traceback" not in answer.err
    assert "\x1b" not in answer.err
    return answer.err


def trained_run(folder: Path, **changes: Any) -> Path:
    """The folder of a finished run of a second's training."""
    return epochal.train("alexnet", recipe=TINY.replace(**changes), workers=0, device="cpu", runs=folder).folder
