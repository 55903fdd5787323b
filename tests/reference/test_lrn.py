"""Response normalisation against the printed formula, torch's own, and itself in every format and layout."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from epochal.core.fault import InputFault
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.alexnet.spatial_norm import SpatialResponseNorm


def printed(a: np.ndarray, size: int = 5, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> np.ndarray:
    """The formula of Section 3.3, one map at a time."""
    b, maps = np.empty_like(a), a.shape[1]
    for i in range(maps):
        neighbours = range(max(0, i - size // 2), min(maps - 1, i + size // 2) + 1)
        total = sum(a[:, j] ** 2 for j in neighbours)
        b[:, i] = a[:, i] / (k + alpha * total) ** beta
    return b


def drawn(*shape: int, scale: float = 100.0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    """Activations so large that the sum outweighs k: an error in the window would show."""
    return (torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)) * scale).to(dtype)


def with_gradient(norm: torch.nn.Module, a: torch.Tensor, db: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    a = a.detach().clone().requires_grad_()
    b = norm(a)
    b.backward(db)
    assert a.grad is not None
    return b.detach(), a.grad


@pytest.mark.parametrize("maps", [1, 2, 4, 5, 6, 96])
@pytest.mark.parametrize("batch", [0, 1, 3])
def test_float64_agrees_with_the_printed_formula(maps: int, batch: int) -> None:
    a = drawn(batch, maps, 3, 5)
    b = LocalResponseNorm()(a)
    assert b.dtype == torch.float64
    np.testing.assert_allclose(b.numpy(), printed(a.numpy()), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("size", "alpha", "beta", "k"), [(1, 0.1, 0.75, 1.0), (9, 0.01, 0.75, 1.0), (3, 0.1, 0.5, 3.0)]
)
def test_other_constants_agree_with_the_formula(size: int, alpha: float, beta: float, k: float) -> None:
    norm = LocalResponseNorm(size, alpha=alpha, beta=beta, k=k)
    a = drawn(2, 12, 4)
    expected = printed(a.numpy(), size, alpha, beta, k)
    np.testing.assert_allclose(norm(a).numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(norm(a.float()).numpy(), expected, rtol=1e-5)


@pytest.mark.parametrize("columns", [1, 2])
def test_the_derivative_is_the_numerical_one(columns: int) -> None:
    norm = LocalResponseNorm(alpha=0.02, columns=columns)
    a = drawn(2, 8, 2, 3, scale=3.0).requires_grad_()
    assert torch.autograd.gradcheck(norm, (a,))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_torchs_own_norm_gives_the_same_with_alpha_times_five(dtype: torch.dtype) -> None:
    twin = torch.nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0)
    a, db = drawn(2, 96, 7, 7, dtype=dtype), drawn(2, 96, 7, 7, scale=1.0, dtype=dtype)
    tolerance = {"rtol": 1e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-10, "atol": 1e-10}
    for ours, theirs in zip(with_gradient(LocalResponseNorm(), a, db), with_gradient(twin, a, db), strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)


@pytest.mark.parametrize(("size", "columns"), [(5, 1), (5, 2), (9, 1), (3, 4)])
def test_the_compiled_float32_agrees_with_float64(size: int, columns: int) -> None:
    norm = LocalResponseNorm(size, columns=columns)
    a, db = drawn(3, 64, 5, 7), drawn(3, 64, 5, 7, scale=1.0)
    exact = with_gradient(norm, a, db)
    for ours, expected in zip(with_gradient(norm, a.float(), db.float()), exact, strict=True):
        torch.testing.assert_close(ours.double(), expected, rtol=2e-6, atol=2e-6)


def test_bfloat16_is_computed_in_float32_and_rounded_once() -> None:
    norm = LocalResponseNorm()
    a, db = drawn(2, 96, 9, 9, dtype=torch.bfloat16), drawn(2, 96, 9, 9, scale=1.0, dtype=torch.bfloat16)
    exact = with_gradient(norm, a.float(), db.float())
    for ours, expected in zip(with_gradient(norm, a, db), exact, strict=True):
        assert ours.dtype == torch.bfloat16
        # Half a unit in the last of eight places, and a little for sums grouped differently.
        torch.testing.assert_close(ours.float(), expected, rtol=2**-8, atol=1e-6)


def test_float16_squares_do_not_overflow() -> None:
    a = torch.full((1, 5, 2), 30000.0, dtype=torch.float16)
    b = LocalResponseNorm()(a)
    assert b.dtype == torch.float16
    torch.testing.assert_close(b.float(), LocalResponseNorm()(a.float()), rtol=1e-3, atol=0)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_the_layout_is_kept_and_changes_no_bit(dtype: torch.dtype) -> None:
    norm = LocalResponseNorm(columns=2)
    a, db = drawn(3, 32, 5, 6, dtype=dtype), drawn(3, 32, 5, 6, dtype=dtype)
    plain = with_gradient(norm, a, db)
    last = with_gradient(norm, a.to(memory_format=torch.channels_last), db.to(memory_format=torch.channels_last))
    mixed = with_gradient(norm, a.to(memory_format=torch.channels_last), db)
    for one, two, three in zip(plain, last, mixed, strict=True):
        assert one.is_contiguous()
        assert two.is_contiguous(memory_format=torch.channels_last)
        assert torch.equal(one, two)
        assert torch.equal(one, three)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_columns_are_normalised_on_their_own(dtype: torch.dtype) -> None:
    a = drawn(2, 16, 3, 3, dtype=dtype)
    halves = [LocalResponseNorm()(half.contiguous()) for half in a.chunk(2, dim=1)]
    whole = LocalResponseNorm(columns=2)(a)
    assert torch.equal(whole, torch.cat(halves, dim=1))
    assert not torch.equal(whole, LocalResponseNorm()(a))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_views_and_any_number_of_positions_are_accepted(dtype: torch.dtype) -> None:
    a = drawn(4, 12, 6, 6, dtype=dtype)
    norm = LocalResponseNorm()
    strided = a[::2, 1:9, ::3, 1::2]
    assert torch.equal(norm(strided), norm(strided.contiguous()))
    assert torch.equal(norm(a[:, :, 2, 3]), norm(a)[:, :, 2, 3])
    assert torch.equal(norm(a[:, :, 2]), norm(a)[:, :, 2])
    with torch.inference_mode():
        assert torch.equal(norm(a.clone()), norm(a))
    repeated = torch.ones((), dtype=dtype).expand(4, 12, 6, 6)
    for ours, expected in zip(
        with_gradient(norm, a, repeated), with_gradient(norm, a, torch.ones_like(a)), strict=True
    ):
        assert torch.equal(ours, expected)


def test_equal_inputs_give_equal_bits_whatever_the_number_of_threads() -> None:
    a, db = drawn(8, 96, 27, 27, dtype=torch.float32), drawn(8, 96, 27, 27, dtype=torch.float32)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3, 7):
            torch.set_num_threads(threads)
            results.append(with_gradient(LocalResponseNorm(), a, db))
    finally:
        torch.set_num_threads(before)
    for result in results[1:]:
        assert torch.equal(result[0], results[0][0])
        assert torch.equal(result[1], results[0][1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_number_that_is_none_stays_visible(dtype: torch.dtype) -> None:
    a = drawn(1, 8, 4, dtype=dtype)
    a[0, 3, 2] = float("nan")
    b = LocalResponseNorm()(a)
    assert b[0, 3, 2].isnan()
    assert b[0, :, [0, 1, 3]].isfinite().all()


def test_autocast_leaves_the_norm_alone() -> None:
    a = drawn(2, 8, 3, 3, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        b = LocalResponseNorm()(a)
    assert torch.equal(b, LocalResponseNorm()(a))


@pytest.mark.parametrize("size", [0, 4, -1])
def test_an_even_window_is_refused(size: int) -> None:
    with pytest.raises(InputFault, match=f"over {size} maps"):
        LocalResponseNorm(size)


def test_maps_that_do_not_fill_the_columns_are_refused() -> None:
    with pytest.raises(InputFault, match="9 maps in 2 columns"):
        LocalResponseNorm(columns=2)(torch.zeros(1, 9, 2, 2))


def _in_a_new_process(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_model_does_not_import_numba() -> None:
    output = _in_a_new_process("import sys, epochal.landmarks.alexnet.model; print('numba' in sys.modules)")
    assert output.strip() == "False"


def test_compiling_the_model_needs_no_break_in_its_graph() -> None:
    # In a process of its own, as the shape checks of this test run cannot be traced.
    output = _in_a_new_process("""
        import torch
        from epochal.landmarks.alexnet.lrn import LocalResponseNorm
        norm = LocalResponseNorm()
        gradients = []
        for call in (torch.compile(norm, backend="aot_eager", fullgraph=True), norm):
            a = (torch.arange(144.0).reshape(2, 8, 3, 3)).requires_grad_()
            (call(a) ** 2).sum().backward()
            gradients.append(a.grad)
        print(torch.equal(*gradients))
    """)
    assert output.strip() == "True"


def test_a_process_forked_after_the_first_use_can_use_it_too() -> None:
    output = _in_a_new_process("""
        import os, torch
        from epochal.landmarks.alexnet.lrn import LocalResponseNorm
        a = torch.randn(4, 96, 20, 20)
        before = LocalResponseNorm()(a)
        if os.fork() == 0:
            torch.set_num_threads(1)  # as a loader's worker does: torch's own threads do not survive a fork
            os._exit(0 if torch.equal(LocalResponseNorm()(a), before) else 1)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
    """)
    assert output.strip() == "0"


def test_it_works_where_compiled_code_cannot_be_kept() -> None:
    output = _in_a_new_process("""
        import numba
        from numba.core import caching
        caching.CacheImpl._locator_classes = []  # no folder will do
        import torch
        from epochal.landmarks.alexnet.lrn import LocalResponseNorm
        print(LocalResponseNorm()(torch.ones(1, 1, 1)).item())
    """)
    assert float(output) == pytest.approx(2.0001**-0.75)


@pytest.mark.parametrize("size", [3, 5])
def test_the_spatial_norm_agrees_with_its_formula(size: int) -> None:
    a = drawn(2, 3, 6, 7).numpy()
    padded = np.pad(a**2, ((0, 0), (0, 0), (size // 2,) * 2, (size // 2,) * 2))
    expected = np.empty_like(a)
    for y in range(6):
        for x in range(7):
            total = padded[:, :, y : y + size, x : x + size].sum(axis=(2, 3))
            expected[:, :, y, x] = a[:, :, y, x] / (1 + 0.001 / size**2 * total) ** 0.75
    b = SpatialResponseNorm(size, alpha=0.001)(torch.from_numpy(a))
    np.testing.assert_allclose(b.numpy(), expected, rtol=1e-10)
    low = SpatialResponseNorm(size, alpha=0.001)(torch.from_numpy(a).bfloat16())
    assert low.dtype == torch.bfloat16
    np.testing.assert_allclose(low.double().numpy(), expected, rtol=0.02)


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_a_gpu_agrees_with_float64_on_the_cpu(dtype: torch.dtype, layout: torch.memory_format) -> None:
    norm = LocalResponseNorm(columns=2)
    a, db = drawn(3, 64, 9, 7, dtype=dtype), drawn(3, 64, 9, 7, scale=1.0, dtype=dtype)
    exact = with_gradient(norm, a.double(), db.double())
    there = with_gradient(norm, a.cuda().to(memory_format=layout), db.cuda().to(memory_format=layout))
    for ours, expected in zip(there, exact, strict=True):
        assert ours.dtype == dtype
        assert ours.is_contiguous(memory_format=layout)
        torch.testing.assert_close(ours.cpu().double(), expected, rtol=8 * torch.finfo(dtype).eps, atol=5e-6)
