"""AlexNet: the card. Nothing here imports torch."""

from __future__ import annotations

from epochal.core.landmark import Deviation, Landmark, Paper
from epochal.landmarks.alexnet.recipe import RECIPES, AlexNetRecipe

RECIPE = AlexNetRecipe

CARD = Landmark(
    name="alexnet",
    paper=Paper(
        title="ImageNet Classification with Deep Convolutional Neural Networks",
        authors=("Alex Krizhevsky", "Ilya Sutskever", "Geoffrey E. Hinton"),
        venue="NIPS",
        year=2012,
        url="https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html",
    ),
    idea="A large convolutional network with rectifiers and dropout, trained on raw pixels with two GPUs, "
    "sees far better than anything built by hand.",
    builds_on=("dropout",),
    leads_to=("vgg", "googlenet", "batchnorm", "resnet"),
    default_data="digits",
    presets={"paper": 60_965_224, "source": 60_965_224, "torchvision": 61_100_840},
    deviations=(
        Deviation(
            who="ours",
            where="input",
            paper="224 x 224",
            instead="227 x 227",
            why="11-pixel kernels at stride 4 give the printed 55 positions only with 227 pixels",
        ),
        Deviation(
            who="ours",
            where="colour noise",
            paper="eigenvalues of the RGB covariance, the pixels' unit not stated",
            instead="eigenvalues for pixels from 0 to 1, the noise then scaled to 0..255",
            why="an eigenvalue is a variance: its size depends on the unit",
        ),
        Deviation(
            who="ours",
            where="random crops",
            paper="2048 versions of a picture: 32 x 32 places and mirror images",
            instead="33 x 33 places and mirror images, every place that fits 224 into 256 (30 x 30 for 227)",
            why="the 2012 code draws from 33 places too",
        ),
        Deviation(
            who="ours",
            where="mean picture and colour axes",
            paper="of the training set",
            instead="of 20,000 pictures of it, where the set is not kept in memory",
            why="one pass over ImageNet costs as much as an epoch",
        ),
        Deviation(
            who="ours", where="batches", paper="not stated", instead="the incomplete last batch of an epoch is left out"
        ),
        Deviation(
            who="ours",
            where="arithmetic",
            paper="float32",
            instead="bfloat16 in the forward and backward pass where the hardware has it; weights stay float32",
            why="twice the speed; --set precision=fp32 turns it off",
        ),
        Deviation(
            who="ours",
            where="held-out data",
            paper="a validation set steers the learning rate, a test set measures",
            instead="`plateau` is steered by the split that is measured (for cifar10, its test set)",
            why="the sets here have two parts; recipes with a fixed schedule use the held-out part only to report",
        ),
        Deviation(
            who="ours",
            where="learning-rate drops",
            paper="divided by 10 by hand when the validation error stopped improving",
            instead="divided by 10 after `patience` evaluations without a better error, three times",
            why="a rule can be run again",
        ),
        Deviation(
            who="source", where="input", paper="224 x 224, 55 positions", instead="224 with 3 zero rows and columns"
        ),
        Deviation(
            who="source",
            where="conv1",
            paper="ReLU, then LRN, then pooling",
            instead="LRN, then pooling, then ReLU: the norm sees values below zero",
        ),
        Deviation(
            who="source",
            where="after conv2",
            paper="one LRN across maps",
            instead="that LRN and a second norm within each map, 5 x 5, k = 1, 0.001 / 25, power 0.75",
        ),
        Deviation(
            who="source",
            where="LRN",
            paper="sum over neighbours, alpha = 1e-4, across all maps",
            instead="mean over neighbours (2e-5 for each), within each column",
        ),
        Deviation(
            who="source", where="pooling", paper="not stated", instead="windows may hang over the edge (ceil mode)"
        ),
        Deviation(
            who="source", where="init", paper="deviation 0.01 everywhere", instead="0.03 in conv3, conv4 and conv5"
        ),
        Deviation(
            who="source", where="biases", paper="as the weights", instead="twice the learning rate and no weight decay"
        ),
        Deviation(
            who="source",
            where="colour noise",
            paper="scaled by eigenvalues",
            instead="scaled by their square roots",
        ),
        Deviation(who="source", where="pixels", paper="centred raw values", instead="divided by 1.1 as well"),
        Deviation(who="source", where="colour noise", paper="throughout", instead="turned off at epoch 67"),
        Deviation(
            who="source",
            where="conv1",
            paper="trained throughout",
            instead="rate 1e-5 from epoch 67, frozen from 72; our `source` recipe does not do this",
            why="the record keeps the last state of the schedule only; not built yet",
        ),
        Deviation(
            who="source",
            where="random crops",
            paper="each picture its own",
            instead="32 pictures share a crop and a mirror; our `source` recipe gives each its own",
            why="a sample's augmentation must not depend on its batch",
        ),
        Deviation(
            who="source", where="learning rate", paper="divided by 10 three times", instead="at epochs 25, 51 and 79"
        ),
        Deviation(
            who="caffe",
            where="LRN",
            paper="k = 2, alpha = 1e-4 for each neighbour",
            instead="k = 1, alpha = 1e-4 / 5 for each; folded into the weights when they are read",
        ),
        Deviation(
            who="caffe",
            where="dropout",
            paper="outputs halved in use",
            instead="outputs doubled in training; the weights that follow are doubled when they are read",
        ),
        Deviation(who="caffe", where="pixels", paper="RGB", instead="BGR; the first layer is turned when it is read"),
        Deviation(
            who="torchvision",
            where="network",
            paper="96-256-384-384-256 maps in two columns",
            instead="64-192-384-256-256 maps in one: the network of a 2014 paper",
        ),
        Deviation(who="torchvision", where="LRN", paper="after conv1 and conv2", instead="none"),
        Deviation(who="torchvision", where="dropout", paper="after the two hidden dense layers", instead="before them"),
        Deviation(
            who="torchvision", where="init", paper="normal, deviation 0.01, some biases 1", instead="torch's default"
        ),
    ),
    version=1,
)

__all__ = ["CARD", "RECIPE", "RECIPES"]
