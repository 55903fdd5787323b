"""The global generators, as state a checkpoint can hold. Dropout draws from them; data never does."""

from __future__ import annotations

import random

import numpy as np
import torch

from epochal.data.keyed import mixed_seed
from epochal.engine.checkpoint import Snapshot


def seed_everything(seed: int) -> None:
    """Set every global generator from one seed."""
    torch.manual_seed(mixed_seed(seed, 1))
    random.seed(mixed_seed(seed, 2))
    np.random.seed(mixed_seed(seed, 3) % 2**32)


def capture(device: torch.device) -> Snapshot:
    """The state of the generators that a step on `device` may draw from."""
    tensors = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        tensors["cuda"] = torch.cuda.get_rng_state(device)
    if device.type == "mps":
        tensors["mps"] = torch.mps.get_rng_state()
    return Snapshot(tensors)


def restore(snapshot: Snapshot, device: torch.device) -> None:
    """Put the generators back to where `capture` found them."""
    torch.set_rng_state(snapshot.tensors["cpu"])
    if device.type == "cuda" and "cuda" in snapshot.tensors:
        torch.cuda.set_rng_state(snapshot.tensors["cuda"], device)
    if device.type == "mps" and "mps" in snapshot.tensors:
        torch.mps.set_rng_state(snapshot.tensors["mps"])
