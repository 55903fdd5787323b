"""Local response normalisation (Section 3.3): each map is held down by the activity of its neighbours.

b_i = a_i / (k + alpha * sum_j a_j ** 2) ** beta, where j runs over the n maps around i at the same position, with
k = 2, n = 5, alpha = 1e-4 and beta = 0.75. The printed formula takes the *sum*; the 2012 code, Caffe and
`torch.nn.LocalResponseNorm` divide alpha by n. As its own differentiable function it keeps only its input for the
backward pass; all squares are float32 (half precision would overflow at 256), or float64 for float64 input.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

from epochal.core.fault import InputFault


class LocalResponseNorm(nn.Module):
    """Normalise across neighbouring maps, by default with the paper's constants.

    Args:
        size: how many neighbouring maps count (n), an odd number.
        alpha: the weight of each square, not divided by `size`.
        beta: the exponent.
        k: what is added to the sum.
        columns: how many groups the maps fall into; a map has no neighbours in another group.

    Raises:
        InputFault: `size` is even or not positive: the printed window reaches n/2 maps to either side.
    """

    def __init__(
        self, size: int = 5, *, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0, columns: int = 1
    ) -> None:
        super().__init__()
        if size < 1 or size % 2 == 0:
            raise InputFault(f"a normalisation over {size} maps", expected="an odd number of maps, such as 5")
        self.size, self.alpha, self.beta, self.k, self.columns = size, alpha, beta, k, columns

    def forward(self, a: Float[Tensor, "B C *position"]) -> Float[Tensor, "B C *position"]:
        """Normalise the maps; the memory layout of `a` is kept.

        Raises:
            InputFault: the maps cannot be divided into the columns.
        """
        if a.shape[1] % self.columns:
            raise InputFault(f"{a.shape[1]} maps in {self.columns} columns", expected="columns of equal size")
        if torch.compiler.is_exporting() and torch.onnx.is_in_onnx_export():
            return self._as_onnx(a)
        return cast(Tensor, _LocalResponseNorm.apply(a, self.size, self.alpha, self.beta, self.k, self.columns))

    def _as_onnx(self, a: Float[Tensor, "B C *position"]) -> Float[Tensor, "B C *position"]:
        """ONNX has this layer: one operator, which divides alpha by the size and knows no columns."""
        rows = a.reshape(-1, a.shape[1] // self.columns, *a.shape[2:])
        constants: dict[str, Any] = {
            "size": self.size,
            "alpha": self.alpha * self.size,
            "beta": self.beta,
            "bias": self.k,
        }
        b = torch.onnx.ops.symbolic("LRN", [rows], constants, dtype=rows.dtype, shape=rows.shape)
        return b.reshape(a.shape)

    def extra_repr(self) -> str:
        """The constants, for `print(model)`."""
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}, columns={self.columns}"


class _LocalResponseNorm(torch.autograd.Function):
    """The formula and its derivative, compiled where there is a kernel and in tensor operations elsewhere."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, size: int, alpha: float, beta: float, k: float, columns: int) -> Tensor:
        ctx.save_for_backward(a)
        ctx.constants = size, alpha, beta, k, columns
        if _has_kernel(a, beta):
            return cast(Tensor, _normalise_compiled(a, size, alpha, k, columns))
        return _normalise(a, size, alpha, beta, k, columns)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, db: Tensor) -> tuple[Tensor | None, ...]:
        (a,) = ctx.saved_tensors
        size, alpha, beta, k, columns = ctx.constants
        if _has_kernel(a, beta):
            da = _differentiate_compiled(a, db, size, alpha, k, columns)
        else:
            da = _differentiate(a, db, size, alpha, beta, k, columns)
        return da, None, None, None, None, None


def _has_kernel(a: Tensor, beta: float) -> bool:
    return a.device.type == "cpu" and a.dtype in (torch.float32, torch.bfloat16) and beta == 0.75


# --- in tensor operations: any device, any floating type, any exponent ---


def _normalise(a: Tensor, size: int, alpha: float, beta: float, k: float, columns: int) -> Tensor:
    rows = _rows(a, columns)
    wide = rows.to(_wide(a))
    scale = k + alpha * _window_sum(wide.square(), size)
    return _unrow((wide * scale.pow(-beta)).to(a.dtype), a)


def _differentiate(a: Tensor, db: Tensor, size: int, alpha: float, beta: float, k: float, columns: int) -> Tensor:
    wide = _rows(a, columns).to(_wide(a))
    direct = _rows(db, columns).to(wide.dtype)
    scale = k + alpha * _window_sum(wide.square(), size)
    direct = direct * scale.pow(-beta)
    # Map i's own square counts in every window that i lies in, and those are the windows of i's neighbours.
    shared = _window_sum(direct * wide / scale, size)
    return _unrow((direct - 2 * alpha * beta * wide * shared).to(a.dtype), a)


def _window_sum(rows: Float[Tensor, "R C"], size: int) -> Float[Tensor, "R C"]:
    """The sum of `size` neighbouring columns, zeros beyond the edges, in one pass."""
    if rows.numel() == 0:
        return rows
    return F.avg_pool2d(rows[None, None], (1, size), 1, (0, size // 2), divisor_override=1)[0, 0]


def _wide(a: Tensor) -> torch.dtype:
    return torch.float64 if a.dtype == torch.float64 else torch.float32


# --- compiled: on the CPU ---
# Registered as torch operators, so that torch.compile sees them as one step each instead of tracing into numba.


@torch.library.custom_op(
    "epochal::normalise_responses",
    mutates_args=(),
    schema="(Tensor a, int size, float alpha, float k, int columns) -> Tensor",
)
def _normalise_compiled(a: Tensor, size: int, alpha: float, k: float, columns: int) -> Tensor:
    from epochal.landmarks.alexnet import lrn_kernel

    return _unrow(lrn_kernel.normalise(_rows(a, columns), size, alpha, k), a)


@torch.library.custom_op(
    "epochal::differentiate_normalised_responses",
    mutates_args=(),
    schema="(Tensor a, Tensor db, int size, float alpha, float k, int columns) -> Tensor",
)
def _differentiate_compiled(a: Tensor, db: Tensor, size: int, alpha: float, k: float, columns: int) -> Tensor:
    from epochal.landmarks.alexnet import lrn_kernel

    rows = _rows(db, columns).to(a.dtype)
    return _unrow(lrn_kernel.differentiate(_rows(a, columns), rows, size, alpha, k), a)


@_normalise_compiled.register_fake
def _(a: Tensor, size: int, alpha: float, k: float, columns: int) -> Tensor:
    return torch.empty_like(a)


@_differentiate_compiled.register_fake
def _(a: Tensor, db: Tensor, size: int, alpha: float, k: float, columns: int) -> Tensor:
    return torch.empty_like(a)


# --- the maps of one position (and one column) side by side ---


def _rows(a: Tensor, columns: int) -> Float[Tensor, "R C"]:
    """No copy if `a` is stored with channels last, otherwise one."""
    return a.detach().movedim(1, -1).contiguous().view(-1, a.shape[1] // columns)


def _unrow(rows: Float[Tensor, "R C"], a: Tensor) -> Tensor:
    """Undo `_rows`, in the memory layout of `a`."""
    last = a.movedim(1, -1)
    b = rows.view(last.shape).movedim(-1, 1)
    return b if last.is_contiguous() else b.contiguous()
