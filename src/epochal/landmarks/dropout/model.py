"""Dropout (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov 2014), and the dense nets of its Section 6.1.

In training each unit is kept with probability p, the *retention*, and silenced otherwise: y <- r y, r ~ Bernoulli(p)
(Section 4). A net of n units is so a sample of 2^n thinned nets that share their weights. In use all units are there,
and each is multiplied by p, which gives the next layer the input that it expects (Figure 2: w <- p w).

Today's libraries divide by p in training instead and leave use alone (`inverted`); the two agree in expectation, not in
the size of what the next layer learns from. torch's argument is 1 - p, the chance to be dropped.

https://jmlr.org/papers/v15/srivastava14a.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional

from epochal.core.fault import InputFault, nearest
from epochal.engine.image_size import check_image

# Section 6.1.1: MNIST's pictures, and the smaller of its two large nets.
PIXELS = 28
UNITS = (1024, 1024, 1024)
# Section 4: the input is kept with 0.8, hidden units with 0.5.
RETENTION = (0.8, 0.5)

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "logistic": nn.Sigmoid}

Mask = Callable[[Tensor, float], Tensor]


def torch_mask(x: Float[Tensor, "*size"], retention: float) -> Bool[Tensor, "*size"]:
    """Which units are kept, by the very numbers that torch's own dropout draws."""
    return functional.dropout(torch.ones_like(x), 1.0 - retention) > 0


def quick_mask(x: Float[Tensor, "*size"], retention: float) -> Bool[Tensor, "*size"]:
    """Which units are kept: 16 random bits decide on each, so that the retention is exact to 1 / 65,536.

    One number drawn serves four units, where torch on the CPU draws one for each, which takes longer than the matrix
    products of a dense net. Elsewhere drawing costs nothing, and torch draws.
    """
    if x.device.type != "cpu":
        return torch_mask(x, retention)
    drawn = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    below = min(round(retention * 2**16) - 2**15, 2**15 - 1)
    return (drawn.view(torch.int16)[: x.numel()] < below).view(x.shape)


class Dropout(nn.Module):
    """Keep each unit with probability `retention` in training; in use multiply all of them by it.

    Args:
        retention: the chance p to be kept; 1 is no dropout, and draws nothing.
        inverted: divide by p in training instead, and leave use alone.
        mask: how the kept units are drawn; torch's global generator decides.

    Raises:
        InputFault: the retention is no probability above zero.
    """

    def __init__(self, retention: float = 0.5, *, inverted: bool = False, mask: Mask = torch_mask) -> None:
        super().__init__()
        self.retention, self.inverted, self.mask = _checked(retention), inverted, mask

    def forward(self, x: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
        """Silence some units, or scale all of them."""
        if self.retention == 1.0:
            return x
        if not self.training:
            return x if self.inverted else self.retention * x
        kept = self.mask(x, self.retention)
        factor = kept.to(x.dtype) / self.retention if self.inverted else kept
        return x * factor

    def extra_repr(self) -> str:
        """The retention, and the form where it is not the printed one."""
        return f"retention {self.retention:g}" + (", inverted" if self.inverted else "")


class GaussianDropout(nn.Module):
    """Multiply each unit by a number from N(1, (1 - p) / p) in training; leave use alone.

    Implements Section 10: noise with the mean and the variance that inverted dropout of retention p has.

    Args:
        retention: the p that decides the variance.

    Raises:
        InputFault: the retention is no probability above zero.
    """

    def __init__(self, retention: float = 0.5) -> None:
        super().__init__()
        self.retention = _checked(retention)
        self.sd = math.sqrt((1.0 - retention) / retention)

    def forward(self, x: Float[Tensor, "*size"]) -> Float[Tensor, "*size"]:
        """Add to each unit noise in proportion to itself."""
        if not self.training or self.retention == 1.0:
            return x
        return x * (1.0 + self.sd * torch.randn_like(x))

    def extra_repr(self) -> str:
        """The retention and what it amounts to."""
        return f"retention {self.retention:g}, deviation {self.sd:.3g}"


NOISES: dict[str, Callable[[float], nn.Module]] = {
    "dropout": lambda retention: Dropout(retention, mask=quick_mask),
    "inverted": lambda retention: Dropout(retention, inverted=True, mask=quick_mask),
    "gaussian": GaussianDropout,
}


class DropoutNet(nn.Module):
    """A dense net with dropout at its input and at every hidden layer: 2,913,290 parameters for MNIST.

    The layers are called fc1, relu1, drop1, fc2, ...; drop0 is the input's, and the last fc gives the classes' scores.

    Args:
        classes: how many classes there are.
        pixels: side of the pictures.
        gray: see the mean of the three colours, as MNIST has no colours; otherwise see all three.
        units: units of each hidden layer (the paper's: 3 x 1024, 2 x 8192, 1024-1024-2048; none is a softmax alone).
        activation: `relu` or `logistic`.
        retention: from the input to the last hidden layer; the last number counts for all layers that follow.
        noise: `dropout` as printed, `inverted`, or `gaussian`.
        gain: the weights are drawn with deviation gain / sqrt(fan-in).

    Raises:
        InputFault: an argument is none of the paper's choices.
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        pixels: int = PIXELS,
        gray: bool = True,
        units: Sequence[int] = UNITS,
        activation: str = "relu",
        retention: Sequence[float] = RETENTION,
        noise: str = "dropout",
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        check_choices(activation, noise)
        self.pixels, self.gray = pixels, gray
        kept = of_layers(retention, 1 + len(units))
        self.drop0 = NOISES[noise](kept[0])
        sizes = (pixels**2 * (1 if gray else 3), *units, classes)
        for place, (seen, size) in enumerate(pairwise(sizes), 1):
            self.add_module(f"fc{place}", nn.Linear(seen, size))
            if place <= len(units):
                self.add_module(f"relu{place}", ACTIVATIONS[activation]())
                self.add_module(f"drop{place}", NOISES[noise](kept[place]))
        initialise(self, gain)

    def forward(self, image: Float[Tensor, "B rgb S S"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Raises:
            InputFault: the images are of another size than the net was made for.
        """
        check_image(image, self.pixels)
        x = (image.mean(1) if self.gray else image).flatten(1)
        for layer in self.children():
            x = layer(x)
        return x


def of_layers(retention: Sequence[float], layers: int) -> tuple[float, ...]:
    """The retention of each layer; the last number given counts for all that follow.

    Raises:
        InputFault: more numbers than layers, or none.
    """
    if not 1 <= len(retention) <= layers:
        raise InputFault(
            f"{len(retention)} retentions for the input and {layers - 1} hidden layers",
            expected=f"1 to {layers}, from the input on; the last one counts for all layers that follow",
        )
    return (*retention, *(retention[-1],) * (layers - len(retention)))


def check_choices(activation: str, noise: str) -> None:
    """Refuse what the paper does not vary.

    Raises:
        InputFault: there is no such activation or noise.
    """
    if activation not in ACTIVATIONS:
        raise InputFault(f"no activation is called {activation!r}", expected=nearest(activation, ACTIVATIONS))
    if noise not in NOISES:
        raise InputFault(f"no noise is called {noise!r}", expected=nearest(noise, NOISES))


@torch.no_grad()
def initialise(model: nn.Module, gain: float) -> None:
    """Draw the weights as the authors' code does: normal, deviation gain / sqrt(fan-in); biases 0."""
    for layer in model.children():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.weight.normal_(0.0, gain / layer.weight[0].numel() ** 0.5)
            cast(Tensor, layer.bias).zero_()


def _checked(retention: float) -> float:
    if not 0.0 < retention <= 1.0:
        raise InputFault(
            f"a unit cannot be kept with probability {retention}",
            expected="a number above 0, at most 1: the chance to be kept, where torch asks for that to be dropped",
        )
    return float(retention)
