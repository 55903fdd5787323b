"""BN-Inception for small pictures: the paper's modules with a share of their maps, after a single convolution."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from epochal.engine.image_size import check_image
from epochal.landmarks.batchnorm.inception import BN, FIGURE_5, InceptionModule, Style, Unit, response_norm
from epochal.landmarks.batchnorm.init import initialise


class ScaledInception(nn.Module):
    """A 3 x 3 convolution in the place of the stem, some of the ten modules, the mean over places, the classes.

    Args:
        classes: how many classes there are.
        pixels: side of the pictures.
        modules: the rows of Figure 5 to take, in their order.
        width: the share of their maps.
        stride: of the first convolution.
        style: with normalisation or without it; with rectifiers or sigmoids.
        lrn: normalise responses after the first convolution.
        dropout: what share of the last maps is dropped in training.
        init_sd: deviation of the first weights; None: sqrt(2 / fan-in).
    """

    def __init__(
        self,
        classes: int = 10,
        *,
        pixels: int = 28,
        modules: tuple[str, ...] = tuple(FIGURE_5),
        width: float = 0.125,
        stride: int = 1,
        style: Style = BN,
        lrn: bool = False,
        dropout: float = 0.0,
        init_sd: float | None = None,
    ) -> None:
        super().__init__()
        self.pixels = pixels
        seen = max(2, round(192 * width))
        self.conv1 = Unit(3, seen, 3, style, stride=stride)
        self.norm1 = response_norm(lrn)
        for name in modules:
            module = InceptionModule(seen, FIGURE_5[name].scaled(width), style)
            self.add_module(f"inception{name}", module)
            seen = module.maps
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.drop = nn.Dropout(dropout) if dropout else nn.Identity()
        self.fc = nn.Linear(seen, classes)
        initialise(self, init_sd)

    def forward(self, image: Float[Tensor, "B rgb H W"]) -> Float[Tensor, "B classes"]:
        """The scores of the classes, before the softmax.

        Raises:
            InputFault: the images are of another size than the network was made for.
        """
        check_image(image, self.pixels)
        x = image
        for layer in self.children():
            x = layer(x)
        return x
