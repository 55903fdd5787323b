"""What the training set's pixels look like: the mean picture and the principal axes of colour."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor


@dataclass(frozen=True)
class PixelStatistics:
    """Statistics of a training set.

    Attributes:
        mean: the mean picture, in pixel values from 0 to 255 (AlexNet subtracts it, Section 2).
        eigenvalues: variances along the principal axes of colour, largest first, for pixels from 0 to 1.
        eigenvectors: those axes, as columns (Section 4.1).
    """

    mean: Float[Tensor, "S S 3"]
    eigenvalues: Float[Tensor, 3]
    eigenvectors: Float[Tensor, "3 3"]

    @classmethod
    def nothing(cls, side: int) -> PixelStatistics:
        """The statistics of pictures that are taken as they are: nothing is subtracted, and no colour varies."""
        return cls(torch.zeros(side, side, 3), torch.zeros(3), torch.eye(3))

    def to(self, device: torch.device) -> PixelStatistics:
        """The same on another device."""
        return PixelStatistics(self.mean.to(device), self.eigenvalues.to(device), self.eigenvectors.to(device))

    def tensors(self) -> dict[str, Tensor]:
        """By name, for a checkpoint."""
        return {"mean": self.mean, "eigenvalues": self.eigenvalues, "eigenvectors": self.eigenvectors}


def picture_of(colour: Float[Tensor, 3], side: int, padding: int = 0) -> Float[Tensor, "S S 3"]:
    """A mean picture of one colour. The padding is no picture: it is zero in the mean too, and vanishes with it.

    Args:
        colour: red, green and blue, from 0 to 255.
        side: of the picture with its padding, pixels.
        padding: zeros around it.
    """
    picture = colour.new_zeros(side, side, 3)
    inside = slice(padding, side - padding)
    picture[inside, inside] = colour
    return picture


def pixel_statistics(batches: Iterable[UInt8[Tensor, "_ S S 3"]]) -> PixelStatistics:
    """The statistics of all pictures in `batches`, gathered in one pass.

    Sums of pixels and of products of pixels are whole numbers, so the sums are exact and their order cannot matter.

    Raises:
        ValueError: there are no pictures.
    """
    total: Tensor | None = None
    products = torch.zeros(3, 3, dtype=torch.float64)
    count = 0
    for batch in batches:
        for part in batch.split(256):
            summed = part.sum(0, dtype=torch.int64).cpu()
            total = summed if total is None else total + summed
            # Three whole-number columns: float64 products stay exact up to 2**53.
            flat = part.reshape(-1, 3)
            for piece in flat.split(1 << 20):
                colours = piece.double()
                products += (colours.T @ colours).cpu()
            count += len(part)
    if total is None or count == 0:
        raise ValueError("no pictures to take statistics of")
    pixels = count * total.shape[0] * total.shape[1]
    colour_mean = total.sum((0, 1)).double() / pixels
    covariance = (products / pixels - torch.outer(colour_mean, colour_mean)) / 255.0**2
    values, vectors = torch.linalg.eigh(covariance)
    return PixelStatistics(
        mean=(total.double() / count).float(),
        eigenvalues=values.flip(0).float(),
        eigenvectors=_with_fixed_signs(vectors.flip(1)).float(),
    )


def _with_fixed_signs(vectors: Float[Tensor, "3 3"]) -> Float[Tensor, "3 3"]:
    """An eigenvector's sign is arbitrary: make its largest component positive, so that machines agree."""
    largest = vectors.gather(0, vectors.abs().argmax(0, keepdim=True))
    return vectors * largest.sign()
