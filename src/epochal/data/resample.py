"""Resampling a picture on the CPU: bilinear, and every source pixel counts when it shrinks (antialiasing).

The filter is the one of Pillow's `resize(..., BILINEAR)`, and the results differ from Pillow's by the rounding of a
level here and there; torch's vectorised version takes a third of the time.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import UInt8


def resample(picture: UInt8[np.ndarray, "H W 3"], size: int) -> UInt8[np.ndarray, "{size} {size} 3"]:
    """The picture as a square of `size` pixels; one that has this size already is returned untouched."""
    # Here, so that listing data sets does not wait for torch.
    import torch
    from torch.nn.functional import interpolate

    if picture.shape[:2] == (size, size):
        return picture
    # Colours stay together in memory: this selects torch's fast path for bytes. (torch warns of read-only arrays.)
    pixels = torch.from_numpy(np.require(picture, requirements=["C", "W"]))[None].permute(0, 3, 1, 2)
    with torch.no_grad():
        resized = interpolate(pixels, (size, size), mode="bilinear", antialias=True, align_corners=False)
    return np.ascontiguousarray(resized[0].permute(1, 2, 0).numpy())
