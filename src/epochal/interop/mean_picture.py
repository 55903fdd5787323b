"""A mean picture as a text, for files whose metadata are texts: float32, little-endian, row by row, in base64."""

from __future__ import annotations

import base64

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

# A picture of 512 pixels has 4 MB of text; files with larger metadata are not read.
MOST_BYTES = 5 << 20


def as_text(mean: Float[Tensor, "S S 3"]) -> str | None:
    """The picture as a text; None if that would be too long."""
    text = base64.b64encode(mean.cpu().contiguous().numpy().astype("<f4").tobytes()).decode("ascii")
    return text if len(text) <= MOST_BYTES else None


def from_text(text: str, side: int) -> Float[Tensor, "S S 3"]:
    """The picture of a text.

    Raises:
        ValueError: the text is none of a picture with this side.
    """
    content = base64.b64decode(text, validate=True)
    if len(content) != 4 * 3 * side**2:
        raise ValueError(f"the mean picture has {len(content):,} bytes, not those of {side} x {side}")
    return torch.from_numpy(np.frombuffer(content, "<f4").astype(np.float32).reshape(side, side, 3))
