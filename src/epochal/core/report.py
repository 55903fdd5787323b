"""How a long piece of work says how it goes: rows for whoever shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Is shown rows such as {"kind": "note", "text": ...}.
Report = Callable[[dict[str, Any]], None]


def silent(row: dict[str, Any]) -> None:
    """The report of who has nothing to say."""
