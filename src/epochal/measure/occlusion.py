"""Which parts of a picture an answer rests on: a grey square is moved over it, and what the answer loses is drawn.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), Section 4.2.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from epochal.core.fault import InputFault


def occlusion_map(
    probability: Callable[[Float[Tensor, "B C H W"]], Float[Tensor, " B"]],
    image: Float[Tensor, "C H W"],
    square: int,
    steps: int = 15,
    batch_size: int = 64,
) -> Float[Tensor, "steps steps"]:
    """How much the probability falls when a square of the picture is hidden; negative where it rises.

    The picture is divided into `steps` x `steps` cells, and a square is centred on each in turn; one that hangs over
    the edge hides what lies inside.

    Args:
        probability: of the class in question, for a batch of pictures; typically the network's.
        image: the picture as the network sees it, centred: 0 is the mean, and so the square is grey.
        square: the side of the square in pixels.
        steps: how many cells there are along each side.
        batch_size: how many hidden versions are looked at together.

    Raises:
        InputFault: the square or the number of steps is below 1.
    """
    if square < 1 or steps < 1:
        raise InputFault(f"a square of {square} pixels in {steps} steps", expected="both at least 1")
    whole = probability(image[None])[0]
    down = _hidden(image.shape[1], square, steps).to(image.device)
    across = _hidden(image.shape[2], square, steps).to(image.device)
    seen = []
    for part in torch.arange(steps * steps, device=image.device).split(batch_size):
        hidden = down[part // steps][:, :, None] & across[part % steps][:, None, :]
        seen.append(probability(image.masked_fill(hidden[:, None], 0.0)))
    return (whole - torch.cat(seen)).reshape(steps, steps)


def _hidden(side: int, square: int, steps: int) -> Tensor:
    """Which pixels along one side the square hides at each step [steps, side]."""
    centres = (torch.arange(steps) + 0.5) * side / steps
    first = torch.round(centres - square / 2).long()
    pixels = torch.arange(side)
    return (pixels >= first[:, None]) & (pixels < first[:, None] + square)
