"""Every number of an AlexNet training, with its source."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from epochal.core.recipe import Recipe, setting


def _odd(side: int) -> int:
    if side % 2 == 0:
        raise ValueError("an odd number, so that a kernel has a centre")
    return side


# Bounds for what comes from outside: a record with a million maps must not take the memory of a machine.
Maps = Annotated[int, pydantic.Field(ge=2, le=4096, multiple_of=2)]
Kernel = Annotated[int, pydantic.Field(ge=1, le=15), pydantic.AfterValidator(_odd)]
_MOST_WEIGHTS = 10**9
Epoch = Annotated[float, pydantic.Field(ge=0, le=100000)]
Layer = Annotated[str, pydantic.Field(min_length=1, max_length=20)]


class AlexNetRecipe(Recipe):
    """How to train AlexNet. The defaults are the paper's, as printed."""

    network: Literal["paper", "source", "torchvision", "scaled", "modern", "cifar", "local", "shallow"] = setting(
        "paper",
        "paper: as printed; source: as the 2012 code runs it; torchvision: its one-tower network; "
        "scaled: the same structure for 32-pixel pictures; modern: that with later inventions; "
        "cifar: the four-layer network of Figure 1; local: the locally connected one of Section 3.3; "
        "shallow: one layer of filters",
        "Section 3.5",
    )
    activation: Literal["relu", "tanh", "sigmoid"] = setting("relu", "what follows each layer", "Section 3.1")
    lrn: bool = setting(True, "normalise responses after conv1 and conv2", "Section 3.3")
    overlap: bool = setting(True, "pool windows of 3 at stride 2; false: windows of 2", "Section 3.4")
    columns: Literal[1, 2] = setting(2, "columns of maps; 1 is the half network", "Section 3.2")
    without: Literal["conv3", "conv4", "conv5"] | None = setting(None, "a middle layer to leave out", "Section 7")
    maps: tuple[Maps, Maps, Maps, Maps, Maps] = setting(
        (64, 192, 384, 384, 256), "scaled network: maps of conv1 to conv5, both columns together", "ours"
    )
    kernels: tuple[Kernel, Kernel] = setting((5, 5), "scaled network: side of the kernels of conv1 and conv2", "ours")
    local_maps: int = setting(
        32, "local network: maps of local3; 64 in the authors' file with normalisation", "authors' code", ge=1, le=512
    )
    units: int = setting(1024, "scaled network: units of each hidden dense layer", "ours", ge=1, le=65536)
    dropout: bool = setting(True, "drop half of the hidden dense units in training", "Section 4.2")

    batch_norm: bool = setting(False, "modern network: batch normalisation in the place of LRN", "ours: 2015")
    residual: bool = setting(False, "modern network: shortcuts around the middle layers", "ours: 2015")

    pictures: int | None = setting(
        None, "learn from this many training pictures, drawn by the seed; none: all", "ours", ge=2, le=10**9
    )
    stored_size: int = setting(256, "side of the stored pictures, pixels", "Section 2", ge=8, le=1024)
    padding: int = setting(0, "zeros around each stored picture, pixels", "ours", ge=0, le=64)
    crop: int = setting(
        227, "side of the crops; 224 as printed needs 3 more for 55 positions", "Section 4.1", ge=8, le=512
    )
    random_crop: bool = setting(True, "crop at random places in training", "Section 4.1")
    mirror: bool = setting(True, "mirror half of the pictures in training", "Section 4.1")
    colour_noise: float = setting(0.1, "deviation of the noise along the axes of colour", "Section 4.1", ge=0, le=10)
    colour_noise_epochs: float | None = setting(
        None, "epochs with that noise; none: all", "authors' code: off at epoch 67", gt=0, le=100000
    )
    colour_unit: Literal["eigenvalue", "deviation"] = setting(
        "eigenvalue", "what scales that noise; the 2012 code takes the deviation", "Section 4.1"
    )
    pixel_scale: float = setting(
        1.0, "what centred pixels (0 to 255) are divided by", "ours: the paper is silent", gt=0
    )

    mixup: float = setting(0.0, "mix pictures; parameter of the Beta distribution, 0: off", "ours: 2018", ge=0, le=100)
    cutmix: float = setting(0.0, "paste a part of another picture in; likewise", "ours: 2019", ge=0, le=100)
    label_smoothing: float = setting(0.0, "share of the truth spread over all classes", "ours: 2016", ge=0, lt=1)

    freeze: tuple[Layer, ...] = setting(
        (), "layers that keep their first weights; convolutions, or body: all but the last", "ours: transfer"
    )
    init_sd: float | None = setting(0.01, "deviation of the weights; none: sqrt(2 / fan-in)", "Section 5", gt=0)
    init_middle_sd: float | None = setting(0.01, "the same for conv3, conv4, conv5", "Section 5", gt=0)
    init_bias: float = setting(1.0, "bias of conv2, conv4, conv5 and the hidden dense layers", "Section 5")

    batch_size: int = setting(128, "pictures in a step", "Section 5", ge=1, le=65536)
    epochs: float = setting(90.0, "times through the training pictures", "Section 5", gt=0, le=100000)
    until_accuracy: float | None = setting(
        None, "end after the first epoch with this share of training pictures right", "Section 3.1", gt=0, le=1
    )
    optimizer: Literal["velocity", "torch", "adamw"] = setting(
        "velocity",
        "velocity: the learning rate inside the velocity, as printed; torch: outside; adamw: Adam, decay outside",
        "Section 5",
    )
    lr: float = setting(0.01, "first learning rate", "Section 5", gt=0, le=100)
    momentum: float = setting(0.9, "share of the velocity that is kept", "Section 5", ge=0, lt=1)
    weight_decay: float = setting(0.0005, "pull of the weights towards zero", "Section 5", ge=0, le=1)
    decay_convolutions: bool = setting(
        True, "weight decay on convolutions too; none in the CIFAR files of Section 3.3", "Section 5"
    )
    decay_biases: bool = setting(True, "weight decay on biases too; the 2012 code has none there", "Section 5")
    bias_rate: float = setting(1.0, "learning rate of biases over that of weights; 2 in the 2012 code", "ours", gt=0)
    head_rate: float = setting(1.0, "learning rate of the last layer over that of the others", "ours: transfer", gt=0)
    schedule: Literal["plateau", "drops", "cosine"] = setting(
        "plateau", "plateau: divide by 10 when the held-out error stalls; drops: at fixed epochs", "Section 5"
    )
    patience: int = setting(
        5, "evaluations without a better error before a drop", "ours: the paper did it by hand", ge=1
    )
    drop_epochs: tuple[Epoch, ...] = setting(
        (), "epochs at which the rate is divided by 10", "authors' code for source"
    )
    warmup_epochs: float = setting(0.0, "epochs of a linear start from zero", "ours", ge=0, le=100000)

    evaluate_epochs: float = setting(1.0, "epochs between evaluations", "ours", gt=0, le=100000)
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "arithmetic of the forward and backward pass; auto: bf16 where the hardware has it", "ours"
    )

    @pydantic.model_validator(mode="after")
    def _fits(self) -> AlexNetRecipe:
        if self.crop > self.stored_size + 2 * self.padding:
            raise ValueError(
                f"a crop of at most stored_size + 2 padding = {self.stored_size + 2 * self.padding}, not {self.crop}"
            )
        fixed = {"paper": 227, "source": 224}.get(self.network)
        if fixed is not None and self.crop != fixed:
            raise ValueError(f"network={self.network} sees {fixed} pixels: crop={fixed}, not {self.crop}")
        if fixed is None and self.crop < (least := 63 if self.network == "torchvision" else 16):
            raise ValueError(f"network={self.network} sees at least {least} pixels, not crop={self.crop}")
        if (self.batch_norm or self.residual) and self.network != "modern":
            raise ValueError("batch_norm and residual are choices of network=modern")
        if self.units * max(self.units, self.maps[4] * (self.crop // 8) ** 2) > _MOST_WEIGHTS:
            raise ValueError(f"a dense layer of at most {_MOST_WEIGHTS:,} weights: fewer units, maps or pixels")
        if self.schedule == "plateau" and self.drop_epochs:
            raise ValueError("drop_epochs goes with schedule=drops; schedule=plateau finds its own (drop_epochs=)")
        return self


PAPER = AlexNetRecipe()

SOURCE = PAPER.replace(
    network="source",
    crop=224,
    colour_noise_epochs=67.0,
    colour_unit="deviation",
    pixel_scale=1.1,
    init_middle_sd=0.03,
    decay_biases=False,
    bias_rate=2.0,
    schedule="drops",
    drop_epochs=(25, 51, 79),
)

# The paper's network for a folder of a few thousand pictures and half an hour of two cores.
MEDIUM = PAPER.replace(
    batch_size=32,
    epochs=30.0,
    pixel_scale=64.0,
    init_sd=None,
    init_middle_sd=None,
    init_bias=0.0,
    schedule="cosine",
    warmup_epochs=3.0,
    evaluate_epochs=5.0,
)

SMALL = MEDIUM.replace(
    network="scaled",
    maps=(48, 96, 128, 128, 96),
    kernels=(3, 3),
    units=512,
    stored_size=32,
    crop=28,
    colour_noise=0.0,
    batch_size=128,
    epochs=20.0,
    lr=0.05,
    warmup_epochs=1.0,
    evaluate_epochs=1.0,
)

SMOKE = SMALL.replace(
    maps=(32, 64, 96, 96, 64),
    kernels=(7, 3),
    units=256,
    mirror=False,
    epochs=20.0,
    batch_size=32,
    lr=0.02,
    precision="fp32",
    evaluate_epochs=2.0,
)

# What came after 2012, in the same network and the same time.
MODERN = SMALL.replace(
    network="modern",
    batch_norm=True,
    residual=True,
    optimizer="adamw",
    lr=0.002,
    weight_decay=0.05,
    label_smoothing=0.1,
    cutmix=1.0,
)

RECIPES = {"smoke": SMOKE, "small": SMALL, "medium": MEDIUM, "modern": MODERN, "paper": PAPER, "source": SOURCE}
