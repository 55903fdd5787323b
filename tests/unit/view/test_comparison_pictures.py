"""Two networks as bars beside one another, and two trainings as curves."""

import numpy as np
import pytest

from epochal.view import style
from epochal.view.comparison import Bars, comparison_page, short
from epochal.view.mosaic import rgb


def rows() -> list[Bars]:
    return [
        Bars(("conv1", "features.0"), (100, 50), (4000, 1000)),
        Bars(("conv2", ""), (20, None), (2000, None)),
        Bars(("", "extra"), (None, 80), (None, None)),
    ]


def log(count: int, loss: float = 1.0) -> list[dict]:
    return [
        {"kind": "evaluation", "step": 10 * n, "epoch": float(n), "loss": loss / (n + 1), "top1": n / (n + 1)}
        for n in range(count)
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (999, "999"), (1000, "1.00 k"), (34_944, "34.9 k"), (60_965_224, "61.0 M"), (7_610_000_000, "7.61 G")],
)
def test_counts_are_short(value, text):
    assert short(value) == text


def test_bars_are_as_long_as_what_they_stand_for(pixels):
    canvas = pixels(comparison_page(("a", "b"), rows()))
    left = canvas[:, : canvas.shape[1] // 2 + 100]
    for colour, values in ((style.BLUE, (100, 20)), (style.VERMILLION, (50, 80))):
        found = (left == rgb(colour)).all(-1).sum(1)
        lengths = {int(length) for length in found if length > 60}
        largest = max(max(lengths), 1) * 100 / max(values)
        for value in values:
            assert any(abs(length - largest * value / 100) <= 1 for length in lengths), (colour, value)


def test_layers_totals_and_what_is_missing_are_named(words, tidy):
    figure = comparison_page(("alexnet:paper", "alexnet:torchvision"), rows())
    tidy(figure)
    said = words(figure)
    for text in ("alexnet:paper", "alexnet:torchvision", "conv1 · features.0", "conv2", "extra", "together"):
        assert text in said
    assert said.count("120") == 1, "100 and 20 together"
    assert said.count("130") == 1, "50 and 80 together"
    assert said.count("not counted") == 1
    assert "Where a bar is missing, the network has no such layer." in said


def test_the_curves_of_two_trainings_are_drawn_in_their_colours(tidy, words):
    figure = comparison_page(("a", "b"), rows(), (log(5), log(9, 2.0)))
    tidy(figure)
    loss, accuracy = figure.axes[1:]
    for axes, field, scale in ((loss, "loss", 1), (accuracy, "top1", 100)):
        for line, metrics, colour in zip(
            axes.lines, (log(5), log(9, 2.0)), (style.BLUE, style.VERMILLION), strict=True
        ):
            assert line.get_color() == colour
            assert np.allclose(line.get_xdata(), [row["epoch"] for row in metrics])
            assert np.allclose(line.get_ydata(), [scale * row[field] for row in metrics])
    assert "epoch" in words(figure)


def test_trainings_without_a_number_are_no_fault(words, tidy):
    for metrics in (([], []), (log(3), []), ([{"kind": "evaluation", "loss": None, "step": "x"}], log(1))):
        figure = comparison_page(("a", "b"), rows(), metrics)
        tidy(figure)
    assert words(comparison_page(("a", "b"), [], ([], []))).count("not recorded") == 2


def test_hostile_names_are_shown_and_not_obeyed(tidy, words):
    name = "猫\x1b[31m$x^2$\n" + "long " * 90
    figure = comparison_page((name, name), [Bars((name, "b" * 300), (1, 2), (None, 3))])
    tidy(figure)
    assert all("\n" not in text and "\x1b" not in text for text in words(figure))
