"""Every number of a training with batch normalisation, with its source."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from epochal.core.recipe import Recipe, setting

# Bounds for what comes from outside: a record with a million units must not take the memory of a machine.
Units = Annotated[int, pydantic.Field(ge=1, le=65536)]
Layer = Annotated[str, pydantic.Field(min_length=1, max_length=20)]
Module = Literal["3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b"]
MODULES: tuple[Module, ...] = ("3a", "3b", "3c", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
# The network of Figure 5 sees this many pixels.
INCEPTION_PIXELS = 224


class BatchNormRecipe(Recipe):
    """How to train a network with or without batch normalisation. The defaults are the paper's BN-x30."""

    network: Literal["inception", "mnist", "scaled"] = setting(
        "inception",
        "inception: the one of Figure 5; mnist: the dense one of Section 4.1; "
        "scaled: modules of Figure 5 with a share of their maps, for 32-pixel pictures",
        "Appendix",
    )
    batch_norm: bool = setting(True, "normalise what enters each non-linearity", "Section 3.2")
    activation: Literal["relu", "sigmoid"] = setting("relu", "the non-linearity", "Section 4.2")
    hidden: tuple[Units, ...] = setting((100, 100, 100), "mnist network: units of each hidden layer", "Section 4.1")
    binary: bool = setting(True, "mnist network: make pixels 0 or 1, at half of their range", "Section 4.1")
    modules: tuple[Module, ...] = setting(MODULES, "scaled network: the rows of Figure 5 to take", "ours")
    width: float = setting(0.125, "scaled network: the share of their maps", "ours", gt=0, le=4)
    stride: Literal[1, 2] = setting(1, "scaled network: step of the first convolution, pixels", "ours")
    lrn: bool = setting(False, "normalise responses in the stem, as Inception did", "Section 4.2.1")
    dropout: float = setting(
        0.0, "share of the last maps dropped in training; 0.4 in Inception", "Section 4.2.3", ge=0, lt=1
    )
    init_sd: float | None = setting(
        None, "deviation of the first weights; none: sqrt(2 / fan-in)", "ours: the paper prints none", gt=0, le=100
    )
    running_rate: float = setting(
        0.1, "how much of the running mean and variance a batch replaces", "ours: the paper prints none", gt=0, le=1
    )
    population_batches: int = setting(
        0,
        "batches to take mean and variance from once the training is over; 0: the running ones stay",
        "Algorithm 2",
        ge=0,
        le=10**6,
    )

    pictures: int | None = setting(
        None, "learn from this many training pictures, drawn by the seed; none: all", "ours", ge=2, le=10**9
    )
    stored_size: int = setting(256, "side of the stored pictures, pixels", "ours", ge=4, le=1024)
    padding: int = setting(0, "zeros around each stored picture, pixels", "ours", ge=0, le=64)
    crop: int = setting(INCEPTION_PIXELS, "side of the crops, pixels", "Figure 4", ge=4, le=512)
    random_crop: bool = setting(True, "crop at random places in training", "ours")
    mirror: bool = setting(True, "mirror half of the pictures in training", "ours")
    colour_noise: float = setting(
        0.0,
        "deviation of the noise along the axes of colour; the paper distorts less with BN",
        "Section 4.2.1",
        ge=0,
        le=10,
    )
    centre: bool = setting(True, "subtract the mean picture", "ours")
    pixel_scale: float = setting(64.0, "what pixels (0 to 255) are divided by", "ours", gt=0)

    freeze: tuple[Layer, ...] = setting(
        (), "layers that keep their first weights and statistics; body: all but the last", "ours: transfer"
    )
    batch_size: int = setting(32, "pictures in a step", "Section 4.2", ge=2, le=65536)
    epochs: float = setting(
        150.0, "times through the training pictures; 6 million steps", "Section 4.2.2", gt=0, le=100000
    )
    lr: float = setting(0.045, "first learning rate: 30 times that of Inception", "Section 4.2.2", gt=0, le=1000)
    momentum: float = setting(0.9, "share of the velocity that is kept", "ours: with momentum, Section 4.2", ge=0, lt=1)
    weight_decay: float = setting(
        0.00004,
        "pull of the weights towards zero: a fifth of Inception's",
        "Section 4.2.1; Caffe's 0.0002 / 5",
        ge=0,
        le=1,
    )
    head_rate: float = setting(1.0, "learning rate of the last layer over that of the others", "ours: transfer", gt=0)
    schedule: Literal["exponential", "constant", "cosine"] = setting(
        "exponential", "how the rate falls", "Section 4.2.1"
    )
    decay: float = setting(0.96, "exponential: what the rate is multiplied by", "GoogLeNet, Section 6", gt=0, le=1)
    decay_epochs: float = setting(
        8 / 6,
        "exponential: after how many epochs; 8 in GoogLeNet, 6 times faster here",
        "Section 4.2.1",
        ge=0.001,
        le=100000,
    )
    evaluate_epochs: float = setting(1.0, "epochs between evaluations", "ours", gt=0, le=100000)
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "arithmetic of the forward and backward pass; auto: bf16 where the hardware has it", "ours"
    )

    @pydantic.model_validator(mode="after")
    def _fits(self) -> BatchNormRecipe:
        if self.crop > self.stored_size + 2 * self.padding:
            most = self.stored_size + 2 * self.padding
            raise ValueError(f"a crop of at most stored_size + 2 padding = {most}, not {self.crop}")
        if self.network == "inception" and self.crop != INCEPTION_PIXELS:
            raise ValueError(f"network=inception sees {INCEPTION_PIXELS} pixels, not crop={self.crop}")
        if self.network == "scaled" and not self.modules:
            raise ValueError("network=scaled needs one of the modules at least")
        if len(set(self.modules)) < len(self.modules):
            raise ValueError("modules once each: their names are those of the weights")
        if self.network == "mnist" and (self.lrn or self.dropout):
            raise ValueError("network=mnist has neither lrn nor dropout")
        if self.network == "mnist" and self.binary and (self.centre or self.pixel_scale != 255.0):
            raise ValueError("binary pixels are cut at half of 0 to 1: centre=false and pixel_scale=255")
        if not self.centre and self.colour_noise:
            raise ValueError("colour noise needs the colours of the set: centre=true")
        if self.population_batches and not self.batch_norm:
            raise ValueError("population_batches needs batch_norm=true")
        return self


PAPER = BatchNormRecipe()

# BN-x5 of Section 4.2.2: five times the learning rate of Inception.
X5 = PAPER.replace(lr=0.0075)

# The Inception that the paper begins with, without and with normalisation and nothing else changed.
INCEPTION = PAPER.replace(
    batch_norm=False,
    lrn=True,
    dropout=0.4,
    colour_noise=0.1,
    lr=0.0015,
    weight_decay=0.0002,
    decay_epochs=8.0,
    epochs=775.0,  # 31 million steps
)

# Section 4.1 as printed: 50,000 steps with 60 of the 60,000 digits in each.
MNIST = PAPER.replace(
    network="mnist",
    activation="sigmoid",
    init_sd=0.1,
    population_batches=100,
    stored_size=28,
    crop=28,
    random_crop=False,
    mirror=False,
    centre=False,
    pixel_scale=255.0,
    batch_size=60,
    epochs=50.0,
    lr=0.1,
    momentum=0.0,
    weight_decay=0.0,
    schedule="constant",
    precision="fp32",
)

SMALL = PAPER.replace(
    network="scaled",
    modules=("3a", "3c", "4a", "4e", "5a"),
    width=0.25,
    stored_size=32,
    crop=28,
    batch_size=64,
    epochs=10.0,
    lr=0.1,
    weight_decay=0.0002,
    schedule="cosine",
)

SMOKE = MNIST.replace(population_batches=10, epochs=20.0, evaluate_epochs=2.0)

RECIPES = {"smoke": SMOKE, "small": SMALL, "mnist": MNIST, "paper": PAPER, "x5": X5, "inception": INCEPTION}
