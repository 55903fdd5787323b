"""Response normalisation on the CPU, compiled: one pass over memory each way.

The maps of one position lie side by side (channels last), so a row fits into the processor's first cache and every
loop below runs over whole vector registers. Rows are float32, or bfloat16 seen as 16-bit integers; all sums are
float32. The exponent is the paper's 0.75 = 1/2 + 1/4, two square roots instead of a power.

Importing this module imports numba (half a second), so it is imported at first use. Threads are plain Python threads
that live for one call, as the compiled loops release the interpreter's lock: nothing is left behind that could clash
with torch's own threads or break a forked worker.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import numba
import numpy as np
import torch
from jaxtyping import Float
from numba.extending import overload, register_jitable
from torch import Tensor

# Below this many numbers a thread costs more than it saves.
SMALLEST_SHARE = 1 << 16


def compiled(function: Callable[..., Any]) -> Any:
    """Compile for the processor at hand at the first call, and keep the result on disk where that is possible."""
    # Sums may be reordered and fused, which is the same reordering each time; infinities and NaN keep their meaning.
    options: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract", "arcp", "nsz"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        return numba.njit(**options)(function)


def _load(stored: Any) -> Any:  # pragma: no cover - compiled
    raise NotImplementedError


def _store(row: Any, place: Any, value: Any) -> Any:  # pragma: no cover - compiled
    raise NotImplementedError


@overload(_load, inline="always")
def _compile_load(stored: Any) -> Any:
    """A number as float32: a bfloat16 is the upper half of its bits."""
    if stored == numba.types.uint16:
        return lambda stored: np.uint32(np.uint32(stored) << np.uint32(16)).view(np.float32)
    return lambda stored: stored


@overload(_store, inline="always")
def _compile_store(row: Any, place: Any, value: Any) -> Any:
    """Write a float32, rounded to the nearest bfloat16 (ties to even) where the row holds those."""
    if row.dtype == numba.types.uint16:

        def rounded(row: Any, place: Any, value: Any) -> None:
            bits = np.float32(value).view(np.uint32)
            odd = (bits >> np.uint32(16)) & np.uint32(1)
            row[place] = np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))

        return rounded

    def exact(row: Any, place: Any, value: Any) -> None:
        row[place] = value

    return exact
