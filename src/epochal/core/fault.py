"""What can go wrong, and how it is told: what was wrong, what was expected, what to do.

Every fault the user can cause or cure is a `Fault`. The command line prints it without a traceback and exits with
its code; from Python it is an ordinary exception. Anything else that escapes is a bug of ours.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class Fault(Exception):  # noqa: N818 (the field says fault; an Error suffix would promise a bug)
    """A fault with a remedy.

    Args:
        what: what was wrong, naming the file, field or step.
        expected: what would have been right.
        remedy: what to do now.
    """

    exit_code = 1

    def __init__(self, what: str, expected: str = "", remedy: str = "") -> None:
        super().__init__(what)
        self.what, self.expected, self.remedy = what, expected, remedy

    def __str__(self) -> str:
        lines = [self.what]
        if self.expected:
            lines.append(f"expected: {self.expected}")
        if self.remedy:
            lines.append(f"to do: {self.remedy}")
        return "\n".join(lines)


class InputFault(Fault, ValueError):  # noqa: N818
    """Something the user gave cannot be used: a path, a name, a value, a file."""

    exit_code = 2


class NonFiniteFault(Fault):
    """A loss or a gradient is not a finite number; the run stopped and its last good checkpoint stands."""

    exit_code = 3


class MemoryFault(Fault):
    """The device has too little memory for what was asked."""

    exit_code = 4


class DiskFault(Fault):
    """The disk is full or refuses to write; the last good checkpoint stands."""

    exit_code = 5


class Interrupted(Fault):
    """A signal asked the run to stop; everything was saved first. The exit code is 128 + the signal's number."""

    def __init__(self, signal_number: int, what: str, remedy: str) -> None:
        super().__init__(what, remedy=remedy)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names closest to `name`, as an "is it ...?" clause, or the whole list when none is close."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=2, cutoff=0.6)
    if close:
        return f"one of the known names; the nearest: {', '.join(close)}"
    return f"one of: {', '.join(names)}" if names else "nothing by that name exists"


def printable(text: str, limit: int = 200) -> str:
    """`text` made safe for a terminal: control, escape and direction-changing characters are shown, not obeyed."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
