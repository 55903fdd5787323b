"""The 2012 code's second normalisation, which the paper does not mention: within a map, by the neighbouring positions.

b = a / (k + (alpha / size ** 2) * sum of a ** 2 over size x size positions) ** beta, zeros beyond the map's border.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class SpatialResponseNorm(nn.Module):
    """Normalise each map by the activity around each of its positions (`rnorm` in the 2012 code).

    Args:
        size: side of the square of positions, odd.
        alpha: the weight of the *mean* square.
        beta: the exponent.
        k: what is added to the mean.
    """

    def __init__(self, size: int, *, alpha: float, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, a: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Normalise the maps, in float32 at least."""
        wide = a.float() if a.dtype.itemsize < 4 else a
        # The mean counts the zeros beyond the border: the code divides by size ** 2 everywhere.
        mean = F.avg_pool2d(wide.square(), self.size, stride=1, padding=self.size // 2)
        return (wide * (self.k + self.alpha * mean).pow(-self.beta)).to(a.dtype)

    def extra_repr(self) -> str:
        """The constants, for `print(model)`."""
        return f"size={self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
