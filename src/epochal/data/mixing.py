"""Two pictures in one: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019), years after 2012.

Every picture of a batch is mixed with another one of the batch, in one proportion for the whole batch, as both papers'
code does. The proportion and the place are a function of the seed and the step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from torch import Tensor

from epochal.data.keyed import mixed_seed

_PURPOSE = 0x313


@dataclass(frozen=True)
class Mixing:
    """How batches are mixed. With both kinds on, each batch takes one of them, with equal chance.

    Attributes:
        mixup: both parameters of the Beta distribution that the proportion of mixup comes from; 0 turns it off.
        cutmix: the same for CutMix, where the proportion is that of the area that stays.
    """

    mixup: float = 0.0
    cutmix: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.mixup or self.cutmix)

    def __call__(
        self, images: Float[Tensor, "B 3 C C"], labels: Int64[Tensor, " B"], *, seed: int, step: int
    ) -> tuple[Float[Tensor, "B 3 C C"], Int64[Tensor, " B"], float]:
        """Mix each picture with its neighbour in the batch, whose order is random already.

        Returns:
            The mixed pictures, the classes of what was mixed in, and the share of the picture itself.
        """
        draw = np.random.default_rng(mixed_seed(seed, step, _PURPOSE))
        others = images.roll(1, 0)
        cut = bool(self.cutmix) and (not self.mixup or draw.random() < 0.5)
        alpha = self.cutmix if cut else self.mixup
        share = float(draw.beta(alpha, alpha))
        if not cut:
            return images * share + others * (1.0 - share), labels.roll(1, 0), share
        side = images.shape[-1]
        top, bottom, left, right = _window(side, share, draw)
        images = images.clone()
        images[:, :, top:bottom, left:right] = others[:, :, top:bottom, left:right]
        # What counts is the area that was really exchanged: the window may hang over the edge.
        return images, labels.roll(1, 0), 1.0 - (bottom - top) * (right - left) / side**2


UNMIXED = Mixing()


def _window(side: int, share: float, draw: np.random.Generator) -> tuple[int, int, int, int]:
    """A square window around a random centre with an area of 1 - share, cut off at the edges."""
    half = int(side * (1.0 - share) ** 0.5) // 2
    y, x = draw.integers(side, size=2).tolist()
    return max(0, y - half), min(side, y + half), max(0, x - half), min(side, x + half)
