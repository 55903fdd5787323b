"""Dropout: the card. Nothing here imports torch."""

from __future__ import annotations

from epochal.core.landmark import Deviation, Landmark, Paper
from epochal.landmarks.dropout.recipe import RECIPES, DropoutRecipe

RECIPE = DropoutRecipe

CARD = Landmark(
    name="dropout",
    paper=Paper(
        title="Dropout: A Simple Way to Prevent Neural Networks from Overfitting",
        authors=(
            "Nitish Srivastava",
            "Geoffrey Hinton",
            "Alex Krizhevsky",
            "Ilya Sutskever",
            "Ruslan Salakhutdinov",
        ),
        venue="Journal of Machine Learning Research 15",
        year=2014,
        url="https://jmlr.org/papers/v15/srivastava14a.html",
    ),
    preprint=Paper(
        title="Improving neural networks by preventing co-adaptation of feature detectors",
        authors=(
            "Geoffrey E. Hinton",
            "Nitish Srivastava",
            "Alex Krizhevsky",
            "Ilya Sutskever",
            "Ruslan R. Salakhutdinov",
        ),
        venue="arXiv",
        year=2012,
        url="https://arxiv.org/abs/1207.0580",
    ),
    idea="Silence each unit with some chance in training: a net that cannot rely on any unit overfits less, and with "
    "its weights scaled down it answers for all the thinned nets that it was.",
    leads_to=("alexnet", "vgg", "googlenet"),
    default_data="digits",
    presets={
        "3 x 1024 (paper)": 2_913_290,
        "2 x 8192": 73_629_706,
        "1024-1024-2048 (source, Table 9)": 3_973_130,
        "CIFAR-10 (cifar)": 13_741_578,
    },
    deviations=(
        Deviation(
            who="ours",
            where="learning rate",
            paper="not stated for MNIST",
            instead="0.1, going down to zero in a straight line",
            why="chosen here; `epochal show dropout` prints it. The authors' example has 1 / (1 + step / 10,000)",
        ),
        Deviation(
            who="ours",
            where="batch size",
            paper="not stated for MNIST",
            instead="100 in `paper`, as in the authors' example; 250 in `small`",
            why="fewer and larger steps are cheaper on a CPU",
        ),
        Deviation(
            who="ours",
            where="first weights",
            paper="not stated",
            instead="normal, deviation 1 / sqrt(fan-in); biases 0",
            why="as in the authors' example",
        ),
        Deviation(
            who="ours",
            where="masks on a CPU",
            paper="r ~ Bernoulli(p)",
            instead="p rounded to 1 / 65,536 (0.8 becomes 0.800003; 0.5 is exact)",
            why="16 random bits for each unit cost less than the matrix products; torch's own draw costs more",
        ),
        Deviation(
            who="ours",
            where="hyperparameters",
            paper="tuned on 10,000 held-out training pictures, then trained on all 60,000",
            instead="fixed before the runs; all 60,000 are learned from, the test set only measures",
        ),
        Deviation(
            who="ours", where="batches", paper="not stated", instead="the incomplete last batch of an epoch is left out"
        ),
        Deviation(
            who="ours",
            where="arithmetic",
            paper="float32",
            instead="bfloat16 in the forward and backward pass where the hardware has it; weights stay float32",
            why="--set precision=fp32 turns it off",
        ),
        Deviation(
            who="ours",
            where="KL penalty",
            paper="KL-sparsity, not spelled out for rectifiers",
            instead="(q - t)^2 / 2 for rectifiers, the KL of two coins for logistic units",
            why="the mean activity q of a rectifier is no probability; the authors' code has this gradient",
        ),
        Deviation(
            who="ours",
            where="pooling of the CIFAR-10 net",
            paper="3 x 3 at stride 2, the border not stated",
            instead="one row and column of padding: 32, 16, 8, 4",
        ),
        Deviation(
            who="ours",
            where="whitening of the CIFAR-10 net",
            paper="contrast normalisation and ZCA, constants not stated",
            instead="a thousandth of the mean variance is added before the root",
        ),
        Deviation(
            who="source",
            where="learning rate",
            paper="not stated",
            instead="1, halved after 10,000 steps and falling on as 1 / step; 100,000 steps",
        ),
        Deviation(
            who="source",
            where="momentum",
            paper="0.95",
            instead="from 0.5 towards 0.99, nearer by e in 100,000 steps",
        ),
        Deviation(
            who="source",
            where="max-norm",
            paper="hidden units; c from 3 to 4 is typical, 2 for MNIST",
            instead="c = 3, the last layer's weights too",
        ),
        Deviation(
            who="torch",
            where="dropout",
            paper="the argument is the chance to be kept; p scales in use",
            instead="the argument is the chance to be dropped; 1 / (1 - p) scales in training",
            why="inverted dropout: equal in expectation",
        ),
        Deviation(
            who="torch",
            where="retention of maps",
            paper="each unit of a map by itself",
            instead="Dropout2d drops whole maps",
            why="a later invention (2015); Dropout is the paper's",
        ),
    ),
    version=1,
)

__all__ = ["CARD", "RECIPE", "RECIPES"]
