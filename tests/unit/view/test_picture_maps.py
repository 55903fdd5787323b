"""Pictures laid out in a plane: points in their class's colour, names, thumbnails at the same places."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.plane import picture_map


def flat(colour: int, side: int = 20) -> np.ndarray:
    return np.full((side, side, 3), colour, dtype=np.uint8)


def points(figure):
    (scatter,) = figure.axes[0].collections
    return np.asarray(scatter.get_offsets()), [to_hex(colour).upper() for colour in scatter.get_facecolors()]


def drawn(places, labels, classes=("ant", "bee", "cat"), pictures=None):
    pictures = pictures or [flat(9)] * len(places)
    return picture_map(np.array(places, dtype=np.float32), np.array(labels), pictures, list(classes), "fc7")


def test_each_picture_is_a_point_in_its_class_s_colour(tidy, words):
    figure = drawn([[0, 0], [10, 0], [0, 5], [10, 5]], [0, 1, 2, 1])
    tidy(figure)
    where, colours = points(figure)
    assert colours == [style.CLASSES[label] for label in (0, 1, 2, 1)]
    assert where[1, 0] - where[0, 0] == pytest.approx(2 * (where[2, 1] - where[0, 1])), "the proportions are kept"
    said = words(figure)
    assert {"ant", "bee", "cat"} <= set(said)
    assert "the answers of fc7 to 4 held-out pictures" in said[1]


def test_the_thumbnails_lie_where_the_points_do(pixels):
    pictures = [flat(0), flat(100), flat(200)]
    figure = drawn([[0, 0], [10, 0], [10, 4]], [0, 1, 2], pictures=pictures)
    canvas = pixels(figure)
    where, _ = points(figure)
    shift = 27 * 37 + 40  # a panel and the gap
    for (x, y), picture in zip(where, pictures, strict=True):
        near = canvas[int(y) - 37 : int(y) + 38, int(x) + shift - 37 : int(x) + shift + 38]
        assert (near == picture[0, 0]).all(-1).sum() >= 32 * 32 * 0.9


def test_of_pictures_in_one_place_one_is_shown(words):
    assert "At the right, 1 of the pictures" in " ".join(words(drawn([[1, 1]] * 5, [0] * 5)))


def test_a_map_higher_than_wide_is_laid_down():
    where, _ = points(drawn([[0, 0], [1, 50], [0, 100]], [0, 1, 2]))
    assert np.ptp(where[:, 0]) > 10 * np.ptp(where[:, 1])


def test_more_classes_than_colours_leave_the_rarer_ones_grey(words, tidy):
    count = len(style.CLASSES) + 3
    labels = [*range(count), *range(3, count)]  # the first three are rarest
    places = np.random.default_rng(0).normal(size=(len(labels), 2))
    figure = drawn(places, labels, [f"class {number}" for number in range(count)])
    tidy(figure)
    _, colours = points(figure)
    assert colours.count(style.HAIRLINE.upper()) == 3
    said = words(figure)
    assert "class 0" not in said
    assert "class 3" in said
    assert f"{count - 3} of {count} classes are coloured" in " ".join(said)


def test_names_keep_apart_and_within_the_page_whatever_they_are(tidy, words):
    names = ["$x^2$\n", "猫\x1b[31m", "long " * 60, *(f"class {number}" for number in range(9))]
    for places in (np.zeros((24, 2)), np.random.default_rng(0).normal(size=(24, 2)) * (1, 0.01)):
        figure = drawn(places, [*range(12), *range(12)], names)
        tidy(figure)
        assert all("\n" not in text and "\x1b" not in text for text in words(figure))


def test_nothing_to_show_and_missing_parts_are_told(words):
    assert "There are no pictures." in words(picture_map(np.zeros((0, 2)), np.zeros(0, dtype=int), [], ["a"], "fc7"))
    with pytest.raises(InputFault, match="1 pictures came with 2 places and 2 labels"):
        picture_map(np.zeros((2, 2)), np.zeros(2, dtype=int), [flat(1)], ["a"], "fc7")
