"""Every number of a dropout training, with its source. The paper is silent on many: those are ours, and say so."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from epochal.core.recipe import Recipe, setting

# Bounds for what comes from outside: a record with a million units must not take the memory of a machine.
Units = Annotated[int, pydantic.Field(ge=1, le=65536)]
Maps = Annotated[int, pydantic.Field(ge=1, le=4096)]
Probability = Annotated[float, pydantic.Field(ge=0.001, le=1)]
Layer = Annotated[str, pydantic.Field(min_length=1, max_length=20)]
_MOST_WEIGHTS = 10**9


class DropoutRecipe(Recipe):
    """How to train a net with dropout. The defaults are the paper's 3 x 1024 net for MNIST, with max-norm."""

    network: Literal["dense", "conv"] = setting(
        "dense", "dense: a net of dense layers; conv: three convolutions and two dense layers", "Section 6.1"
    )
    units: tuple[Units, ...] = setting(
        (1024, 1024, 1024), "units of each hidden dense layer; the conv net has two", "Section 6.1.1", max_length=16
    )
    maps: tuple[Maps, Maps, Maps] = setting((96, 128, 256), "conv net: maps of each convolution", "Section 6.1.2")
    activation: Literal["relu", "logistic"] = setting("relu", "what follows each hidden layer", "Section 6.1.1")
    noise: Literal["dropout", "inverted", "gaussian"] = setting(
        "dropout",
        "dropout: as printed; inverted: 1 / p in training; gaussian: N(1, (1 - p) / p)",
        "Section 4, Section 10",
    )
    retention: tuple[Probability, ...] = setting(
        (0.8, 0.5),
        "chance to be kept, from the input to the last hidden layer; the last counts for all after it; 1: no dropout",
        "Section 4",
        min_length=1,
        max_length=17,
    )
    gain: float = setting(
        1.0, "deviation of the first weights, times the root of the fan-in", "authors' code", gt=0, le=100
    )

    pictures: int | None = setting(
        None, "learn from this many training pictures, drawn by the seed; none: all", "Section 7.4", ge=2, le=10**9
    )
    gray: bool = setting(True, "dense net: see the mean of the colours; false: all three", "Section 6.1.1")
    stored_size: int = setting(28, "side of the stored pictures, pixels", "Section 6.1.1", ge=8, le=512)
    padding: int = setting(0, "zeros around each stored picture, pixels", "ours: none", ge=0, le=64)
    crop: int = setting(28, "side of what the net sees", "Section 6.1.1", ge=8, le=512)
    random_crop: bool = setting(False, "crop at random places in training", "Section 6.1: no augmentation")
    mirror: bool = setting(False, "mirror half of the pictures in training", "Section 6.1: no augmentation")
    centred: bool = setting(
        False,
        "subtract the mean picture; a dropped input is then a mean pixel, not a black one",
        "ours: the paper is silent",
    )
    pixel_scale: float = setting(255.0, "what pixels (0 to 255) are divided by", "authors' code", gt=0)
    whiten: bool = setting(False, "conv net: normalise the contrast and whiten (ZCA)", "Appendix B")

    weight_decay: float = setting(0.0, "L2: pull of the weights towards zero", "Table 9", ge=0, le=1)
    l1: float = setting(0.0, "L1: weight of the sum of the weights' magnitudes", "Table 9", ge=0, le=1)
    sparsity: float = setting(0.0, "weight of the KL penalty on mean activities", "Table 9", ge=0, le=1000)
    sparsity_target: float = setting(
        0.05, "the mean activity that it pulls to", "ours: the paper is silent", gt=0, lt=1
    )
    max_norm: float | None = setting(
        2.0,
        "the longest that a hidden unit's incoming weights may be; none: no limit",
        "Section 5.1; 2 for MNIST",
        ge=0.001,
    )
    max_norm_output: bool = setting(
        False, "limit the last layer's weights too, as the authors' code does", "Section 5.1: hidden units"
    )

    freeze: tuple[Layer, ...] = setting(
        (), "layers that keep their first weights; convolutions, or body: all but the last", "ours: transfer"
    )
    batch_size: int = setting(100, "pictures in a step", "authors' code; the paper is silent", ge=1, le=65536)
    epochs: float = setting(
        1_000_000 / 600, "times through the training pictures; 1,000,000 updates", "Section 6.1.1", gt=0, le=100000
    )
    lr: float = setting(0.1, "first learning rate", "ours: the paper is silent", gt=0, le=100)
    schedule: Literal["constant", "linear", "inverse"] = setting(
        "linear", "linear: down to zero; inverse: lr / (1 + step / half_steps)", "ours: the paper is silent"
    )
    half_steps: int = setting(10_000, "inverse schedule: steps after which the rate is halved", "authors' code", ge=1)
    momentum: float = setting(0.95, "share of the velocity that is kept", "Section 6.1.1", ge=0, lt=1)
    momentum_start: float | None = setting(
        None, "the share at first, if it grows; none: it does not", "authors' code: 0.5", ge=0, lt=1
    )
    momentum_steps: int = setting(100_000, "steps in which it comes closer by a factor of e", "authors' code", ge=1)
    head_rate: float = setting(1.0, "learning rate of the last layer over that of the others", "ours: transfer", gt=0)

    evaluate_epochs: float = setting(10.0, "epochs between evaluations", "ours", gt=0, le=100000)
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "arithmetic of the forward and backward pass; auto: bf16 where the hardware has it", "ours"
    )

    @pydantic.model_validator(mode="after")
    def _fits(self) -> DropoutRecipe:
        if self.crop > self.stored_size + 2 * self.padding:
            raise ValueError(
                f"a crop of at most stored_size + 2 padding = {self.stored_size + 2 * self.padding}, not {self.crop}"
            )
        hidden = len(self.units) + (3 if self.network == "conv" else 0)
        if len(self.retention) > 1 + hidden:
            raise ValueError(f"at most {1 + hidden} retentions: the input and {hidden} hidden layers")
        if self.network == "conv" and len(self.units) != 2:
            raise ValueError("network=conv has two hidden dense layers: units=2048,2048")
        if self.whiten and self.network != "conv":
            raise ValueError("whiten is a choice of network=conv")
        seen = self.maps[2] * (-(-self.crop // 8)) ** 2 if self.network == "conv" else 3 * self.crop**2
        if max(a * b for a, b in zip((seen, *self.units), (*self.units, 2), strict=True)) > _MOST_WEIGHTS:
            raise ValueError(f"a dense layer of at most {_MOST_WEIGHTS:,} weights: fewer units, maps or pixels")
        if self.whiten and (3 * self.crop**2) ** 2 > _MOST_WEIGHTS:
            raise ValueError(f"whitening takes every pixel with every other: crop=100 or less, not {self.crop}")
        return self


# A standard net: nothing is dropped, and nothing else regularises.
NONE = {"retention": (1.0,), "max_norm": None}

PAPER = DropoutRecipe()

# The authors' public example (deepnet, examples/ff), whose rate and batch the paper does not print.
SOURCE = PAPER.replace(
    units=(1024, 1024, 2048),
    max_norm=3.0,
    max_norm_output=True,
    epochs=100_000 / 600,
    lr=1.0,
    schedule="inverse",
    momentum=0.99,
    momentum_start=0.5,
)

# Minutes of a CPU core: fewer and larger steps. A million updates take some six hours.
SMALL = PAPER.replace(epochs=30.0, batch_size=250, lr=0.1, evaluate_epochs=3.0)

SMOKE = PAPER.replace(
    units=(256, 256),
    epochs=40.0,
    batch_size=32,
    lr=0.02,  # at 0.1 nearly all units of the first layer die
    evaluate_epochs=4.0,
    precision="fp32",
    stored_size=16,
    crop=16,
)

CIFAR = PAPER.replace(
    network="conv",
    units=(2048, 2048),
    retention=(0.9, 0.75, 0.75, 0.5),
    stored_size=32,
    crop=32,
    whiten=True,
    max_norm=4.0,
    epochs=200.0,
    lr=0.01,
    evaluate_epochs=5.0,
)

RECIPES = {"smoke": SMOKE, "small": SMALL, "cifar": CIFAR, "paper": PAPER, "source": SOURCE}
