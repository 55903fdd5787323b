"""Confusion pages: every count in its cell, every class named, the worst pairs where there are too many."""

import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.measure.confusion import recalls
from epochal.view import style
from epochal.view.confusion import MOST, confusion_pairs, confusion_table
from epochal.view.mosaic import rgb


def table(counts: np.ndarray, classes: list[str]):
    return confusion_table(counts, recalls(counts), classes)


def test_every_count_stands_in_its_row_and_column(tidy):
    counts = np.array([[10, 21, 0], [0, 32, 43], [54, 0, 65]])
    figure = table(counts, ["ant", "bee", "cat"])
    tidy(figure)
    texts = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    assert {"10", "21", "32", "43", "54", "65"} <= set(texts)
    assert "0" not in texts
    assert texts["10"][1] == texts["21"][1] < texts["32"][1] == texts["43"][1] < texts["54"][1]
    assert texts["10"][0] == texts["54"][0] < texts["21"][0] == texts["32"][0] < texts["43"][0]
    # A row's name stands at the row's height, its recall at the right.
    for text, row in (("32.3 %", "10"), ("42.7 %", "32"), ("54.6 %", "65")):
        assert texts[text][1] == texts[row][1]
        assert texts[text][0] > texts["43"][0]
    assert "107 of 225 held-out pictures are recognised, 47.6 %" in texts


def test_right_answers_are_green_and_wrong_ones_orange(pixels):
    canvas = pixels(table(np.array([[5, 0], [5, 0]]), ["a", "b"]))
    assert (canvas == rgb(style.RIGHT)).all(-1).sum() > 5000
    assert (canvas == rgb(style.WRONG)).all(-1).sum() > 5000


def test_a_class_without_pictures_says_so(words):
    assert "none here" in words(table(np.array([[5, 0], [0, 0]]), ["a", "b"]))


@pytest.mark.parametrize("count", [1, 2, 10, MOST])
def test_tables_of_any_size_are_tidy_whatever_the_names(tidy, words, count):
    counts = np.diag(np.arange(1, count + 1)) * 1000
    counts[0, :] = 99_999
    names = [("a class with a name far too long for any page " * 3)[number:] for number in range(count)]
    names[-1] = "$x^2$\n猫\x1b"
    figure = table(counts, names)
    tidy(figure)
    assert all("\n" not in text and "\x1b" not in text for text in words(figure))


def test_too_many_classes_or_too_few_names_are_refused():
    many = np.eye(MOST + 1, dtype=np.int64)
    with pytest.raises(InputFault, match=f"{MOST + 1} classes"):
        table(many, ["x"] * (MOST + 1))
    with pytest.raises(InputFault, match="2 names"):
        table(np.eye(3, dtype=np.int64), ["x", "y"])


def test_no_pictures_are_said(words):
    assert "There are no pictures." in words(table(np.zeros((2, 2), dtype=np.int64), ["a", "b"]))
    assert "There are no pictures." in words(confusion_pairs([], 0, 0, 50))
    assert "All of 70 pictures were recognised." in words(confusion_pairs([], 70, 70, 50))


def test_the_worst_pairs_are_bars_as_long_as_they_are_frequent(pixels, words, tidy):
    pairs = [("cat", "dog", 40, 0.8), ("tench\n$x$" * 30, "猫\x1b" * 40, 10, 0.2)]
    figure = confusion_pairs(pairs, 700, 1000, 1000)
    tidy(figure)
    said = words(figure)
    assert "700 of 1,000 held-out pictures of 1,000 classes are recognised" in said
    assert "40  (80 %)" in said
    orange = (pixels(figure) == rgb(style.WRONG)).all(-1)
    lengths = {max(map(len, bytes(row).split(b"\0"))) for row in orange}
    assert sorted(length for length in lengths if length > 50) == [155, 620]
