"""Occlusion maps of models whose answer depends on a known place."""

import pytest
import torch

from epochal.core.fault import InputFault
from epochal.measure.occlusion import occlusion_map


def looks_at(top: int, left: int, side: int, sign: float = 1.0):
    """A probability that is the mean of one square of the picture."""

    def probability(images: torch.Tensor) -> torch.Tensor:
        return 0.5 + sign * images[:, :, top : top + side, left : left + side].mean((1, 2, 3)) / 2

    return probability


def test_the_answer_falls_where_it_comes_from_and_nowhere_else() -> None:
    image = torch.ones(3, 30, 30)
    drops = occlusion_map(looks_at(12, 20, 4), image, square=4, steps=15)
    assert drops.shape == (15, 15)
    for row in range(15):
        for column in range(15):
            # Cells are 2 pixels wide; a square of 4 around their centres begins a pixel before them.
            down = max(0, min(2 * row - 1 + 4, 16) - max(2 * row - 1, 12))
            across = max(0, min(2 * column - 1 + 4, 24) - max(2 * column - 1, 20))
            assert drops[row, column] == pytest.approx(down * across / 32), (row, column)


def test_hiding_what_speaks_against_the_answer_raises_it() -> None:
    drops = occlusion_map(looks_at(0, 0, 8, sign=-1.0), torch.ones(1, 16, 16), square=8, steps=4)
    assert drops.min() < 0
    assert drops.argmin() in (0, 1, 4, 5)
    assert drops.max() == 0


def test_a_hidden_part_is_the_mean_which_is_zero() -> None:
    seen = []

    def probability(images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return torch.zeros(len(images))

    image = torch.randn(3, 9, 9)
    occlusion_map(probability, image, square=3, steps=3)
    hidden = torch.cat(seen)[1:]
    assert torch.equal(seen[0][0], image)
    for place, version in enumerate(hidden):
        row, column = divmod(place, 3)
        square = (slice(None), slice(3 * row, 3 * row + 3), slice(3 * column, 3 * column + 3))
        assert (version[square] == 0).all()
        other = torch.ones(9, 9, dtype=torch.bool)
        other[square[1:]] = False
        assert torch.equal(version[:, other], image[:, other])


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_batches_do_not_matter(batch_size: int) -> None:
    image = torch.randn(3, 12, 12)
    expected = occlusion_map(looks_at(3, 3, 5), image, square=5, steps=6, batch_size=36)
    assert torch.equal(occlusion_map(looks_at(3, 3, 5), image, square=5, steps=6, batch_size=batch_size), expected)


def test_every_pixel_is_hidden_by_some_square() -> None:
    for side, square, steps in ((28, 7, 15), (227, 57, 15), (16, 4, 15), (5, 2, 5), (10, 1, 10)):
        hidden = torch.zeros(side, side, dtype=torch.bool)

        def probability(images: torch.Tensor, hidden: torch.Tensor = hidden) -> torch.Tensor:
            hidden |= (images[:, 0] == 0).any(0)
            return torch.zeros(len(images))

        occlusion_map(probability, torch.ones(1, side, side), square, steps)
        assert hidden.all(), (side, square, steps)


def test_a_square_without_pixels_is_refused() -> None:
    for square, steps in ((0, 3), (3, 0)):
        with pytest.raises(InputFault):
            occlusion_map(looks_at(0, 0, 1), torch.ones(1, 4, 4), square, steps)
