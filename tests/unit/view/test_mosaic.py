"""Layout of panels: how many in a row, how large, where."""

import numpy as np
import pytest

from epochal.view import style
from epochal.view.mosaic import across, fitted, rgb, tile


@pytest.mark.parametrize(
    ("count", "ratio", "wide"), [(96, 1.5, 12), (64, 1.5, 8), (1, 1.5, 1), (32, 1.5, 8), (48, 1.5, 8)]
)
def test_known_counts_give_full_rows(count, ratio, wide):
    assert across(count, ratio) == wide


@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.5, 3.0])
def test_the_grid_is_never_far_from_the_wanted_shape(ratio):
    for count in range(1, 300):
        wide = across(count, ratio)
        rows = -(-count // wide)
        assert 1 <= wide <= count
        assert (rows - 1) * wide < count
        if count >= 12:
            assert ratio / 3.2 <= wide / rows <= ratio * 3.2


def test_small_panels_are_enlarged_by_a_whole_factor():
    panel = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    drawn = fitted(panel, 30)
    assert drawn.shape == (20, 28, 3)
    assert np.array_equal(drawn[::4, ::4], panel)
    assert np.array_equal(drawn[3::4, 3::4], panel)


def test_large_panels_are_averaged_down_and_keep_their_shape():
    panel = np.zeros((400, 200, 3), dtype=np.uint8)
    panel[::2] = 200
    drawn = fitted(panel, 50)
    assert drawn.shape == (50, 25, 3)
    assert abs(int(drawn.mean()) - 100) < 3
    assert drawn.std() < 20


def test_panels_lie_row_by_row_with_gaps_of_page():
    panels = np.stack([np.full((2, 3, 3), 10 * n, dtype=np.uint8) for n in range(5)])
    sheet = tile(panels, columns=3, gap=1)
    assert sheet.shape == (5, 11, 3)
    for place in range(5):
        top, left = place // 3 * 3, place % 3 * 4
        assert (sheet[top : top + 2, left : left + 3] == 10 * place).all()
    assert (sheet[2] == rgb(style.PAPER)).all()
    assert (sheet[3:, 8:] == rgb(style.PAPER)).all()


def test_colours_are_the_styles_bytes():
    assert rgb("#FF8000").tolist() == [255, 128, 0]
