"""The paper's test protocol: ten views of a picture, their softmax outputs averaged.

Section 4.1 of Krizhevsky, Sutskever and Hinton (2012): "five 224 x 224 patches (the four corner patches and the center
patch) as well as their horizontal reflections (hence ten patches in all)". The order here: upper left, upper right,
lower left, lower right, centre, then the mirror images of the same five. The views come one at a time, so that memory
holds one batch of crops and not ten. A per-pixel mean belongs to a place in the picture: subtract it before cropping.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from epochal.core.fault import InputFault


def centre_crop(images: Shaped[Tensor, "N C H W"], size: int) -> Shaped[Tensor, "N C size size"]:
    """The central square; when the margin is odd, the spare row and column are cut from the lower right.

    Raises:
        InputFault: the images are smaller than the crop.
    """
    _check_size(images, size)
    top, left = (images.shape[2] - size) // 2, (images.shape[3] - size) // 2
    return images[:, :, top : top + size, left : left + size]


def ten_crops(images: Shaped[Tensor, "N C H W"], size: int) -> Iterator[Tensor]:
    """The ten views [N, C, size, size] of the images, one at a time, in the paper's order.

    Raises:
        InputFault: the images are smaller than the crop.
    """
    _check_size(images, size)
    five = (
        images[:, :, :size, :size],
        images[:, :, :size, -size:],
        images[:, :, -size:, :size],
        images[:, :, -size:, -size:],
        centre_crop(images, size),
    )

    # The check above must run when the function is called, not when the first view is asked for.
    def views() -> Iterator[Tensor]:
        yield from five
        for view in five:
            yield view.flip(3)

    return views()


def averaged_softmax(forward: Callable[[Tensor], Tensor], views: Iterable[Tensor]) -> Float[Tensor, "N K"]:
    """The mean over the views of the softmax of `forward`, summed in float32.

    Args:
        forward: from a batch of views to logits [N, K]; typically the network in evaluation mode.
        views: what `ten_crops` gives, or any other set of views of the same pictures.

    Raises:
        InputFault: there are no views.
    """
    total: Tensor | None = None
    count = 0
    for view in views:
        probabilities = torch.softmax(forward(view).float(), dim=1)
        total = probabilities if total is None else total + probabilities
        count += 1
    if total is None:
        raise InputFault("there are no views to average over", expected="at least one view")
    return total / count


def _check_size(images: Shaped[Tensor, "N C H W"], size: int) -> None:
    height, width = images.shape[2:]
    if not 1 <= size <= min(height, width):
        raise InputFault(
            f"a crop of {size} x {size} pixels cannot be taken from images of {height} x {width}",
            expected=f"a size from 1 to {min(height, width)}",
            remedy="resize the images, or choose a smaller crop",
        )
