"""Response normalisation on the CPU, compiled: one pass over memory each way.

The maps of one position lie side by side (channels last), so a row fits into the processor's first cache and every
inner loop runs over whole vector registers. Rows are float32, or bfloat16 seen as 16-bit integers; all arithmetic is
float32. The exponent is the paper's 0.75 = 1/2 + 1/4: two square roots instead of a power.

Importing this module imports numba (a third of a second), so it is imported at first use. The first call compiles (half
a second to a second each way); later processes read the result from disk. Threads are plain Python threads that live
for one call, as the compiled loops release the interpreter's lock: nothing stays behind that could clash with torch's
own threads or break a forked worker. The order of the sums does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float
from numba.extending import overload
from torch import Tensor

from epochal.engine.compiled import compiled

# Below this many numbers a thread costs more than it saves.
SMALLEST_SHARE = 1 << 16


@no_type_check
def load(stored):  # pragma: no cover - replaced when compiled
    """A stored number as float32."""
    raise NotImplementedError


@overload(load)
@no_type_check
def compile_load(stored):
    """A bfloat16 is the upper half of a float32's bits."""
    if stored == numba.types.uint16:
        return lambda stored: np.uint32(np.uint32(stored) << np.uint32(16)).view(np.float32)
    return lambda stored: stored


@no_type_check
def store(row, c, value):  # pragma: no cover - replaced when compiled
    """Write a float32 in the row's own format."""
    raise NotImplementedError


@overload(store)
@no_type_check
def compile_store(row, c, value):
    """A bfloat16 is rounded to the nearest, ties to even."""

    def rounded(row, c, value):
        bits = np.float32(value).view(np.uint32)
        odd = (bits >> np.uint32(16)) & np.uint32(1)
        row[c] = np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))

    def exact(row, c, value):
        row[c] = value

    return rounded if row.dtype == numba.types.uint16 else exact


@compiled
@no_type_check
def window_sum(padded, c, window):
    """The sum of the maps in the window around map c; `window` is a tuple so that its length is known when compiling.

    The loop is then written out in registers, and the loop over c around it becomes one of vector instructions.
    """
    total = np.float32(0)
    for offset in range(len(window)):
        total += padded[c + offset]
    return total


@compiled
@no_type_check
def normalise_rows(a, b, first, last, window, alpha, k):
    """b = a * scale ** -0.75 with scale = k + alpha * (the sum of the neighbours' squares)."""
    width, half = a.shape[1], len(window) // 2
    wide = np.empty(width, np.float32)
    squares = np.zeros(width + len(window) - 1, np.float32)
    for row in range(first, last):
        a_row, b_row = a[row], b[row]
        for c in range(width):
            wide[c] = load(a_row[c])
            squares[half + c] = wide[c] * wide[c]
        for c in range(width):
            root = np.float32(1) / np.sqrt(k + alpha * window_sum(squares, c, window))
            store(b_row, c, wide[c] * (root * np.sqrt(root)))


@compiled
@no_type_check
def differentiate_rows(a, db, da, first, last, window, alpha, k):
    """da = db * scale ** -0.75 - 2 * 0.75 * alpha * a * (the sum of the neighbours' db * a * scale ** -1.75)."""
    width, half = a.shape[1], len(window) // 2
    wide = np.empty(width, np.float32)
    direct = np.empty(width, np.float32)
    squares = np.zeros(width + len(window) - 1, np.float32)
    shared = np.zeros(width + len(window) - 1, np.float32)
    for row in range(first, last):
        a_row, db_row, da_row = a[row], db[row], da[row]
        for c in range(width):
            wide[c] = load(a_row[c])
            squares[half + c] = wide[c] * wide[c]
        for c in range(width):
            root = np.float32(1) / np.sqrt(k + alpha * window_sum(squares, c, window))
            direct[c] = load(db_row[c]) * (root * np.sqrt(root))
            shared[half + c] = direct[c] * wide[c] * (root * root)
        for c in range(width):
            store(da_row, c, direct[c] - np.float32(1.5) * alpha * wide[c] * window_sum(shared, c, window))


def normalise(a: Float[Tensor, "R C"], size: int, alpha: float, k: float) -> Float[Tensor, "R C"]:
    """Normalise each row of a contiguous float32 or bfloat16 matrix across its columns."""
    b = torch.empty_like(a)
    share(normalise_rows, (a, b), size, alpha, k)
    return b


def differentiate(
    a: Float[Tensor, "R C"], db: Float[Tensor, "R C"], size: int, alpha: float, k: float
) -> Float[Tensor, "R C"]:
    """The gradient by `a` of a loss whose gradient by `normalise(a)` is `db`."""
    da = torch.empty_like(a)
    share(differentiate_rows, (a, db, da), size, alpha, k)
    return da


def share(kernel: Callable[..., None], tensors: tuple[Tensor, ...], size: int, alpha: float, k: float) -> None:
    """Run a kernel over all rows, in as many threads as torch uses."""
    arrays = tuple((t.view(torch.uint16) if t.dtype == torch.bfloat16 else t).numpy() for t in tensors)
    constants = ((0,) * size, np.float32(alpha), np.float32(k))
    rows, width = arrays[0].shape
    threads = max(1, min(torch.get_num_threads(), rows * width // SMALLEST_SHARE))
    bounds = [rows * i // threads for i in range(threads + 1)]
    others = [
        Thread(target=kernel, args=(*arrays, bounds[i], bounds[i + 1], *constants), daemon=True)
        for i in range(1, threads)
    ]
    for thread in others:
        thread.start()
    kernel(*arrays, bounds[0], bounds[1], *constants)
    for thread in others:
        thread.join()
