"""Every number of a ResNet training, with its source."""

from __future__ import annotations

from typing import Annotated, Literal

import pydantic

from epochal.core.fault import InputFault
from epochal.core.recipe import Recipe, setting
from epochal.landmarks.resnet.depths import FIRST_BOTTLENECK, cifar_blocks, imagenet_blocks

Epoch = Annotated[float, pydantic.Field(ge=0, le=100000)]
Layer = Annotated[str, pydantic.Field(min_length=1, max_length=20)]

# What the last stage of each network needs to have something to look at.
LEAST_CROP = {"cifar": 8, "imagenet": 32}


class ResNetRecipe(Recipe):
    """How to train a ResNet. The defaults are the paper's for ImageNet, as printed."""

    network: Literal["cifar", "imagenet"] = setting(
        "imagenet",
        "imagenet: the networks of Table 1; cifar: those of 6n + 2 layers for small pictures",
        "Sections 3.3 and 4.2",
    )
    depth: int = setting(
        50,
        "layers with weights; imagenet: 18, 34, 50, 101, 152; cifar: any 6n + 2",
        "Table 1, Section 4.2",
        ge=2,
        le=100000,
    )
    residual: bool = setting(True, "with shortcuts; false: the plain twin of the same layers", "Section 3.3")
    shortcut: Literal["A", "B", "C"] = setting(
        "B", "where sizes change: A: zero padding, B: projection; C: projections everywhere", "Section 3.3, Table 3"
    )
    variant: Literal["v1", "v1.5"] = setting(
        "v1",
        "a bottleneck's stride: v1: in its first 1 x 1 layer, as printed; v1.5: in its 3 x 3 layer, as torchvision",
        "Table 1",
    )

    pictures: int | None = setting(
        None, "learn from this many training pictures, drawn by the seed; none: all", "ours", ge=2, le=10**9
    )
    stored_size: int = setting(
        256,
        "side of the stored pictures, pixels; the paper draws 256 to 480 anew each time",
        "Section 3.4",
        ge=8,
        le=1024,
    )
    padding: int = setting(0, "zeros around each stored picture, pixels; 4 for CIFAR-10", "Section 4.2", ge=0, le=64)
    crop: int = setting(224, "side of the crops; 32 for CIFAR-10", "Sections 3.4 and 4.2", ge=8, le=512)
    early_crop: int | None = setting(
        None,
        "side of the middle of each crop, all that the first epochs see: less to compute; none: the whole",
        "ours: 2018",
        ge=8,
        le=512,
    )
    early_share: float = setting(0.0, "which share of the epochs begins with that", "ours: 2018", ge=0, lt=1)
    random_crop: bool = setting(True, "crop at random places in training", "Section 3.4")
    mirror: bool = setting(True, "mirror half of the pictures in training", "Section 3.4")
    colour_noise: float = setting(
        0.1,
        "deviation of the noise along the axes of colour; none for CIFAR-10",
        "Section 3.4: as AlexNet",
        ge=0,
        le=10,
    )
    colour_unit: Literal["eigenvalue", "deviation"] = setting(
        "eigenvalue", "what scales that noise", "AlexNet, Section 4.1"
    )
    pixel_scale: float = setting(
        1.0, "what centred pixels (0 to 255) are divided by; the first normalisation undoes it", "Section 3.4", gt=0
    )

    mixup: float = setting(0.0, "mix pictures; parameter of the Beta distribution, 0: off", "ours: 2018", ge=0, le=100)
    cutmix: float = setting(0.0, "paste a part of another picture in; likewise", "ours: 2019", ge=0, le=100)
    label_smoothing: float = setting(0.0, "share of the truth spread over all classes", "ours: 2016", ge=0, lt=1)

    freeze: tuple[Layer, ...] = setting(
        (), "stages that keep their first weights: conv1, layer1, ..., or body: all but the last", "ours: transfer"
    )

    batch_size: int = setting(256, "pictures in a step; 128 for CIFAR-10", "Sections 3.4 and 4.2", ge=1, le=65536)
    epochs: float = setting(
        120.0, "times through the training pictures; 600,000 steps on ImageNet", "Section 3.4", gt=0, le=100000
    )
    lr: float = setting(0.1, "first learning rate", "Sections 3.4 and 4.2", gt=0, le=100)
    momentum: float = setting(0.9, "share of the velocity that is kept", "Section 3.4", ge=0, lt=1)
    weight_decay: float = setting(0.0001, "pull of the weights towards zero", "Section 3.4", ge=0, le=1)
    decay_norms: bool = setting(
        False,
        "weight decay on normalisations and biases too, as torch's optimizers do",
        "fb.resnet.torch: the paper's is on convolutions and the dense layer",
    )
    head_rate: float = setting(1.0, "learning rate of the last layer over that of the others", "ours: transfer", gt=0)
    schedule: Literal["plateau", "drops", "cosine"] = setting(
        "plateau", "plateau: divide by 10 when the held-out error stalls; drops: at fixed epochs", "Section 3.4"
    )
    patience: int = setting(5, "evaluations without a better error before a drop", "ours: the paper does not say", ge=1)
    drop_epochs: tuple[Epoch, ...] = setting(
        (), "epochs at which the rate is divided by 10; 32,000 and 48,000 steps on CIFAR-10", "Section 4.2"
    )
    gentle_lr: float | None = setting(
        None,
        "rate to begin with until the training error is below gentle_error; 0.01 for 110 layers",
        "Section 4.2",
        gt=0,
        le=100,
    )
    gentle_error: float = setting(0.8, "the training error that ends that beginning", "Section 4.2", gt=0, lt=1)
    warmup_epochs: float = setting(0.0, "epochs of a linear start from zero", "ours: 2017", ge=0, le=100000)

    evaluate_epochs: float = setting(1.0, "epochs between evaluations", "ours", gt=0, le=100000)
    precision: Literal["auto", "fp32", "bf16"] = setting(
        "auto", "arithmetic of the forward and backward pass; auto: bf16 where the hardware has it", "ours"
    )

    @pydantic.model_validator(mode="after")
    def _fits(self) -> ResNetRecipe:
        try:
            (cifar_blocks if self.network == "cifar" else imagenet_blocks)(self.depth)
        except InputFault as fault:
            raise ValueError(f"{fault.expected} (network={self.network}, not depth={self.depth})") from None
        if self.network == "imagenet" and not self.residual and self.depth >= FIRST_BOTTLENECK:
            raise ValueError(f"the paper's plain networks for ImageNet: depth=18 or 34, not depth={self.depth}")
        if self.crop > self.stored_size + 2 * self.padding:
            raise ValueError(
                f"a crop of at most stored_size + 2 padding = {self.stored_size + 2 * self.padding}, not {self.crop}"
            )
        seen = self.crop if self.early_crop is None else self.early_crop
        if seen < LEAST_CROP[self.network]:
            raise ValueError(f"network={self.network} sees at least {LEAST_CROP[self.network]} pixels, not {seen}")
        if seen > self.crop:
            raise ValueError(f"an early_crop of at most crop = {self.crop}, not {seen}")
        if (self.early_crop is None) != (self.early_share == 0):
            raise ValueError("both of early_crop and early_share, or early_crop=none and early_share=0")
        if self.gentle_lr is not None and self.warmup_epochs:
            raise ValueError("one beginning: gentle_lr=none, or warmup_epochs=0")
        if self.gentle_lr is not None and self.schedule == "plateau":
            raise ValueError("gentle_lr goes with schedule=drops or schedule=cosine, which know when they end")
        if self.schedule == "plateau" and self.drop_epochs:
            raise ValueError("drop_epochs goes with schedule=drops; schedule=plateau finds its own (drop_epochs=)")
        return self


PAPER = ResNetRecipe()

# The paper counts steps: of 128 out of 50,000 pictures an epoch has 390.
_STEPS = 390


def _epochs(steps: int) -> float:
    return round(steps / _STEPS, 4)


PAPER_CIFAR = PAPER.replace(
    network="cifar",
    depth=20,
    shortcut="A",
    stored_size=32,
    padding=4,
    crop=32,
    colour_noise=0.0,
    batch_size=128,
    epochs=_epochs(64_000),
    schedule="drops",
    drop_epochs=(_epochs(32_000), _epochs(48_000)),
)

# Section 4.2: "In this case, we find that the initial learning rate of 0.1 is slightly too large to start converging."
PAPER_CIFAR_110 = PAPER_CIFAR.replace(depth=110, gentle_lr=0.01)

# The same network for half an hour of two cores, of slow ones too, where a picture takes 1.7 ms. The middle of one
# is nine sixteenths of the work.
SMALL = PAPER_CIFAR.replace(
    epochs=32.0,
    early_crop=24,
    early_share=0.625,
    lr=0.2,
    weight_decay=0.0005,
    schedule="cosine",
    drop_epochs=(),
    warmup_epochs=2.0,
    evaluate_epochs=2.0,
)

SMOKE = SMALL.replace(
    early_crop=None,
    early_share=0.0,
    depth=8,
    stored_size=16,
    padding=2,
    crop=16,
    mirror=False,
    batch_size=32,
    epochs=10.0,
    lr=0.1,
    warmup_epochs=1.0,
    evaluate_epochs=2.0,
    precision="fp32",
)

RECIPES = {
    "smoke": SMOKE,
    "small": SMALL,
    "paper": PAPER,
    "paper-cifar": PAPER_CIFAR,
    "paper-cifar-110": PAPER_CIFAR_110,
}
