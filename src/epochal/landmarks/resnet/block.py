"""The blocks that networks are stacked of (Figure 5), and a stage of them.

A residual block answers with relu(F(x) + x): its layers learn F, what is still missing, instead of the whole answer
(Equation 1). Its plain twin has the same layers and answers with relu(F(x)). Parts bear torchvision's names, so that
weights load key for key; the shortcut's is `downsample`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.resnet.shortcut import shortcut

# Makes a block from the maps that come in, its maps (before they are expanded) and its stride.
Block = Callable[[int, int, int], nn.Module]


class BasicBlock(nn.Module):
    """Two 3 x 3 layers (Figure 5, left).

    Args:
        seen: maps that come in.
        maps: maps of both layers.
        stride: of the first layer.
        residual: with a shortcut; otherwise the plain twin.
        option: the kind of shortcut: A, B or C.
    """

    def __init__(self, seen: int, maps: int, stride: int = 1, *, residual: bool = True, option: str = "A") -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(seen, maps, 3, stride, padding=1, bias=False)
        self.bn1 = BatchNorm(maps)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(maps, maps, 3, padding=1, bias=False)
        self.bn2 = BatchNorm(maps)
        self.downsample = shortcut(seen, maps, stride, option) if residual else None
        self.relu2 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B seen H W"]) -> Float[Tensor, "B maps h w"]:
        """relu(F(x) + x), or relu(F(x))."""
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        if self.downsample is not None:
            y = y + self.downsample(x)
        return cast(Tensor, self.relu2(y))


class Bottleneck(nn.Module):
    """A 1 x 1 layer to few maps, a 3 x 3 layer, a 1 x 1 layer to four times as many (Figure 5, right).

    Args:
        seen: maps that come in.
        maps: maps of the first two layers.
        stride: of the block.
        residual: with a shortcut; otherwise the plain twin.
        option: the kind of shortcut: A, B or C.
        variant: where the stride is: in the first 1 x 1 layer (`v1`, the paper's) or in the 3 x 3 (`v1.5`).
    """

    expansion = 4

    def __init__(
        self,
        seen: int,
        maps: int,
        stride: int = 1,
        *,
        residual: bool = True,
        option: str = "B",
        variant: str = "v1",
    ) -> None:
        super().__init__()
        first, second = (stride, 1) if variant == "v1" else (1, stride)
        expanded = maps * self.expansion
        self.conv1 = nn.Conv2d(seen, maps, 1, first, bias=False)
        self.bn1 = BatchNorm(maps)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(maps, maps, 3, second, padding=1, bias=False)
        self.bn2 = BatchNorm(maps)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(maps, expanded, 1, bias=False)
        self.bn3 = BatchNorm(expanded)
        self.downsample = shortcut(seen, expanded, stride, option) if residual else None
        self.relu3 = nn.ReLU()

    def forward(self, x: Float[Tensor, "B seen H W"]) -> Float[Tensor, "B expanded h w"]:
        """relu(F(x) + x), or relu(F(x))."""
        y = self.relu1(self.bn1(self.conv1(x)))
        y = self.relu2(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        if self.downsample is not None:
            y = y + self.downsample(x)
        return cast(Tensor, self.relu3(y))


def basic(*, residual: bool, option: str) -> Block:
    """What makes basic blocks."""
    return partial(BasicBlock, residual=residual, option=option)


def bottleneck(*, residual: bool, option: str, variant: str) -> Block:
    """What makes bottlenecks."""
    return partial(Bottleneck, residual=residual, option=option, variant=variant)


def stage(block: Block, seen: int, maps: int, expansion: int, count: int, stride: int) -> nn.Sequential:
    """Blocks with as many maps; the first of them has the stride."""
    first = block(seen, maps, stride)
    return nn.Sequential(first, *(block(maps * expansion, maps, 1) for _ in range(count - 1)))
