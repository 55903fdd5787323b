"""Response normalisation on the CPU, compiled: one pass over memory each way.

The maps of one position lie side by side (channels last), so a row fits into the processor's first cache and every
inner loop runs over whole vector registers. Rows are float32, or bfloat16 seen as 16-bit integers; all arithmetic is
float32. The exponent is the paper's 0.75 = 1/2 + 1/4: two square roots instead of a power.

Importing this module imports numba (half a second), so it is imported at first use; the first call compiles (two to
three seconds) and later processes read the result from disk. Threads are plain Python threads that live for one call,
as the compiled loops release the interpreter's lock: nothing stays behind that could clash with torch's own threads or
break a forked worker. The order of the sums does not depend on the number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any, no_type_check

import numba
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

# Below this many numbers a thread costs more than it saves.
SMALLEST_SHARE = 1 << 16


def compiled(function: Callable[..., Any]) -> Any:
    """Compile for the processor at hand at the first call, and keep the result on disk where that is possible."""
    options: dict[str, Any] = {
        "nogil": True,
        # Sums may be regrouped and divisions become approximations with a correction step; NaN and infinity keep
        # their meaning, so that a diverging run is still noticed.
        "fastmath": {"reassoc", "contract", "arcp", "nsz"},
        # Python's check for a zero divisor would keep the loops from being vectorised.
        "error_model": "numpy",
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no folder that it may write to
        return numba.njit(**options)(function)


@compiled
@no_type_check
def widen(bits, row):
    """Bfloat16 to float32: the same bits, with sixteen zeros below."""
    for c in range(row.size):
        row[c] = np.uint32(np.uint32(bits[c]) << np.uint32(16)).view(np.float32)


@compiled
@no_type_check
def narrow(row, bits):
    """Float32 to the nearest bfloat16, ties to even."""
    for c in range(row.size):
        exact = np.float32(row[c]).view(np.uint32)
        odd = (exact >> np.uint32(16)) & np.uint32(1)
        bits[c] = np.uint16((exact + np.uint32(0x7FFF) + odd) >> np.uint32(16))


@compiled
@no_type_check
def sum_windows(padded, size, start, factor, sums):
    """start + factor * (the sum of `size` neighbours), for every place of a row padded with zeros."""
    if size == 5:  # the paper's; written out, it stays in registers
        for c in range(sums.size):
            sums[c] = start + factor * (padded[c] + padded[c + 1] + padded[c + 2] + padded[c + 3] + padded[c + 4])
        return
    for c in range(sums.size):
        sums[c] = start
    for offset in range(size):
        for c in range(sums.size):
            sums[c] += factor * padded[c + offset]


@compiled
@no_type_check
def normalise_row(a, padded, scale, size, alpha, k, b):
    """b = a * scale ** -0.75 with scale = k + alpha * (the sum of the neighbours' squares)."""
    half = size // 2
    for c in range(a.size):
        padded[half + c] = a[c] * a[c]
    sum_windows(padded, size, k, alpha, scale)
    for c in range(a.size):
        root = np.float32(1) / np.sqrt(scale[c])
        b[c] = a[c] * (root * np.sqrt(root))


@compiled
@no_type_check
def differentiate_row(a, db, padded, scale, size, alpha, k, da):
    """da = db * scale ** -0.75 - 2 * 0.75 * alpha * a * (the sum of the neighbours' db * a * scale ** -1.75)."""
    half = size // 2
    for c in range(a.size):
        padded[half + c] = a[c] * a[c]
    sum_windows(padded, size, k, alpha, scale)
    for c in range(a.size):
        root = np.float32(1) / np.sqrt(scale[c])
        direct = db[c] * (root * np.sqrt(root))
        padded[half + c] = direct * a[c] * (root * root)
        da[c] = direct
    sum_windows(padded, size, np.float32(0), np.float32(1.5) * alpha, scale)
    for c in range(a.size):
        da[c] -= a[c] * scale[c]


@compiled
@no_type_check
def normalise_float32(a, b, first, last, size, alpha, k):
    """Rows `first` to `last` of b from those of a."""
    padded = np.zeros(a.shape[1] + size - 1, np.float32)
    scale = np.empty(a.shape[1], np.float32)
    for row in range(first, last):
        normalise_row(a[row], padded, scale, size, alpha, k, b[row])


@compiled
@no_type_check
def normalise_bfloat16(a, b, first, last, size, alpha, k):
    """The same for bfloat16 rows."""
    padded = np.zeros(a.shape[1] + size - 1, np.float32)
    scale, wide_a, wide_b = np.empty((3, a.shape[1]), np.float32)
    for row in range(first, last):
        widen(a[row], wide_a)
        normalise_row(wide_a, padded, scale, size, alpha, k, wide_b)
        narrow(wide_b, b[row])


@compiled
@no_type_check
def differentiate_float32(a, db, da, first, last, size, alpha, k):
    """Rows `first` to `last` of da from those of a and db."""
    padded = np.zeros(a.shape[1] + size - 1, np.float32)
    scale = np.empty(a.shape[1], np.float32)
    for row in range(first, last):
        differentiate_row(a[row], db[row], padded, scale, size, alpha, k, da[row])


@compiled
@no_type_check
def differentiate_bfloat16(a, db, da, first, last, size, alpha, k):
    """The same for bfloat16 rows."""
    padded = np.zeros(a.shape[1] + size - 1, np.float32)
    scale, wide_a, wide_db, wide_da = np.empty((4, a.shape[1]), np.float32)
    for row in range(first, last):
        widen(a[row], wide_a)
        widen(db[row], wide_db)
        differentiate_row(wide_a, wide_db, padded, scale, size, alpha, k, wide_da)
        narrow(wide_da, da[row])


def normalise(a: Float[Tensor, "R C"], size: int, alpha: float, k: float) -> Float[Tensor, "R C"]:
    """Normalise each row of a contiguous float32 or bfloat16 matrix across its columns."""
    b = torch.empty_like(a)
    kernel = normalise_bfloat16 if a.dtype == torch.bfloat16 else normalise_float32
    share(kernel, (a, b), size, alpha, k)
    return b


def differentiate(
    a: Float[Tensor, "R C"], db: Float[Tensor, "R C"], size: int, alpha: float, k: float
) -> Float[Tensor, "R C"]:
    """The gradient by `a` of a loss whose gradient by `normalise(a)` is `db`."""
    da = torch.empty_like(a)
    kernel = differentiate_bfloat16 if a.dtype == torch.bfloat16 else differentiate_float32
    share(kernel, (a, db, da), size, alpha, k)
    return da


def share(kernel: Callable[..., None], tensors: tuple[Tensor, ...], size: int, alpha: float, k: float) -> None:
    """Run a kernel over all rows, in as many threads as torch uses."""
    arrays = tuple((t.view(torch.uint16) if t.dtype == torch.bfloat16 else t).numpy() for t in tensors)
    constants = (size, np.float32(alpha), np.float32(k))
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
