"""A training so small that a test can afford many of it: AlexNet's structure at a tenth of its width, on digits."""

from __future__ import annotations

from epochal.landmarks.alexnet.recipe import SMOKE, AlexNetRecipe
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

# Some hundred steps of a few thousand words each.
TINY_WORDS: Word2VecRecipe = WORD2VEC_SMOKE.replace(
    dimension=8, stretch=250, step=1000, epochs=1.0, evaluate_epochs=0.5, threads=1
)

# One for each landmark: the contract is the same for all.
TINIES = {"alexnet": TINY, "word2vec": TINY_WORDS}

# Those that several processes can train together.
TOGETHER = ("alexnet",)

# What a landmark's resuming is tried with: changes to its tiny recipe, each leaving one kind of chance.
VARIANTS: dict[str, dict[str, dict]] = {
    "alexnet": {
        "augmentation": {"dropout": False},
        "dropout": {"random_crop": False, "mirror": False, "colour_noise": 0.0},
        "both": {},
    },
    "word2vec": {"shared negatives": {}, "tree": {"form": "paper", "objective": "hierarchical-softmax"}},
}

# Steps at which it is stopped: one in the midst of an epoch, one at its end. The log must have a row at each.
STOPS = {"alexnet": {"mid-epoch": 20, "epoch-end": 30}, "word2vec": {"mid-epoch": 20, "later": 40}}
