"""Trainings so small that a test can afford many: the structure of each landmark, a tenth as wide, on digits."""

from __future__ import annotations

from epochal.core.recipe import Recipe
from epochal.landmarks.alexnet.recipe import SMOKE, AlexNetRecipe
from epochal.landmarks.batchnorm.recipe import SMALL as BATCHNORM_SMALL
from epochal.landmarks.batchnorm.recipe import SMOKE as BATCHNORM_SMOKE
from epochal.landmarks.dropout.recipe import SMOKE as DROPOUT_SMOKE
from epochal.landmarks.dropout.recipe import DropoutRecipe
from epochal.landmarks.resnet.recipe import SMOKE as RESNET_SMOKE
from epochal.landmarks.resnet.recipe import ResNetRecipe
from epochal.landmarks.word2vec.recipe import SMOKE as WORD2VEC_SMOKE
from epochal.landmarks.word2vec.recipe import Word2VecRecipe

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

TINY_BATCHNORM = BATCHNORM_SMALL.replace(
    modules=("3a", "3c"),
    width=0.04,
    dropout=0.2,
    population_batches=3,
    colour_noise=0.1,
    stored_size=16,
    padding=2,
    crop=16,
    batch_size=48,
    epochs=2.0,
    evaluate_epochs=1.0,
    precision="fp32",
)

# ResNet of the least depth, on digits at the size they are stored in.
TINY_RESNET: ResNetRecipe = RESNET_SMOKE.replace(
    stored_size=8,
    padding=1,
    crop=8,
    mirror=True,
    colour_noise=0.1,
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

# Some hundred steps of a few thousand words each.
TINY_WORDS: Word2VecRecipe = WORD2VEC_SMOKE.replace(
    dimension=8, stretch=250, step=1000, epochs=1.0, evaluate_epochs=0.5, threads=1
)

# One for each landmark: the contract is the same for all.
TINIES = {
    "dropout": TINY_DROPOUT,
    "alexnet": TINY,
    "word2vec": TINY_WORDS,
    "batchnorm": TINY_BATCHNORM,
    "resnet": TINY_RESNET,
}

# Those that several processes can train together.
TOGETHER = ("dropout", "alexnet", "batchnorm", "resnet")

# What a landmark's resuming is tried with: changes to its tiny recipe, each leaving one kind of chance.
VARIANTS: dict[str, dict[str, dict]] = {
    "dropout": {
        "dropout": {"random_crop": False, "mirror": False},
        "gaussian": {"noise": "gaussian", "momentum_start": 0.5, "momentum_steps": 10},
        # What it whitens with was learned from the pictures before the first step.
        "whitened": {
            "network": "conv",
            "whiten": True,
            "maps": (4, 4, 8),
            "units": (16, 16),
            "retention": (0.9, 0.75, 0.75, 0.5, 0.5, 0.5),
            "stored_size": 16,
            "padding": 0,
            "crop": 16,
        },
    },
    "alexnet": {
        "augmentation": {"dropout": False},
        "dropout": {"random_crop": False, "mirror": False, "colour_noise": 0.0},
        "both": {},
    },
    "batchnorm": {
        "augmentation": {"dropout": 0.0},
        "dropout": {"random_crop": False, "mirror": False, "colour_noise": 0.0},
        "both": {},
    },
    "word2vec": {"shared negatives": {}, "tree": {"form": "paper", "objective": "hierarchical-softmax"}},
    "resnet": {
        "augmentation": {},
        # The rate has fallen once before it is stopped: ten times an epoch it is asked whether the error fell.
        "plateau": {"schedule": "plateau", "patience": 1, "warmup_epochs": 0.0, "lr": 0.1, "evaluate_epochs": 0.1},
        "gentle start": {"warmup_epochs": 0.0, "gentle_lr": 0.01, "gentle_error": 0.6},
        "early crops": {"stored_size": 12, "crop": 12, "early_crop": 8, "early_share": 0.5},
    },
}

# Steps at which it is stopped: one in the midst of an epoch, one at its end. The log must have a row at each.
STOPS = {
    "word2vec": {"mid-epoch": 20, "later": 40},
    "dropout": {"mid-epoch": 20, "epoch-end": 30},
    "alexnet": {"mid-epoch": 20, "epoch-end": 30},
    "batchnorm": {"mid-epoch": 20, "epoch-end": 30},
    "resnet": {"mid-epoch": 20, "epoch-end": 30},
}

# A run for each layout that a landmark writes, and the accuracy that shows it has learned something.
_RESNET, _DROPOUT = RESNET_SMOKE.replace(epochs=4.0), DROPOUT_SMOKE.replace(units=(128, 64), epochs=20.0)
_ALEXNET = TINY.replace(
    epochs=10.0, optimizer="adamw", lr=5e-3, dropout=False, mirror=False, random_crop=False, colour_noise=0.0
)
_SIXTY_FOUR = {"stored_size": 64, "padding": 0, "crop": 64, "pictures": 96}
EXPORTED: dict[str, dict[str, tuple[Recipe, float]]] = {
    "dropout": {"ours": (_DROPOUT, 0.9), "scaled": (_DROPOUT, 0.9)},
    "alexnet": {
        "ours": (_ALEXNET, 0.8),
        # The single tower learns too slowly for a test to wait.
        "torchvision": (
            _ALEXNET.replace(
                network="torchvision",
                stored_size=64,
                padding=0,
                crop=64,
                pictures=96,
                epochs=2.0,
                dropout=True,
                lrn=True,
            ),
            0.0,
        ),
    },
    "batchnorm": {"ours": (BATCHNORM_SMOKE, 0.9)},
    "resnet": {
        "ours": (_RESNET, 0.9),
        "akamaster": (_RESNET, 0.9),
        "torchvision": (
            _RESNET.replace(
                network="imagenet",
                depth=18,
                shortcut="B",
                stored_size=32,
                padding=0,
                crop=32,
                random_crop=False,
                pictures=96,
                batch_size=32,
                lr=0.01,
                epochs=7.0,
                warmup_epochs=0.0,
            ),
            0.2,
        ),
    },
}
