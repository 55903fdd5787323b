"""Where the sets lie that word vectors are measured by: files of one's own, and the folder `word-eval` of the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from epochal.core.fault import InputFault, printable
from epochal.data.source import places

NAMED = "word-eval"
_QUESTIONS = "questions-words.txt"


def question_files(named: Sequence[Path | str]) -> list[Path]:
    """Files of analogies: those named; `word-eval` stands for the questions of the first paper.

    Raises:
        InputFault: `word-eval` is not on this machine.
    """
    return [path for one in named for path in ([_folder() / _QUESTIONS] if str(one) == NAMED else [Path(one)])]


def pair_files(named: Sequence[Path | str]) -> list[Path]:
    """Files of judged word pairs: those named; `word-eval` stands for all that are there.

    Raises:
        InputFault: `word-eval` is not on this machine.
    """
    return [path for one in named for path in (_pairs() if str(one) == NAMED else [Path(one)])]


def _pairs() -> list[Path]:
    return sorted(path for path in _folder().glob("*.txt") if not path.name.startswith("questions"))


def _folder() -> Path:
    folder = next((place for place in places(NAMED) if place.is_dir()), None)
    if folder is None:
        raise InputFault(
            f"the sets of {NAMED} are not on this machine",
            expected=f"them in {' or '.join(printable(str(place)) for place in places(NAMED))}",
            remedy="name a file of your own",
        )
    return folder
