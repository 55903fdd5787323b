import numpy as np
import pytest
from PIL import Image

from epochal.data.resample import resample


@pytest.mark.parametrize(("width", "height"), [(500, 375), (100, 60), (224, 300), (1, 1), (3000, 20)])
def test_the_filter_is_pillows(width, height):
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    theirs = np.asarray(Image.fromarray(pixels).resize((224, 224), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(resample(pixels, 224).astype(int) - theirs).mean() < 0.6


def test_a_picture_of_the_right_size_is_untouched():
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resample(pixels, 32), pixels)


def test_a_part_of_a_picture_needs_no_copy_of_its_own():
    pixels = np.random.default_rng(0).integers(0, 256, (60, 60, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resample(pixels[10:50, 5:45], 20), resample(pixels[10:50, 5:45].copy(), 20))
