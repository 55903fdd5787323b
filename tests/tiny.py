"""A training so small that a test can afford many of it: AlexNet's structure at a tenth of its width, on digits."""

from __future__ import annotations

from epochal.landmarks.alexnet.recipe import SMOKE, AlexNetRecipe
from epochal.landmarks.dropout.recipe import SMOKE as DROPOUT_SMOKE
from epochal.landmarks.dropout.recipe import DropoutRecipe

# lrn is off because the compiled kernel would be loaded anew in every process; a test that wants it turns it on.
TINY: AlexNetRecipe = SMOKE.replace(
    maps=(8, 8, 12, 12, 8),
    kernels=(3, 3),
    units=16,
    stored_size=16,
    padding=2,
    crop=16,
    mirror=True,
    colour_noise=0.1,
    lrn=False,
    batch_size=48,
    epochs=2.0,
    evaluate_epochs=1.0,
    precision="fp32",
)

# Everything that can be on: a mirror for the chance of augmentation, both penalties.
TINY_DROPOUT: DropoutRecipe = DROPOUT_SMOKE.replace(
    units=(24, 16),
    mirror=True,
    random_crop=True,
    padding=1,
    l1=1e-5,
    sparsity=0.01,
    max_norm=1.0,
    batch_size=48,
    epochs=2.0,
    evaluate_epochs=1.0,
)

# One for each landmark: the contract is the same for all.
TINIES = {"dropout": TINY_DROPOUT, "alexnet": TINY}

# What a landmark's resuming is tried with: changes to its tiny recipe, each leaving one kind of chance.
VARIANTS: dict[str, dict[str, dict]] = {
    "dropout": {
        "dropout": {"random_crop": False, "mirror": False},
        "gaussian": {"noise": "gaussian", "momentum_start": 0.5, "momentum_steps": 10},
    },
    "alexnet": {
        "augmentation": {"dropout": False},
        "dropout": {"random_crop": False, "mirror": False, "colour_noise": 0.0},
        "both": {},
    },
}

# Steps at which it is stopped: one in the midst of an epoch, one at its end. The log must have a row at each.
STOPS = {"dropout": {"mid-epoch": 20, "epoch-end": 30}, "alexnet": {"mid-epoch": 20, "epoch-end": 30}}
