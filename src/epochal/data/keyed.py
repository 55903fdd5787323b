"""Random numbers that are a function of their key, not of a stream.

The augmentation of a sample is f(seed, epoch, sample index): the same whatever the batch, the worker or the moment at
which the run was resumed. The numbers are made on the samples' device in 64-bit integer arithmetic, which wraps the
same way on every device, so the whole batch costs a few vector operations and the bits agree between CPU and GPU.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

# SplitMix64's finaliser (Steele, Lea and Flood 2014), its constants as signed 64-bit integers.
_GOLDEN = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)


def _shift_right(x: Tensor, bits: int) -> Tensor:
    """The logical shift: torch's own keeps the sign."""
    return (x >> bits) & ((1 << (64 - bits)) - 1)


def _mix(x: Int64[Tensor, ...]) -> Int64[Tensor, ...]:
    x = (x ^ _shift_right(x, 30)) * _MIX_1
    x = (x ^ _shift_right(x, 27)) * _MIX_2
    return x ^ _shift_right(x, 31)


def _signed(value: int) -> int:
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >= 1 << 63 else value


def mixed_seed(*parts: int) -> int:
    """One non-negative 63-bit seed from several integers, for generators that want a single number."""
    state = torch.zeros((), dtype=torch.int64)
    for part in parts:
        state = _mix((state ^ _signed(part)) + _GOLDEN)
    return int(_shift_right(state, 1))


def uniform(seed: int, epoch: int, index: Int64[Tensor, " B"], draws: int, purpose: int = 0) -> Float64[Tensor, "B D"]:
    """Uniform numbers in [0, 1), `draws` for each sample, each a function of all the arguments and nothing else.

    Args:
        seed: the run's seed.
        epoch: how often the data set has been gone through before.
        index: the samples' places in the data set.
        draws: how many numbers each sample needs.
        purpose: keeps different uses (cropping, colour) independent.
    """
    key = mixed_seed(seed, epoch, purpose)
    lane = torch.arange(1, draws + 1, device=index.device, dtype=torch.int64)
    bits = _mix(_mix((index + 1) * _GOLDEN + key)[:, None] + lane * _GOLDEN)
    return _shift_right(bits, 11).to(torch.float64) * 2.0**-53


def normal(seed: int, epoch: int, index: Int64[Tensor, " B"], draws: int, purpose: int = 0) -> Float64[Tensor, "B D"]:
    """Standard normal numbers by Box and Muller's transform of `uniform`; in float64: devices agree to 1e-15."""
    u = uniform(seed, epoch, index, 2 * draws, purpose)
    radius = torch.sqrt(-2.0 * torch.log1p(-u[:, :draws]))
    return radius * torch.cos(2.0 * math.pi * u[:, draws:])
