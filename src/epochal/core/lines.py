"""Small files of lines with fields: lists of words, questions, judged pairs.

Lines end with a newline and nothing else, fields are set off by ASCII white space: words may hold any other character,
such as a space that does not break, and most of Python's own splitting would cut them there.
"""

from __future__ import annotations

import re
from pathlib import Path

from epochal.core.fault import InputFault, printable

MOST_BYTES = 1 << 30
WHITE = " \t\r\n\v\f"
_BETWEEN = re.compile(f"[{WHITE}]+")


def read_lines(path: Path, what: str, most: int = MOST_BYTES) -> list[str]:
    """The lines of a file in UTF-8, with or without the mark that some editors put before the first.

    Args:
        path: the file.
        what: what it should hold, for the message.
        most: how many bytes it has at most.

    Raises:
        InputFault: it cannot be read, is too large, or is no UTF-8.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= most else b""
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        told = getattr(error, "strerror", None) or str(error)
        raise InputFault(f"{printable(str(path))} cannot be read: {printable(told)}", expected="a file") from None
    if size > most:
        raise InputFault(f"{printable(str(path))} is too large for {what}", expected=f"{most:,} bytes at most")
    try:
        return content.decode("utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputFault(
            f"{printable(str(path))} cannot be read: line {line:,} is no UTF-8", expected="a file in UTF-8"
        ) from None


def fields(line: str) -> list[str]:
    """What stands between white space."""
    return [field for field in _BETWEEN.split(line) if field]
