"""The paper's ten views, pixel by pixel, and their average."""

import pytest
import torch

from epochal.core.fault import InputFault
from epochal.measure.crops import averaged_softmax, centre_crop, ten_crops


def slow_view(images: torch.Tensor, top: int, left: int, size: int, mirrored: bool) -> torch.Tensor:
    view = torch.empty(*images.shape[:2], size, size, dtype=images.dtype)
    for y in range(size):
        for x in range(size):
            source = left + (size - 1 - x if mirrored else x)
            view[:, :, y, x] = images[:, :, top + y, source]
    return view


@pytest.mark.parametrize(("height", "width", "size"), [(9, 9, 6), (8, 11, 5), (7, 7, 7), (6, 9, 1)])
def test_the_ten_views_are_corners_centre_and_their_mirrors_in_the_papers_order(height, width, size):
    images = torch.randint(0, 256, (3, 3, height, width), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    bottom, right = height - size, width - size
    places = [(0, 0), (0, right), (bottom, 0), (bottom, right), (bottom // 2, right // 2)]
    views = list(ten_crops(images, size))
    assert len(views) == 10
    expected = [(top, left, mirrored) for mirrored in (False, True) for top, left in places]
    for view, (top, left, mirrored) in zip(views, expected, strict=True):
        assert view.dtype == torch.uint8
        assert torch.equal(view, slow_view(images, top, left, size, mirrored))


def test_an_odd_margin_is_cut_from_the_lower_right():
    images = torch.arange(25.0).reshape(1, 1, 5, 5)
    assert centre_crop(images, 2).flatten().tolist() == [6.0, 7.0, 11.0, 12.0]


def test_a_picture_of_the_crops_size_gives_five_equal_views_and_five_mirrors():
    images = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    views = list(ten_crops(images, 4))
    assert all(torch.equal(view, images) for view in views[:5])
    assert all(torch.equal(view, images.flip(3)) for view in views[5:])


@pytest.mark.parametrize("size", [0, -1, 6])
def test_a_crop_that_does_not_fit_is_refused_before_the_first_view(size):
    images = torch.zeros(1, 3, 5, 7)
    with pytest.raises(InputFault, match="5 x 7"):
        ten_crops(images, size)
    with pytest.raises(InputFault, match="cannot be taken"):
        centre_crop(images, size)


def test_the_average_is_of_probabilities_and_not_of_logits():
    logits = {1.0: [8.0, 0.0], 2.0: [0.0, 2.0], 3.0: [0.0, 2.0]}

    def forward(view):
        return torch.tensor([logits[float(view.flatten()[0])]])

    views = [torch.full((1, 3, 2, 2), value) for value in logits]
    found = averaged_softmax(forward, views)
    expected = torch.stack([torch.tensor(row).softmax(0) for row in logits.values()]).mean(0)
    assert torch.allclose(found[0], expected, atol=1e-7)
    assert float(found.sum()) == pytest.approx(1.0)
    assert int(found[0].argmax()) == 1
    assert int(torch.tensor(list(logits.values())).mean(0).argmax()) == 0  # the mean of the logits would say otherwise


def test_half_precision_logits_are_averaged_in_single_precision():
    found = averaged_softmax(lambda view: view.flatten(1)[:, :3].half(), [torch.randn(4, 1, 2, 2) for _ in range(10)])
    assert found.dtype == torch.float32


def test_no_views_are_refused():
    with pytest.raises(InputFault, match="no views"):
        averaged_softmax(lambda view: view, [])
