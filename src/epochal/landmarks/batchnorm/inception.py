"""BN-Inception as the paper's Figure 5 prints it: GoogLeNet's modules with two 3 x 3 convolutions for one of 5 x 5.

The first convolution is separable, with depth multiplier 8: eight filters for each colour, mixed by a 1 x 1
convolution. Modules 3c and 4e halve the picture themselves and pass a pooled copy of it on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochal.engine.image_size import check_image
from epochal.landmarks.batchnorm.activation import ACTIVATIONS
from epochal.landmarks.batchnorm.init import initialise
from epochal.landmarks.batchnorm.model import BatchNorm

PIXELS = 224
DEPTH_MULTIPLIER = 8


@dataclass(frozen=True)
class Widths:
    """A row of Figure 5: the maps of a module's branches.

    Attributes:
        one: the 1 x 1 branch; 0: none, and the module halves the picture.
        reduce: the 1 x 1 convolution before the 3 x 3.
        three: the 3 x 3 convolution.
        reduce_double: the 1 x 1 convolution before the two 3 x 3.
        double: each of these two.
        pool: `avg` or `max`.
        projected: the 1 x 1 convolution after the pooling; 0: passed through.
    """

    one: int
    reduce: int
    three: int
    reduce_double: int
    double: int
    pool: str
    projected: int

    def scaled(self, width: float) -> Widths:
        """The same with a share of the maps, two at least where there are any."""
        counts = (self.one, self.reduce, self.three, self.reduce_double, self.double)
        one, reduce, three, reduce_double, double = (_share(count, width) for count in counts)
        return Widths(one, reduce, three, reduce_double, double, self.pool, _share(self.projected, width))


# Figure 5. The pooling branches of 4c and 4d are printed with 128 maps, which makes 608 maps where 576 are printed.
FIGURE_5 = {
    "3a": Widths(64, 64, 64, 64, 96, "avg", 32),
    "3b": Widths(64, 64, 96, 64, 96, "avg", 64),
    "3c": Widths(0, 128, 160, 64, 96, "max", 0),
    "4a": Widths(224, 64, 96, 96, 128, "avg", 128),
    "4b": Widths(192, 96, 128, 96, 128, "avg", 128),
    "4c": Widths(160, 128, 160, 128, 160, "avg", 128),
    "4d": Widths(96, 128, 192, 160, 192, "avg", 128),
    "4e": Widths(0, 128, 192, 192, 256, "max", 0),
    "5a": Widths(352, 192, 320, 160, 224, "avg", 128),
    "5b": Widths(352, 192, 320, 192, 224, "max", 128),
}


def _share(count: int, width: float) -> int:
    return max(2, round(count * width)) if count else 0


@dataclass(frozen=True)
class Style:
    """What the paper varies in every layer alike.

    Attributes:
        batch_norm: normalise what enters each non-linearity.
        activation: `relu`, or `sigmoid` as in BN-x5-Sigmoid.
        rate: of the running averages.
    """

    batch_norm: bool = True
    activation: str = "relu"
    rate: float | None = 0.1


BN = Style()


class Unit(nn.Module):
    """A convolution, its normalisation, its non-linearity; a normalised convolution has no bias (Section 3.2)."""

    def __init__(self, seen: int, maps: int, side: int, style: Style, *, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(seen, maps, side, stride=stride, padding=side // 2, bias=not style.batch_norm)
        self.bn = BatchNorm(maps, rate=style.rate) if style.batch_norm else nn.Identity()
        self.add_module(style.activation, ACTIVATIONS[style.activation]())

    def forward(self, x: Float[Tensor, "B seen H W"]) -> Float[Tensor, "B maps h w"]:
        """What the unit answers."""
        for layer in self.children():
            x = layer(x)
        return x


class InceptionModule(nn.Module):
    """Up to four branches side by side, their maps one after another.

    Args:
        seen: maps that come in.
        widths: of the branches.
        style: of every layer.
    """

    def __init__(self, seen: int, widths: Widths, style: Style) -> None:
        super().__init__()
        w, stride = widths, 1 if widths.one else 2
        self.maps = w.one + w.three + w.double + (w.projected or seen)
        if w.one:
            self.one = Unit(seen, w.one, 1, style)
        self.three = nn.Sequential(Unit(seen, w.reduce, 1, style), Unit(w.reduce, w.three, 3, style, stride=stride))
        self.double_three = nn.Sequential(
            Unit(seen, w.reduce_double, 1, style),
            Unit(w.reduce_double, w.double, 3, style),
            Unit(w.double, w.double, 3, style, stride=stride),
        )
        pool = nn.MaxPool2d(3, stride, padding=1) if w.pool == "max" else nn.AvgPool2d(3, stride, padding=1)
        self.pool = nn.Sequential(pool, Unit(seen, w.projected, 1, style)) if w.projected else pool

    def forward(self, x: Float[Tensor, "B seen H W"]) -> Float[Tensor, "B maps h w"]:
        """The answers of all branches."""
        return torch.cat([branch(x) for branch in self.children()], 1)


class BNInception(nn.Module):
    """The paper's network: 11,278,528 parameters for 1,000 classes (13.6 million are printed in Section 4.2).

    Args:
        classes: how many classes there are.
        style: with normalisation or without it; with rectifiers or sigmoids.
        lrn: normalise responses in the stem, as the Inception that the paper begins with.
        dropout: what share of the last maps is dropped in training; 0.4 in that Inception.
        init_sd: deviation of the first weights; None: sqrt(2 / fan-in).
    """

    def __init__(
        self,
        classes: int = 1000,
        *,
        style: Style = BN,
        lrn: bool = False,
        dropout: float = 0.0,
        init_sd: float | None = None,
    ) -> None:
        super().__init__()
        maps = 3 * DEPTH_MULTIPLIER
        self.depthwise = nn.Conv2d(3, maps, 7, stride=2, padding=3, groups=3, bias=False)
        self.conv1 = Unit(maps, 64, 1, style)
        self.pool1 = nn.MaxPool2d(3, stride=2, padding=1)
        self.norm1 = response_norm(lrn)
        self.reduce2 = Unit(64, 64, 1, style)
        self.conv2 = Unit(64, 192, 3, style)
        self.norm2 = response_norm(lrn)
        self.pool2 = nn.MaxPool2d(3, stride=2, padding=1)
        seen = 192
        for name, widths in FIGURE_5.items():
            module = InceptionModule(seen, widths, style)
            self.add_module(f"inception{name}", module)
            seen = module.maps
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()
        self.fc = nn.Linear(seen, classes)
        initialise(self, init_sd)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Raises:
            InputFault: the images are not 3 x 224 x 224.
        """
        check_image(image, PIXELS)
        x = image
        for layer in self.children():
            x = layer(x)
        return x


def response_norm(wanted: bool) -> nn.Module:
    """The response normalisation of the Inception that the paper begins with (its constants are GoogLeNet's)."""
    return nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0) if wanted else nn.Identity()
