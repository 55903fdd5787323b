"""Occlusion pages: the picture, the map over it, the frame where it matters most."""

import numpy as np
import pytest

from epochal.view import style
from epochal.view.grid import Answer
from epochal.view.mosaic import rgb
from epochal.view.occlusion import Occluded, heat, occlusion_page

RIGHT = Answer("cat", 0.9, "cat")


def case(drops: np.ndarray, side: int = 28, answer: Answer = RIGHT) -> Occluded:
    picture = np.random.default_rng(0).integers(60, 200, (side, side, 3), dtype=np.uint8)
    return Occluded(picture, answer, drops.astype(np.float32))


def one_hot(row: int, column: int, value: float = 0.5) -> np.ndarray:
    drops = np.zeros((7, 7))
    drops[row, column] = value
    return drops


def test_the_map_is_orange_where_the_answer_falls_blue_where_it_rises_and_grey_elsewhere():
    grey = np.full((70, 70, 3), 120, dtype=np.uint8)
    fall, rise = heat(grey, one_hot(2, 5)), heat(grey, one_hot(2, 5, -0.5))
    bare = heat(grey, np.zeros((7, 7)))
    assert (fall[25, 55].astype(int) - bare[25, 55]).argmax() == 0
    assert fall[25, 55, 0] > 180 > fall[25, 55, 2]
    assert rise[25, 55, 2] > 150 > rise[25, 55, 0]
    assert (fall[60, 10] == bare[60, 10]).all()
    assert len(set(bare[5, 5].tolist())) == 1


def test_the_deepest_colour_is_the_pictures_own_largest_change_above_ten_points():
    grey = np.full((70, 70, 3), 120, dtype=np.uint8)
    assert (heat(grey, one_hot(2, 5, 0.2)) == heat(grey, one_hot(2, 5, 0.9))).all()
    faint = heat(grey, one_hot(2, 5, 0.01)).astype(int)
    assert np.abs(faint - heat(grey, np.zeros((7, 7)))).max() < 20


def test_numbers_that_are_none_leave_the_picture_grey():
    grey = np.full((70, 70, 3), 120, dtype=np.uint8)
    assert (heat(grey, np.full((7, 7), np.nan)) == heat(grey, np.zeros((7, 7)))).all()


def test_the_frame_stands_where_the_answer_falls_most(pixels, tidy):
    drops = one_hot(1, 5)
    drops[6, 0] = -0.9
    black = Occluded(np.zeros((28, 28, 3), dtype=np.uint8), Answer("cat", 0.9, "cat"), drops)
    figure = occlusion_page([black], square=4)
    tidy(figure)
    canvas = pixels(figure)
    # 28 pixels are enlarged 8 times: cell (1, 5) is centred at 48, 176, and the square is 32 wide.
    framed = (canvas[140:364, 50:274] == rgb(style.PAPER)).all(-1)
    rows, columns = np.flatnonzero(framed.any(1)), np.flatnonzero(framed.any(0))
    assert (rows[0], rows[-1], columns[0], columns[-1]) == (32, 63, 160, 191)


def test_the_words_say_the_answer_the_truth_and_what_hiding_does(words, tidy):
    wrong, unknown = Answer("dog", 0.754, "cat"), Answer("cow", 0.6)
    cases = [case(one_hot(3, 3)), case(one_hot(3, 3, 0.3), answer=wrong), case(-one_hot(1, 1), answer=unknown)]
    figure = occlusion_page(cases, square=7, which="Chosen by hand.")
    tidy(figure)
    said = words(figure)
    for text in (
        "✓ cat",
        "90 %; 40 % with the framed square hidden",
        "✗ dog, is cat",
        "75 %; 45 % with the framed square hidden",
        "cow",
        "60 %, whatever is hidden",
    ):
        assert text in said
    assert "7 x 7 pixels" in said[1]
    assert "Chosen by hand." in " ".join(said)


@pytest.mark.parametrize("side", [8, 16, 28, 64, 227, 500])
@pytest.mark.parametrize("count", [1, 4, 7])
def test_pictures_of_any_size_and_number_fit_the_page(tidy, side, count):
    tidy(occlusion_page([case(one_hot(0, 6), side)] * count, square=max(1, side // 4)))


def test_no_pictures_and_hostile_names_are_no_fault(words, tidy):
    assert "There are no pictures." in words(occlusion_page([], square=3))
    figure = occlusion_page([case(one_hot(1, 1), answer=Answer("$x$\n" * 30, 0.5, "猫\x1b" * 40))], square=3)
    tidy(figure)
    assert all("\n" not in text and "\x1b" not in text for text in words(figure))
