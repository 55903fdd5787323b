"""How work says what it does: rows for whoever shows them, and numbers in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Is shown rows such as {"kind": "note", "text": ...}.
Report = Callable[[dict[str, Any]], None]


def counted(number: int | float, noun: str) -> str:
    """So many of something, as people say it: `1 step`, `2,000 steps`."""
    told = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{told} {noun}{'s' * (number != 1)}"


def silent(row: dict[str, Any]) -> None:
    """The report of who has nothing to say."""
