"""Loops over numbers, compiled by numba for the processor at hand.

Importing this imports numba (a third of a second), so that whoever needs it is imported at first use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """Compile at the first call, and keep the result on disk where that is possible."""
    options: dict[str, Any] = {
        "nogil": True,
        # Sums may be regrouped, so nothing may rely on how a sum is rounded, and divisions become approximations with
        # a correction step. NaN and infinity keep their meaning, so that a diverging run is still noticed.
        "fastmath": {"reassoc", "contract", "arcp", "nsz"},
        # Python's check for a zero divisor would keep the loops from being vectorised.
        "error_model": "numpy",
        "boundscheck": False,
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        return numba.njit(**options)(function)
