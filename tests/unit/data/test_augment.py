from __future__ import annotations

import numpy as np
import pytest
import torch

from epochal.data.augment import Augmentation, gathered_crops, looped_crops
from epochal.data.statistics import PixelStatistics, pixel_statistics

COUNT, SIDE, CROP = 40, 20, 13


@pytest.fixture(scope="module")
def pixels() -> torch.Tensor:
    return torch.randint(0, 256, (COUNT, SIDE, SIDE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def statistics(pixels: torch.Tensor) -> PixelStatistics:
    return pixel_statistics([pixels[:25], pixels[25:]])


def augmented(pixels, statistics, rows, epoch=0, **options) -> torch.Tensor:
    return Augmentation(CROP, **options)(pixels, rows, statistics, seed=7, epoch=epoch, index=rows)


def test_a_crop_is_a_window_of_the_centred_picture_or_its_mirror_image(pixels, statistics) -> None:
    rows = torch.arange(COUNT)
    images = augmented(pixels, statistics, rows)
    assert images.shape == (COUNT, 3, CROP, CROP)
    assert images.is_contiguous(memory_format=torch.channels_last)
    mirrored = 0
    for row, image in zip(rows, images, strict=True):
        whole = (pixels[row].float() - statistics.mean).permute(2, 0, 1)
        windows = whole.unfold(1, CROP, 1).unfold(2, CROP, 1)
        straight = _matches(windows, image)
        flipped = _matches(windows, image.flip(2))
        assert straight + flipped == 1
        mirrored += flipped
    assert 8 < mirrored < 32


def _matches(windows: torch.Tensor, image: torch.Tensor) -> int:
    same = (windows == image[:, None, None]).flatten(3).all(3).all(0)
    return int(same.sum())


@pytest.mark.parametrize("options", [{}, {"random": False}, {"random": False, "mirror": False}])
def test_the_first_epochs_may_see_the_middle_of_the_same_crops(pixels, statistics, options) -> None:
    rows = torch.arange(COUNT)
    for epoch in (0, 1):
        narrow = augmented(pixels, statistics, rows, epoch, early_crop=7, early_epochs=1.5, **options)
        whole = augmented(pixels, statistics, rows, epoch, **options)
        assert torch.equal(narrow, whole[..., 3:10, 3:10])
    later = augmented(pixels, statistics, rows, 2, early_crop=7, early_epochs=1.5, **options)
    assert torch.equal(later, augmented(pixels, statistics, rows, 2, **options))


def test_a_samples_augmentation_is_the_same_in_any_batch_and_differs_between_epochs(pixels, statistics) -> None:
    options = {"colour_noise": 0.1, "pixel_scale": 3.0}
    rows = torch.arange(COUNT)
    together = augmented(pixels, statistics, rows, **options)
    for chosen in (torch.tensor([5]), torch.tensor([30, 5, 2]), torch.tensor([5, 39])):
        alone = augmented(pixels, statistics, chosen, **options)
        assert torch.equal(alone, together[chosen])
    later = augmented(pixels, statistics, rows, epoch=1, **options)
    assert not any(torch.equal(a, b) for a, b in zip(later, together, strict=True))


def test_every_offset_comes_up_and_none_beyond(pixels, statistics) -> None:
    ramp = torch.arange(SIDE, dtype=torch.uint8)
    place = torch.stack(
        [ramp[:, None].expand(SIDE, SIDE), ramp[None].expand(SIDE, SIDE), ramp[None] * 0 + ramp[:, None]], -1
    )
    zero = PixelStatistics(torch.zeros(SIDE, SIDE, 3), statistics.eigenvalues, statistics.eigenvectors)
    index = torch.arange(3000)
    augment = Augmentation(CROP, mirror=False)
    images = augment(place[None], torch.zeros_like(index), zero, seed=0, epoch=0, index=index)
    offsets = images[:, :2, 0, 0]
    # 256 -> 224 with mirror images gives the paper's factor 2048 = 32 x 32 x 2 (33 x 33 positions, counted exactly).
    slack = SIDE - CROP
    assert {tuple(pair) for pair in offsets.int().tolist()} == {
        (y, x) for y in range(slack + 1) for x in range(slack + 1)
    }


def test_the_gather_and_the_loop_give_the_same_bits(pixels, statistics) -> None:
    rows = torch.tensor([3, 1, 39])
    top, left = torch.tensor([0, 7, 3]), torch.tensor([7, 0, 2])
    mirrored = torch.tensor([True, False, True])
    loop = looped_crops(pixels, rows, statistics.mean, top, left, mirrored, CROP)
    gathered = gathered_crops(pixels, rows, statistics.mean, top, left, mirrored, CROP)
    assert torch.equal(loop, gathered)


@pytest.mark.gpu
def test_the_device_gives_the_same_bits_as_the_cpu(pixels, statistics) -> None:
    rows = torch.arange(COUNT)
    here = augmented(pixels, statistics, rows)
    device = torch.device("cuda")
    there = augmented(pixels.to(device), statistics.to(device), rows.to(device))
    assert torch.equal(here, there.cpu())
    tinted = [
        augmented(p, s, r, colour_noise=0.1)
        for p, s, r in ((pixels, statistics, rows), (pixels.to(device), statistics.to(device), rows.to(device)))
    ]
    assert torch.allclose(tinted[0], tinted[1].cpu(), atol=1e-4)


def test_without_chance_the_centre_is_taken(pixels, statistics) -> None:
    images = augmented(pixels, statistics, torch.tensor([4]), random=False, mirror=False)
    start = (SIDE - CROP) // 2
    window = slice(start, start + CROP)
    expected = (pixels[4].float() - statistics.mean)[window, window].permute(2, 0, 1)
    assert torch.equal(images[0], expected)


def test_the_statistics_are_numpys(pixels) -> None:
    statistics = pixel_statistics([pixels])
    values = pixels.numpy().astype(np.float64)
    assert np.allclose(statistics.mean.numpy(), values.mean(0), atol=1e-4)
    covariance = np.cov(values.reshape(-1, 3).T / 255.0, bias=True)
    eigenvalues, eigenvectors = np.linalg.eigh(covariance)
    assert np.allclose(statistics.eigenvalues.numpy(), eigenvalues[::-1], atol=1e-7)
    dots = np.abs((statistics.eigenvectors.numpy() * eigenvectors[:, ::-1]).sum(0))
    assert np.allclose(dots, 1, atol=1e-5), "the same axes, whatever their sign"


@pytest.mark.parametrize(("unit", "power"), [("eigenvalue", 1.0), ("deviation", 0.5)])
def test_colour_noise_has_the_covariance_that_the_equation_says(pixels, statistics, unit: str, power: float) -> None:
    # One picture shown 40,000 times: the noise is what is left after subtracting the same crop.
    index = torch.arange(40_000)
    tint = Augmentation(CROP, colour_noise=0.1, colour_unit=unit, pixel_scale=2.0)._tint(statistics, 0, 0, index)
    p, weight = statistics.eigenvectors.double(), statistics.eigenvalues.double() ** power
    # [p1 p2 p3][a1 l1, a2 l2, a3 l3]^T with a ~ N(0, 0.1): covariance P diag((0.1 l)^2) P^T, in pixels of 255 / 2.
    expected = (p * (0.1 * weight * 255 / 2) ** 2) @ p.T
    assert torch.allclose(torch.cov(tint.double().T), expected, rtol=0.05, atol=0.02 * float(expected.abs().max()))
    assert (tint.mean(0).abs() < 4 * tint.std(0) / 200).all()


def test_padding_is_neutral_after_centring() -> None:
    from epochal.data.feed import padded

    pixels = torch.randint(1, 256, (6, 8, 8, 3), dtype=torch.uint8)
    wide = padded(pixels, 2)
    statistics = pixel_statistics([wide])
    centred = wide.float() - statistics.mean
    assert (centred[:, :2] == 0).all()
    assert torch.equal(wide[:, 2:-2, 2:-2], pixels)
