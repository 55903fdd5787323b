"""Refuse pictures of a size that a network was not made for, before a layer deep inside does."""

from __future__ import annotations

from torch import Tensor

from epochal.core.fault import InputFault


def check_image(image: Tensor, *pixels: int) -> None:
    """Refuse images of another size than the network is made for.

    Raises:
        InputFault: the images are not RGB, or of none of the sizes `pixels`.
    """
    channels, height, width = image.shape[1:]
    if channels != 3 or height != width or height not in pixels:
        raise InputFault(
            f"images of shape {channels} x {height} x {width}",
            expected=" or ".join(f"3 x {size} x {size}" for size in pixels),
            remedy="crop or resize the images first",
        )
