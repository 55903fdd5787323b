import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from epochal.core.fault import InputFault
from epochal.data.frame import CentreSquare, Frame, RandomResizedCrop
from epochal.data.keyed import uniform

SIDES = st.integers(1, 2000)
DRAWS = st.lists(st.floats(0, 1, exclude_max=True), min_size=22, max_size=22)


def test_the_centre_square_is_as_large_as_the_picture_allows():
    assert CentreSquare(256).box(500, 375) == (62, 0, 437, 375)
    assert CentreSquare(256).box(375, 500) == (0, 62, 375, 437)
    assert CentreSquare(8).box(8, 8) == (0, 0, 8, 8)


@given(SIDES, SIDES, DRAWS)
def test_a_random_crop_lies_inside_the_picture(width, height, draws):
    left, top, right, bottom = RandomResizedCrop(224).box(width, height, draws)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_random_crops_have_the_stated_area_and_shape():
    frame = RandomResizedCrop(224, area=(0.2, 0.6))
    draws = uniform(1, 0, torch.arange(2000), frame.draws).tolist()
    boxes = np.array([frame.box(400, 400, row) for row in draws])
    w, h = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    areas, shapes = w * h / 160_000, w / h
    assert 0.195 < areas.min() < areas.max() < 0.605
    assert 0.74 < shapes.min() < shapes.max() < 1.35
    assert abs(areas.mean() - 0.4) < 0.01
    assert abs(np.log(shapes).mean()) < 0.02
    # Every place is as likely: the slack on both sides is equal on average.
    assert abs((boxes[:, 0] - (400 - boxes[:, 2])).mean()) < 6


def test_the_distribution_is_torchvisions():
    transforms = pytest.importorskip("torchvision.transforms")
    frame = RandomResizedCrop(224)
    ours = np.array([frame.box(500, 375, row) for row in uniform(7, 0, torch.arange(4000), frame.draws).tolist()])
    torch.manual_seed(0)
    image = torch.zeros(3, 375, 500)
    theirs = np.array(
        [transforms.RandomResizedCrop.get_params(image, [0.08, 1.0], [3 / 4, 4 / 3]) for _ in range(4000)]
    )
    top, left, height, width = theirs.T
    for mine, other in ((ours[:, 0], left), (ours[:, 1], top), (ours[:, 2], left + width), (ours[:, 3], top + height)):
        assert abs(mine.mean() - other.mean()) < 6
        assert abs(mine.std() - other.std()) < 6


def test_a_shape_that_never_fits_gives_the_largest_central_part():
    assert RandomResizedCrop(224).box(1000, 10, [0.999] * 22) == (493, 0, 506, 10)


def test_frames_are_frames():
    assert isinstance(CentreSquare(3), Frame)
    assert isinstance(RandomResizedCrop(3), Frame)


@pytest.mark.parametrize("size", [0, -1, 100_000])
def test_an_impossible_size_is_refused(size):
    with pytest.raises(InputFault, match="cannot be framed"):
        CentreSquare(size)


@pytest.mark.parametrize("wrong", [{"area": (0.0, 1.0)}, {"area": (0.5, 0.1)}, {"aspect": (2.0, 1.0)}])
def test_an_impossible_crop_is_refused(wrong):
    with pytest.raises(InputFault, match="a crop cannot have"):
        RandomResizedCrop(224, **wrong)
