"""Augmentation of a whole batch at once, on the device, from stored uint8 pictures.

What happens to a sample is f(seed, epoch, sample index): its crop, its mirror and its colour are the same whatever
batch, worker or device it comes by.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int64, UInt8
from torch import Tensor

from epochal.data import keyed
from epochal.data.statistics import PixelStatistics

_CROP, _COLOUR = 1, 2


@dataclass(frozen=True)
class Augmentation:
    """AlexNet's augmentation (Section 4.1): random crops, mirroring, colour noise.

    Attributes:
        crop: side of the crop, in pixels.
        early_crop: side of the middle of that crop which is all that the first epochs see; None: the whole.
        early_epochs: how many these are.
        random: crop at a random place; otherwise in the centre.
        mirror: mirror each picture with probability one half.
        colour_noise: standard deviation of the noise along the principal axes of colour; 0 turns it off.
        colour_noise_epochs: the epochs with that noise; None: all. The 2012 code turned it off at epoch 67.
        colour_unit: scale that noise by the "eigenvalue" (as printed) or the "deviation", its square root (as in the
            2012 code); pixels count from 0 to 1.
        pixel_scale: what the centred pixels (0 to 255) are divided by.
    """

    crop: int
    early_crop: int | None = None
    early_epochs: float = 0.0
    random: bool = True
    mirror: bool = True
    colour_noise: float = 0.0
    colour_noise_epochs: float | None = None
    colour_unit: str = "eigenvalue"
    pixel_scale: float = 1.0

    def __call__(
        self,
        pixels: UInt8[Tensor, "N S S 3"],
        rows: Int64[Tensor, " B"],
        statistics: PixelStatistics,
        *,
        seed: int,
        epoch: int,
        index: Int64[Tensor, " B"],
    ) -> Float[Tensor, "B 3 C C"]:
        """Crop, mirror, centre and tint the pictures `rows` of `pixels`.

        Args:
            pixels: stored pictures.
            rows: which of them make the batch.
            statistics: the mean picture and the colour axes of the training set.
            seed: the run's seed.
            epoch: how often the data set has been gone through before.
            index: the samples' places in the data set, which with seed and epoch decide everything random.
        """
        size = self.early_crop if self.early_crop is not None and epoch < self.early_epochs else self.crop
        if not (self.random or self.mirror) and size == pixels.shape[1]:
            images = torch.sub(pixels[rows], statistics.mean)  # whole pictures, all alike: nothing to draw
        else:
            images = self._cropped(pixels, rows, statistics, keyed.uniform(seed, epoch, index, 3, _CROP), size)
        if self.pixel_scale != 1.0:
            images /= self.pixel_scale
        if self.colour_noise and (self.colour_noise_epochs is None or epoch < self.colour_noise_epochs):
            images += self._tint(statistics, seed, epoch, index)[:, None, None, :]
        return images.permute(0, 3, 1, 2)

    def _cropped(
        self,
        pixels: UInt8[Tensor, "N S S 3"],
        rows: Int64[Tensor, " B"],
        statistics: PixelStatistics,
        draw: Float64[Tensor, "B 3"],
        size: int,
    ) -> Float[Tensor, "B C C 3"]:
        """The middle `size` pixels of each crop."""
        slack = pixels.shape[1] - self.crop
        if self.random:
            top, left = (draw[:, :2] * (slack + 1)).long().unbind(1)
        else:
            top = left = torch.full_like(rows, slack // 2)
        margin = (self.crop - size) // 2
        mirrored = draw[:, 2] < 0.5 if self.mirror else torch.zeros_like(rows, dtype=torch.bool)
        return centred_crops(pixels, rows, statistics.mean, top + margin, left + margin, mirrored, size)

    def _tint(
        self, statistics: PixelStatistics, seed: int, epoch: int, index: Int64[Tensor, " B"]
    ) -> Float[Tensor, "B 3"]:
        """The quantity [p1 p2 p3][a1 l1, a2 l2, a3 l3]^T of Section 4.1, one for each picture."""
        weight = statistics.eigenvalues.clamp(min=0)
        if self.colour_unit == "deviation":
            weight = weight.sqrt()
        alpha = keyed.normal(seed, epoch, index, 3, _COLOUR) * self.colour_noise
        tint = (alpha * weight.double()) @ statistics.eigenvectors.double().T
        return (tint * (255.0 / self.pixel_scale)).float()


def centred_crops(
    pixels: UInt8[Tensor, "N S S 3"],
    rows: Int64[Tensor, " B"],
    mean: Float[Tensor, "S S 3"],
    top: Int64[Tensor, " B"],
    left: Int64[Tensor, " B"],
    mirrored: Bool[Tensor, " B"],
    size: int,
) -> Float[Tensor, "B size size 3"]:
    """Square crops with the mean picture subtracted where the crop was, some of them mirrored.

    On the CPU a loop over contiguous crops is fastest; elsewhere one gather does all of it. Both give the same bits.
    """
    crops = looped_crops if pixels.device.type == "cpu" else gathered_crops
    return crops(pixels, rows, mean, top, left, mirrored, size)


def gathered_crops(
    pixels: UInt8[Tensor, "N S S 3"],
    rows: Int64[Tensor, " B"],
    mean: Float[Tensor, "S S 3"],
    top: Int64[Tensor, " B"],
    left: Int64[Tensor, " B"],
    mirrored: Bool[Tensor, " B"],
    size: int,
) -> Float[Tensor, "B size size 3"]:
    """The crops by one gather, for devices on which a loop would be many small launches."""
    ramp = torch.arange(size, device=pixels.device)
    y = (top[:, None] + ramp)[:, :, None]
    x = (left[:, None] + torch.where(mirrored[:, None], size - 1 - ramp, ramp))[:, None, :]
    return pixels[rows[:, None, None], y, x].float() - mean[y, x]


def looped_crops(
    pixels: UInt8[Tensor, "N S S 3"],
    rows: Int64[Tensor, " B"],
    mean: Float[Tensor, "S S 3"],
    top: Int64[Tensor, " B"],
    left: Int64[Tensor, " B"],
    mirrored: Bool[Tensor, " B"],
    size: int,
) -> Float[Tensor, "B size size 3"]:
    """The crops one by one, for the CPU."""
    # Columns and colours as one axis: long rows are what vector instructions like.
    flat, flat_mean = pixels.flatten(2), mean.flatten(1)
    backward = (3 * torch.arange(size - 1, -1, -1)[:, None] + torch.arange(3)).flatten()
    out = torch.empty(len(rows), size, 3 * size)
    for crop, row, y, x, is_mirrored in zip(
        out, rows.tolist(), top.tolist(), left.tolist(), mirrored.tolist(), strict=True
    ):
        window = slice(3 * x, 3 * (x + size))
        torch.sub(flat[row, y : y + size, window], flat_mean[y : y + size, window], out=crop)
        if is_mirrored:
            crop.copy_(crop.index_select(1, backward))
    return out.view(len(rows), size, size, 3)
