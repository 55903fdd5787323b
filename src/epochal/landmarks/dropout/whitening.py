"""Contrast normalisation and ZCA whitening, which the paper does to the pictures of CIFAR (Appendix B).

A picture's own mean is taken away and its deviation divided out. Then the whole picture is turned into one whose pixels
are uncorrelated over the training set: with C = V diag(l) V^T their covariance, W = V diag(1 / sqrt(l + e)) V^T, which
of all such W changes a picture least. The matrix is a part of the net, kept with its weights and never trained.

The paper prints neither constant; ours are a thousandth of the mean variance for e, and a deviation of at least 1 % of
the range.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

EPSILON = 1e-3
LEAST_DEVIATION = 0.01


class Whitening(nn.Module):
    """x -> W (contrast-normalised x - mean); the identity matrix until `learn` has seen pictures.

    Args:
        size: how many numbers a picture has.
    """

    matrix: Tensor
    mean: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.eye(size))
        self.register_buffer("mean", torch.zeros(size))

    def forward(self, image: Float[Tensor, "B C S S"]) -> Float[Tensor, "B C S S"]:
        """The picture with normalised contrast, whitened; in float32 whatever is around it."""
        with torch.autocast(image.device.type, enabled=False):
            flat = contrast_normalised(image.float()).flatten(1) - self.mean
            return (flat @ self.matrix).view(image.shape)

    @torch.no_grad()
    def learn(self, batches: Iterable[Float[Tensor, "_ C S S"]]) -> None:
        """Take mean and covariance of pictures, and make the matrix of them."""
        size = len(self.mean)
        total = torch.zeros(size, dtype=torch.float64)
        products = torch.zeros(size, size, dtype=torch.float64)
        count = 0
        for images in batches:
            flat = contrast_normalised(images.float()).flatten(1).cpu()
            total += flat.double().sum(0)
            products += (flat.T @ flat).double()  # float32 products are exact enough, and twice as fast
            count += len(flat)
        mean = total / max(count, 1)
        covariance = products / max(count, 1) - torch.outer(mean, mean)
        values, vectors = torch.linalg.eigh(covariance)
        scale = (values.clamp(min=0) + EPSILON * values.mean()).rsqrt()
        self.mean.copy_(mean)
        self.matrix.copy_((vectors * scale) @ vectors.T)


def contrast_normalised(image: Float[Tensor, "B C S S"]) -> Float[Tensor, "B C S S"]:
    """Each picture with mean 0 and deviation 1 over all its pixels and colours; a flat one stays flat."""
    centred = image - image.mean((1, 2, 3), keepdim=True)
    deviation = centred.square().mean((1, 2, 3), keepdim=True).sqrt()
    return centred / deviation.clamp(min=LEAST_DEVIATION)
