"""The network of Krizhevsky, Sutskever and Hinton (2012), as printed.

Five convolutions and three dense layers. The convolutions' maps live in two columns, one for each of the paper's two
GPUs: conv2, conv4 and conv5 see only the maps of their own column, conv3 and the dense layers see both.

What the paper compares with is an argument: other activations (Section 3.1), one column (3.2), no response
normalisation (3.3), pooling without overlap (3.4), no dropout (4.2), a middle layer left out (7). Nothing else can be
chosen. Normalisation runs over all maps of a layer, as printed; the 2012 code stays within a column (see `source`).

https://proceedings.neurips.cc/paper/2012/hash/c399862d3b9d6b76c8436e924a68c45b-Abstract.html
"""

from __future__ import annotations

from typing import cast

from jaxtyping import Float
from torch import Tensor, nn

from epochal.core.fault import InputFault, nearest
from epochal.engine.image_size import check_image
from epochal.landmarks.alexnet.init import PAPER, Init, initialise
from epochal.landmarks.alexnet.lrn import LocalResponseNorm
from epochal.landmarks.dropout.model import Dropout

# The paper prints 224, but 55 positions of an 11-pixel kernel at stride 4 need 227.
PIXELS = 227

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}

# Maps of conv1 ... conv5. The one-column network halves all but the last, as the dense layers then see as many inputs.
MAPS = {2: (96, 256, 384, 384, 256), 1: (48, 128, 192, 192, 256)}

MIDDLE_LAYERS = ("conv3", "conv4", "conv5")


class AlexNet(nn.Module):
    """The paper's network: 60,965,224 parameters for 1,000 classes.

    Args:
        classes: how many classes there are.
        activation: `relu` as in the paper, or what it compares with in Section 3.1: `tanh`, `sigmoid`.
        lrn: normalise responses after conv1 and conv2 (Section 3.3).
        overlap: pool windows of 3 at stride 2; otherwise windows of 2 (Section 3.4).
        columns: 2 as in the paper, or 1: half the maps, for one GPU (Section 3.2).
        without: a middle layer to leave out: `conv3`, `conv4` or `conv5` (Section 7).
        dropout: drop half of the hidden dense units in training (Section 4.2).
        init: the numbers the weights are drawn with.

    Raises:
        InputFault: an argument is none of the paper's choices.
    """

    def __init__(
        self,
        classes: int = 1000,
        *,
        activation: str = "relu",
        lrn: bool = True,
        overlap: bool = True,
        columns: int = 2,
        without: str | None = None,
        dropout: bool = True,
        init: Init = PAPER,
    ) -> None:
        super().__init__()
        check_choices(activation, columns, without)
        act = ACTIVATIONS[activation]
        maps1, maps2, maps3, maps4, maps5 = MAPS[columns]
        window = 3 if overlap else 2

        self.conv1 = nn.Conv2d(3, maps1, 11, stride=4)
        self.relu1 = act()
        self.norm1 = LocalResponseNorm() if lrn else nn.Identity()
        self.pool1 = nn.MaxPool2d(window, stride=2)

        self.conv2 = nn.Conv2d(maps1, maps2, 5, padding=2, groups=columns)
        self.relu2 = act()
        self.norm2 = LocalResponseNorm() if lrn else nn.Identity()
        self.pool2 = nn.MaxPool2d(window, stride=2)

        seen = maps2
        self.conv3, self.relu3, seen = middle_layer("conv3", without, seen, maps3, 1, act)
        self.conv4, self.relu4, seen = middle_layer("conv4", without, seen, maps4, columns, act)
        self.conv5, self.relu5, seen = middle_layer("conv5", without, seen, maps5, columns, act)
        self.pool5 = nn.MaxPool2d(window, stride=2)

        self.fc6 = nn.Linear(seen * 6 * 6, 4096)
        self.relu6 = act()
        self.drop6 = Dropout() if dropout else nn.Identity()
        self.fc7 = nn.Linear(4096, 4096)
        self.relu7 = act()
        self.drop7 = Dropout() if dropout else nn.Identity()
        self.fc8 = nn.Linear(4096, classes)
        initialise(self, init)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Args:
            image: RGB, 227 x 227, with the training set's mean subtracted.

        Raises:
            InputFault: the images are not 3 x 227 x 227.
        """
        check_image(image, PIXELS)
        x = self.pool1(self.norm1(self.relu1(self.conv1(image))))
        x = self.pool2(self.norm2(self.relu2(self.conv2(x))))
        x = self.relu3(self.conv3(x))
        x = self.relu4(self.conv4(x))
        x = self.pool5(self.relu5(self.conv5(x)))
        x = x.flatten(1)
        x = self.drop6(self.relu6(self.fc6(x)))
        x = self.drop7(self.relu7(self.fc7(x)))
        return cast(Tensor, self.fc8(x))


def middle_layer(
    name: str, without: str | None, seen: int, maps: int, columns: int, act: type[nn.Module]
) -> tuple[nn.Module, nn.Module, int]:
    """A 3 x 3 convolution, its activation and how many maps come out; nothing at all for the layer left out."""
    if name == without:
        return nn.Identity(), nn.Identity(), seen
    return nn.Conv2d(seen, maps, 3, padding=1, groups=columns), act(), maps


def check_choices(activation: str, columns: int, without: str | None) -> None:
    """Refuse what the paper does not vary.

    Raises:
        InputFault: the activation, the number of columns or the layer to leave out is not one of the paper's.
    """
    if activation not in ACTIVATIONS:
        raise InputFault(f"no activation is called {activation!r}", expected=nearest(activation, ACTIVATIONS))
    if columns not in MAPS:
        raise InputFault(f"a network of {columns} columns", expected="2 as in the paper, or 1")
    if without is not None and without not in MIDDLE_LAYERS:
        raise InputFault(f"{without!r} cannot be left out", expected=nearest(without, MIDDLE_LAYERS))
