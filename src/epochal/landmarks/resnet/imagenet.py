"""The networks of Table 1 for ImageNet: 18, 34, 50, 101 and 152 layers, and the plain ones of 18 and 34.

A 7 x 7 layer of 64 maps at stride 2, max-pooling, four stages of blocks, the average of each map, a dense layer. From
50 layers on the blocks are bottlenecks. The paper gives a stage's stride to the first 1 x 1 layer of its first
bottleneck (V1), which drops three quarters of the maps' places unseen; torchvision and others give it to the 3 x 3
layer (V1.5). Names of parts are torchvision's: its weights load key for key.

https://arxiv.org/abs/1512.03385
"""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest
from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.resnet.block import Bottleneck, basic, bottleneck, stage
from epochal.landmarks.resnet.depths import FIRST_BOTTLENECK, imagenet_blocks
from epochal.landmarks.resnet.init import initialise
from epochal.landmarks.resnet.model import check_image

MAPS = (64, 128, 256, 512)
VARIANTS = ("v1", "v1.5")
# The stages halve the side five times in all.
LEAST_PIXELS = 32


class ResNet(nn.Module):
    """A network for ImageNet: 25,557,032 parameters with 50 layers.

    Args:
        depth: 18, 34, 50, 101 or 152.
        classes: how many classes there are.
        residual: with shortcuts; otherwise the plain twin, which the paper has of 18 and 34 layers.
        shortcut: `B` projects where sizes change; `A` pads with zeros; `C` projects everywhere (Table 3).
        variant: `v1`: the stride in the first 1 x 1 layer of a bottleneck, as printed; `v1.5`: in its 3 x 3 layer.

    Raises:
        InputFault: an argument is none of these.
    """

    def __init__(
        self,
        depth: int = 50,
        classes: int = 1000,
        *,
        residual: bool = True,
        shortcut: str = "B",
        variant: str = "v1",
    ) -> None:
        super().__init__()
        counts = imagenet_blocks(depth)
        check_choices(depth, residual, variant)
        if depth < FIRST_BOTTLENECK:
            block, expansion = basic(residual=residual, option=shortcut), 1
        else:
            block = bottleneck(residual=residual, option=shortcut, variant=variant)
            expansion = Bottleneck.expansion
        self.conv1 = nn.Conv2d(3, MAPS[0], 7, stride=2, padding=3, bias=False)
        self.bn1 = BatchNorm(MAPS[0])
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        seen = (MAPS[0], *(maps * expansion for maps in MAPS))
        self.layer1 = stage(block, seen[0], MAPS[0], expansion, counts[0], stride=1)
        self.layer2 = stage(block, seen[1], MAPS[1], expansion, counts[1], stride=2)
        self.layer3 = stage(block, seen[2], MAPS[2], expansion, counts[2], stride=2)
        self.layer4 = stage(block, seen[3], MAPS[3], expansion, counts[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(seen[4], classes)
        initialise(self)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Args:
            image: RGB, with the training set's mean subtracted; 224 x 224 in the paper.

        Raises:
            InputFault: the images are not RGB, or too small.
        """
        check_image(image, LEAST_PIXELS)
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return cast(Tensor, self.fc(self.avgpool(x).flatten(1)))


def check_choices(depth: int, residual: bool, variant: str) -> None:
    """Refuse what the paper does not have.

    Raises:
        InputFault: there is no such variant, or no plain network of bottlenecks.
    """
    if variant not in VARIANTS:
        raise InputFault(f"there is no variant {variant!r}", expected=nearest(variant, VARIANTS))
    if not residual and depth >= FIRST_BOTTLENECK:
        raise InputFault(
            f"the paper has no plain network for ImageNet with depth={depth}",
            expected="depth=18 or depth=34",
            remedy="network=cifar is plain at any depth of the form 6n + 2",
        )
