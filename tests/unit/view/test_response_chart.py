"""The chart of a network's responses."""

from __future__ import annotations

from matplotlib.figure import Figure

from epochal.view.responses import response_chart


def lines(figure: Figure) -> list[list[float]]:
    return [list(line.get_ydata()) for axes in figure.axes for line in axes.get_lines() if len(line.get_xdata()) > 2]


def words(figure: Figure) -> str:
    return " ".join(text.get_text() for axes in figure.axes for text in axes.texts)


def test_the_layers_are_drawn_in_their_order_and_sorted() -> None:
    values = {"bn1": 0.5, "layer1.0.bn1": 0.2, "layer1.0.bn2": 0.9, "layer2.0.bn1": 0.4}
    figure = response_chart(values, "residual network of 8 layers")
    assert lines(figure) == [[0.5, 0.2, 0.9, 0.4], [0.9, 0.5, 0.4, 0.2]]
    assert "residual network of 8 layers: 4 of them 3 x 3, their deviation 0.5 in the mean" in words(figure)
    boundaries = [axes for axes in figure.axes if len(axes.get_lines()) > 1]
    assert [line.get_xdata()[0] for line in boundaries[0].get_lines()[1:]] == [1.5, 3.5], "a line where a stage begins"


def test_a_network_without_such_layers_gets_a_page_that_says_so() -> None:
    assert "nothing to show" in words(response_chart({}, "a network"))
