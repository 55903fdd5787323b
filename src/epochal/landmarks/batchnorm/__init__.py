"""Batch normalisation: the card. Nothing here imports torch."""

from __future__ import annotations

from epochal.core.landmark import Deviation, Landmark, Paper
from epochal.landmarks.batchnorm.recipe import RECIPES, BatchNormRecipe

RECIPE = BatchNormRecipe

CARD = Landmark(
    name="batchnorm",
    paper=Paper(
        title="Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift",
        authors=("Sergey Ioffe", "Christian Szegedy"),
        venue="ICML",
        year=2015,
        url="https://proceedings.mlr.press/v37/ioffe15.html",
    ),
    idea="Give what enters each non-linearity the same mean and variance in every mini-batch, as a part of the "
    "network, and it learns many times faster, at higher rates and with sigmoids too.",
    leads_to=("resnet",),
    default_data="digits",
    presets={"paper": 11_278_528, "inception": 11_268_512, "mnist": 100_010, "mnist without": 99_710},
    deviations=(
        Deviation(
            who="ours",
            where="BN-Inception",
            paper="13.6 million parameters",
            instead="11,278,528: the sum over the printed table",
            why="the table and the text do not agree; the text's other parameters are not described",
        ),
        Deviation(
            who="ours",
            where="modules 4c and 4d",
            paper="576 maps, and branches that add up to 608",
            instead="the branches as printed: 608 maps, and 1,056 after 4e where 1,024 are printed",
            why="one of the two must give way; Google's later code takes 96 maps after the pooling and has 576",
        ),
        Deviation(
            who="ours",
            where="eps, running average",
            paper="an eps and moving averages, no numbers",
            instead="1e-5, and a tenth of each batch (torch's)",
        ),
        Deviation(
            who="ours",
            where="initial weights",
            paper="MNIST: small random Gaussian values; Inception: not stated",
            instead="deviation 0.1 for MNIST, sqrt(2 / fan-in) for the others",
        ),
        Deviation(
            who="ours",
            where="MNIST training",
            paper="learning rate not stated",
            instead="0.1 without momentum; the claims choose one for each arm",
        ),
        Deviation(
            who="ours",
            where="binary digits",
            paper="28 x 28 binary image",
            instead="gray values cut at half of their range",
            why="MNIST comes in gray values; how they were made binary is not stated",
        ),
        Deviation(
            who="ours",
            where="population statistics",
            paper="averages over training batches after the training, moving averages during it",
            instead="the same where `population_batches` is set (recipes smoke and mnist); else the moving ones stay",
            why="on ImageNet the moving averages serve as well",
        ),
        Deviation(
            who="ours",
            where="weight decay",
            paper="an L2 loss on the model parameters",
            instead="on weights of convolutions and dense layers; gamma, beta and biases have none",
            why="the scale of normalised weights is free, that of gamma is not",
        ),
        Deviation(
            who="ours",
            where="ImageNet training",
            paper="asynchronous, photometric distortions, rate of decay not stated",
            instead="synchronous; random crops and mirrors; 4 % every 8 epochs (GoogLeNet), or 6 times as often",
        ),
        Deviation(
            who="ours",
            where="micro_batches",
            paper="statistics of the whole mini-batch",
            instead="of each part, where a batch is split to save memory; processes that train together share theirs",
        ),
        Deviation(
            who="torch",
            where="momentum of the running average",
            paper="not stated",
            instead="`momentum` is the share of the new batch: 1 minus what other libraries call momentum",
        ),
        Deviation(
            who="Google's later code",
            where="gamma",
            paper="gamma and beta for each activation",
            instead="beta only before rectifiers, since the next layer can scale",
        ),
    ),
    version=1,
)

__all__ = ["CARD", "RECIPE", "RECIPES"]
