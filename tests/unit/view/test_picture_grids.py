"""Grids of pictures: each picture with its own words, whatever the words are."""

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.grid import MOST, Answer, answer_grid, picture_grid
from epochal.view.mosaic import rgb

HOSTILE = [
    r"$\frac{1}{0}$",
    "$unbalanced",
    "a$b$c $",
    "line\nbreak\ttab\rreturn",
    "a name far too long for its place, " * 9,
    "W" * 300,
    "猫咪",
    "กขฃคฅ",
    "नमस्ते",
    "кошка",
    "غزال",
    "‮gnp.exe",
    "<img src=x onerror=alert(1)>",
    "Z" + "\u0301" * 60,
    "\x1b[31mred\x1b[0m",
    "\udc80surrogate",
    "🐱",
    "\x00",
    "",
    "%d %s {} {0} \\",
    r"\usepackage{evil}",
    "\ufdfd" * 30,
]


def noise(count: int, height: int = 32, width: int = 32) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8))


def test_each_picture_stands_above_its_label(pixels, find_block, tidy):
    pictures = noise(7)
    figure = picture_grid(pictures, [f"name {n}" for n in range(7)], "seven", wide=4)
    tidy(figure)
    canvas = pixels(figure)
    renderer = figure.canvas.get_renderer()
    texts = {text.get_text(): text for text in figure.axes[0].texts}
    places = []
    for number, picture in enumerate(pictures):
        y, x = find_block(canvas, picture.repeat(6, 0).repeat(6, 1))
        box = texts[f"name {number}"].get_window_extent(renderer)
        assert abs((box.x0 + box.x1) / 2 - (x + 96)) < 2
        assert 0 < (canvas.shape[0] - box.y1) - (y + 192) < 30
        places.append((y, x))
    assert places == sorted(places)
    assert len({y for y, _ in places}) == 2
    assert len({x for _, x in places}) == 4


def test_hostile_names_are_shown_and_not_obeyed(tidy, words, pixels):
    figure = picture_grid(noise(len(HOSTILE)), HOSTILE, "hostile $x$ \n 猫" + "é" * 300, "$sub$ \x1b[0m")
    tidy(figure)  # within the page, nothing overlaps, and drawing warned about no glyph
    said = words(figure)
    assert r"$\frac{1}{0}$" in said
    assert any(text.startswith(r"line\nbreak") for text in said)
    assert "кошка" in said
    assert all("\n" not in text and "\x1b" not in text for text in said)
    pixels(figure)


def test_hostile_names_of_answers_are_shown_and_not_obeyed(tidy, words):
    answers = [Answer(name, 0.5, other) for name, other in zip(HOSTILE, HOSTILE[::-1], strict=True)]
    figure = answer_grid(noise(len(HOSTILE)), answers, "$")
    tidy(figure)
    assert all("\n" not in text for text in words(figure))


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_any_text_can_be_a_label(labels):
    figure = picture_grid(noise(len(labels), 4, 4), labels, labels[0], labels[-1])
    figure.canvas.draw()
    for text in figure.axes[0].texts:
        box = text.get_window_extent()
        assert box.width <= figure.bbox.width


def test_right_and_wrong_answers_differ_in_colour_and_in_sign(pixels, words, find_block):
    pictures = noise(3)
    answers = [Answer("cat", 0.934, "cat"), Answer("dog", 0.5, "cat"), Answer("cow", 0.07)]
    figure = answer_grid(pictures, answers)
    canvas = pixels(figure)
    for picture, colour in zip(pictures, (style.RIGHT, style.WRONG, style.MUTED), strict=True):
        y, x = find_block(canvas, picture.repeat(6, 0).repeat(6, 1))
        frame = np.concatenate([canvas[y - 3, x : x + 192], canvas[y + 194, x : x + 192], canvas[y : y + 192, x - 3]])
        assert (frame == rgb(colour)).all()
        assert (canvas[y - 7, x : x + 192] == rgb(style.PAPER)).all()
    said = words(figure)
    assert said[-6:] == ["✓ cat", "93 %", "✗ dog", "50 %, is cat", "cow", "7 %"]
    assert "1 of 2 right" in said


def test_a_frame_of_a_picture_that_is_not_square_is_filled_with_page(pixels):
    figure = answer_grid([np.zeros((10, 40, 3), dtype=np.uint8)], [Answer("a", 1.0, "a")])
    canvas = pixels(figure)
    green = (canvas == rgb(style.RIGHT)).all(-1)
    assert green[:, 200].sum() >= 2 * 5
    left = np.flatnonzero(green.sum(0) > 100)[0]
    top = np.flatnonzero(green.sum(1) > 100)[0]
    assert (canvas[top + 5 : top + 20, left + 5 : left + 25] == rgb(style.PAPER)).all()


@pytest.mark.parametrize(
    "size", [(500, 375), (375, 500), (1, 2000), (2000, 1), (1, 1), (0, 0), (5, 0), (1200, 1600), (192, 192), (193, 100)]
)
def test_pictures_of_any_size_stay_in_their_box(tidy, pixels, size):
    figure = picture_grid([np.zeros((*size, 3), dtype=np.uint8), *noise(1)], ["odd", "even"], "sizes", wide=2)
    tidy(figure)
    canvas = pixels(figure)
    box = canvas[100:310, 50:270]
    inked = np.argwhere((box != rgb(style.PAPER)).any(-1))
    assert np.ptp(inked[:, 0]) + 1 <= 200
    assert np.ptp(inked[:, 1]) + 1 <= 200


def test_no_pictures_and_too_many_pictures_are_said(words, tidy):
    assert "There are no pictures." in words(picture_grid([], [], "none"))
    assert "There are no pictures." in words(answer_grid([], []))
    many = picture_grid(noise(MOST + 1, 2, 2), ["x"] * (MOST + 1), "many", "digits")
    assert f"digits; the first {MOST} of {MOST + 1}" in words(many)
    assert words(many).count("x") == MOST


def test_pictures_without_their_words_are_refused():
    with pytest.raises(InputFault, match="3 pictures came with 2 labels"):
        picture_grid(noise(3), ["a", "b"], "x")
    with pytest.raises(InputFault, match="1 pictures came with 0 answers"):
        answer_grid(noise(1), [])


@pytest.mark.real_data
def test_real_pictures_are_drawn_as_they_are(pixels, find_block):
    path = os.path.join(os.environ["EPOCHAL_DATA"], "cifar10", "data_batch_1.bin")
    rows = np.fromfile(path, dtype=np.uint8, count=20 * 3073).reshape(20, 3073)
    pictures = list(np.ascontiguousarray(rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)))
    canvas = pixels(picture_grid(pictures, [str(label) for label in rows[:, 0]], "cifar10"))
    for picture in pictures:
        find_block(canvas, picture.repeat(6, 0).repeat(6, 1))
