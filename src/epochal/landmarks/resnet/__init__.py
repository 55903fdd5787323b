"""ResNet: the card. Nothing here imports torch."""

from __future__ import annotations

from epochal.core.landmark import Deviation, Landmark, Paper
from epochal.landmarks.resnet.recipe import RECIPES, ResNetRecipe

RECIPE = ResNetRecipe

CARD = Landmark(
    name="resnet",
    paper=Paper(
        title="Deep Residual Learning for Image Recognition",
        authors=("Kaiming He", "Xiangyu Zhang", "Shaoqing Ren", "Jian Sun"),
        venue="CVPR",
        year=2016,
        url="https://arxiv.org/abs/1512.03385",
    ),
    preprint=Paper(
        title="Deep Residual Learning for Image Recognition",
        authors=("Kaiming He", "Xiangyu Zhang", "Shaoqing Ren", "Jian Sun"),
        venue="arXiv",
        year=2015,
        url="https://arxiv.org/abs/1512.03385",
    ),
    idea="Layers that learn what is missing, added to an identity that goes around them, can be stacked a hundred deep "
    "and train better for it, where plain ones train worse.",
    builds_on=("batchnorm",),
    leads_to=("alphago", "transformer"),
    default_data="digits",
    presets={
        "18": 11_689_512,
        "34": 21_797_672,
        "34, shortcut A": 21_623_848,
        "34, shortcut C": 22_716_840,
        "34, plain": 21_623_848,
        "50": 25_557_032,
        "101": 44_549_160,
        "152": 60_192_808,
        "cifar 20": 269_722,
        "cifar 32": 464_154,
        "cifar 44": 658_586,
        "cifar 56": 853_018,
        "cifar 110": 1_727_962,
        "cifar 1202": 19_421_274,
        "cifar 56, plain": 853_018,
        "cifar 56, shortcut B": 855_770,
    },
    deviations=(
        Deviation(
            who="ours",
            where="scale of training pictures (ImageNet)",
            paper="shorter side drawn from 256 to 480 for each picture and presentation",
            instead="shorter side 256 (--set stored_size), 224 crops from its central square",
            why="the feed stores pictures at one size",
        ),
        Deviation(
            who="ours",
            where="test (ImageNet)",
            paper="ten crops; for the best results fully convolutional at shorter sides 224, 256, 384, 480, 640",
            instead="centre crop, or ten crops with --crops 10; not at several scales",
        ),
        Deviation(
            who="ours",
            where="batch normalisation",
            paper="statistics over each of two GPUs' 64 pictures of 128 (CIFAR-10)",
            instead="over the whole batch; train with --micro-batches 2 for statistics over 64",
            why="the number of devices must not change the numbers",
        ),
        Deviation(
            who="ours",
            where="shortcut A",
            paper="zeros for the new maps; where they go is not stated",
            instead="half before and half after the old maps, as in the CIFAR-10 weights that circulate",
            why="the order of maps changes nothing but which weights fit",
        ),
        Deviation(
            who="ours",
            where="update",
            paper="momentum of 0.9, its form not stated",
            instead="the learning rate outside of the velocity, as torch's",
            why="the forms differ only just after the rate changes",
        ),
        Deviation(
            who="ours",
            where="learning-rate drops (ImageNet)",
            paper="divided by 10 when the error plateaus",
            instead="divided by 10 after `patience` evaluations without a better error, three times",
            why="a rule can be run again",
        ),
        Deviation(
            who="ours",
            where="end of the gentle start (110 layers)",
            paper="until the training error is below 80 %, about 400 steps",
            instead="until its running mean, to which each step adds a twentieth, is below 80 %",
            why="the error of one batch jumps",
        ),
        Deviation(
            who="ours",
            where="choice of the schedule (CIFAR-10)",
            paper="on 45,000 training and 5,000 validation pictures",
            instead="taken from the paper; all 50,000 are learned from, as for its results",
        ),
        Deviation(
            who="ours",
            where="colour noise",
            paper="as AlexNet's, whose unit is not stated",
            instead="eigenvalues for pixels from 0 to 1, the noise then scaled to 0..255",
        ),
        Deviation(
            who="ours",
            where="arithmetic",
            paper="float32",
            instead="bfloat16 in the forward and backward pass where the hardware has it; weights stay float32",
            why="twice the speed; --set precision=fp32 turns it off",
        ),
        Deviation(
            who="torchvision",
            where="bottleneck",
            paper="stride in the first 1 x 1 layer",
            instead="stride in the 3 x 3 layer (V1.5): variant=v1.5",
            why="about half a point more accurate, a little slower",
        ),
        Deviation(who="torchvision", where="shortcuts", paper="options A, B and C", instead="option B only"),
        Deviation(who="torchvision", where="init", paper="variance 2 / fan-in", instead="variance 2 / fan-out"),
        Deviation(
            who="torchvision",
            where="networks",
            paper="6n + 2 layers for CIFAR-10, and plain twins",
            instead="neither",
        ),
        Deviation(
            who="torchvision",
            where="training pictures",
            paper="224 crops of pictures of a drawn size, colour noise, mean subtracted",
            instead="crops of 8 to 100 % of the area, mean and deviation of the colours",
        ),
        Deviation(
            who="fb.resnet.torch",
            where="weight decay",
            paper="on the weights of convolutions",
            instead="on all parameters: decay_norms=true",
        ),
        Deviation(who="fb.resnet.torch", where="bottleneck", paper="stride in 1 x 1", instead="stride in 3 x 3"),
        Deviation(who="Keras", where="bottleneck", paper="stride in 1 x 1", instead="the same, with biases"),
    ),
    version=1,
)

__all__ = ["CARD", "RECIPE", "RECIPES"]
