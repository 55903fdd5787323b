"""The way around a block: nothing to learn where the sizes agree, and three options where they do not (Section 3.3).

A: the identity, with zeros for the maps that are new. B: a projection (a 1 x 1 convolution) where the sizes change.
C: a projection everywhere. Where maps get smaller, all of them take every second row and column.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from epochal.core.fault import InputFault, nearest
from epochal.landmarks.batchnorm.model import BatchNorm

OPTIONS = ("A", "B", "C")


class ZeroPadded(nn.Module):
    """Option A: the maps as they are, thinned out, between maps of zeros. It has no parameters.

    The paper does not say where the zeros go, and the order of maps does not matter: half before and half after, as in
    the trained CIFAR-10 weights that circulate.

    Args:
        seen: maps that come in.
        maps: maps that go out.
        stride: 2 takes every second row and column.
    """

    def __init__(self, seen: int, maps: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.before = (maps - seen) // 2
        self.after = maps - seen - self.before

    def forward(self, x: Float[Tensor, "B seen H W"]) -> Float[Tensor, "B maps h w"]:
        """Thin out, then add maps of zeros."""
        thinned = x[:, :, :: self.stride, :: self.stride]
        return functional.pad(thinned, (0, 0, 0, 0, self.before, self.after))

    def extra_repr(self) -> str:
        """The zeros, for `print`."""
        return f"{self.before} + {self.after} maps of zeros, stride {self.stride}"


def shortcut(seen: int, maps: int, stride: int, option: str) -> nn.Module:
    """The way around a block that takes `seen` maps to `maps`.

    Raises:
        InputFault: the option is none of the paper's.
    """
    if option not in OPTIONS:
        raise InputFault(f"there is no shortcut {option!r}", expected=nearest(option, OPTIONS))
    changes = seen != maps or stride != 1
    if option == "C" or (option == "B" and changes):
        # A projection is a convolution like the others, so it is normalised like them (Section 3.4).
        return nn.Sequential(nn.Conv2d(seen, maps, 1, stride, bias=False), BatchNorm(maps))
    return ZeroPadded(seen, maps, stride) if changes else nn.Identity()
