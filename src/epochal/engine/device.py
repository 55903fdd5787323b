"""Where the arithmetic happens and in which precision."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from epochal.core.fault import InputFault, MemoryFault


def choose_device(wanted: str = "auto") -> torch.device:
    """The device to use: `auto` takes CUDA, then MPS, then the CPU.

    Raises:
        InputFault: the wanted device is not a device's name, or is not there.
    """
    if wanted == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", 0)
        return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")
    try:
        device = torch.device(wanted)
    except RuntimeError:
        raise InputFault(
            f"there is no device called {wanted!r}",
            expected="auto, cpu, cuda, cuda:N or mps",
            remedy="`epochal doctor`",
        ) from None
    present = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not present.get(device.type, False):
        raise InputFault(
            f"the device {wanted!r} is not on this machine",
            expected=", ".join(name for name, there in present.items() if there),
            remedy="use --device auto; `epochal doctor` shows what torch sees",
        )
    return torch.device("cuda", device.index or 0) if device.type == "cuda" else device


def has_fast_bf16(device: torch.device) -> bool:
    """True where bfloat16 matrix products run in hardware; elsewhere they are emulated and slower than float32."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device)[0] >= 8
    if device.type == "cpu":
        probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported", "_is_arm_bf16_supported")
        return any(getattr(torch.cpu, probe, bool)() for probe in probes)
    return False


def choose_precision(wanted: str, device: torch.device) -> str:
    """`auto` becomes bf16 where the hardware has it, fp32 elsewhere."""
    if wanted == "auto":
        return "bf16" if has_fast_bf16(device) else "fp32"
    return wanted


def placed(model: nn.Module, device: torch.device) -> nn.Module:
    """The model on the device, its convolutions' weights with channels last: convolutions are fastest so."""
    return model.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """The context in which a forward pass runs in `precision`; weights and updates stay in float32."""
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=precision == "bf16")


# What can be done where memory does not suffice, for pictures and for text.
SMALLER_PARTS = "resume with --micro-batches 2 (or 4, 8): it splits each batch and leaves the mathematics as it is"
LESS_TEXT = "fewer numbers in a vector (--set dimension=...) or fewer words (--set min_count=..., --set most_words=...)"


@contextlib.contextmanager
def memory_explained(device: torch.device, remedy: str = SMALLER_PARTS) -> Iterator[None]:
    """Turn the device's out-of-memory error into one that says the peak and what to set.

    Args:
        device: what is computed on.
        remedy: what to set.

    Raises:
        MemoryFault: the device ran out of memory.
    """
    try:
        yield
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        text = str(error)
        exhausted = isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text
        if not exhausted:
            raise
        peak = ""
        if device.type == "cuda":
            gigabytes = torch.cuda.max_memory_allocated(device) / 1e9
            total = torch.cuda.get_device_properties(device).total_memory / 1e9
            peak = f" (peak {gigabytes:.1f} GB of {total:.1f} GB)"
        raise MemoryFault(
            f"{device} ran out of memory{peak}: {text.splitlines()[0][:160]}",
            expected="a training that fits",
            remedy=remedy,
        ) from error
