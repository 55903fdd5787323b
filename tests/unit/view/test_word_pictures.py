"""Pictures of words: names are beside their points, cover nothing, and have the colours of their groups."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.labelling import Labelling, away, baseline, leader, overlap
from epochal.view.lettering import width_of
from epochal.view.words import word_map, word_pairs

PAGE = (0.0, 0.0, 400.0, 400.0)


def texts(figure: Figure) -> dict[str, tuple[float, float]]:
    return {text.get_text(): text.get_position() for axes in figure.axes for text in axes.texts}


def points(figure: Figure) -> list[tuple[float, float, str]]:
    lines = [line for axes in figure.axes for line in axes.lines if len(line.get_xdata()) == 1]
    return [(float(line.get_xdata()[0]), float(line.get_ydata()[0]), line.get_color()) for line in lines]


def test_names_cover_neither_each_other_nor_the_points() -> None:
    drawn = np.random.default_rng(0).uniform(0, 400, (60, 2))
    labelling = Labelling(drawn, PAGE)
    placed = [(x, y, labelling.place((x, y), f"word{number}")) for number, (x, y) in enumerate(drawn.tolist())]
    boxes = [box for _, _, box in placed if box is not None]
    assert 20 < len(boxes) < 60, "so many have room, and not all"
    assert not any(overlap(one, other) for one, other in combinations(boxes, 2))
    assert all(box[0] >= 0 and box[1] >= 0 and box[2] <= 400 and box[3] <= 400 for box in boxes)
    assert not any(box[0] < x < box[2] and box[1] < y < box[3] for box in boxes for x, y in drawn.tolist())


def test_a_name_goes_where_it_is_asked_to_if_it_can() -> None:
    for towards in ((1.0, 0.0), (-1.0, 0.0), (0.0, 1.0), (0.0, -1.0)):
        box = Labelling(np.array([[50.0, 50.0]]), (-500.0, -500.0, 500.0, 500.0)).place((50.0, 50.0), "word", towards)
        assert box is not None
        x, y = (box[0] + box[2]) / 2 - 50, (box[1] + box[3]) / 2 - 50
        assert away((0.0, 0.0), (x, y)) == pytest.approx(towards)
        assert box[1] < baseline(box)[1] < box[3]
        assert leader((50.0, 50.0), box) is None, "next to its point"
    far = (200.0, 40.0, 260.0, 60.0)
    assert leader((50.0, 50.0), far) == (200.0, 50.0)


def test_where_nothing_is_free_an_arrow_keeps_its_names() -> None:
    everywhere = np.stack(np.meshgrid(np.arange(0, 400, 6), np.arange(0, 400, 6)), -1).reshape(-1, 2).astype(float)
    labelling = Labelling(everywhere, PAGE)
    assert labelling.place((200.0, 200.0), "word") is None
    box = labelling.place_anyway((200.0, 200.0), "word", (1.0, 0.0))
    assert box[0] > 200
    assert labelling.place_anyway((399.0, 1.0), "word", (1.0, 0.0))[2] == 400, "and it is on the page"


def test_a_long_name_stays_on_the_page() -> None:
    places = np.array([[0.0, 0.0], [0.0, 1.0], [9.0, 0.0], [9.0, 1.0]])
    words = tuple(f"internationalization{number}" for number in range(4))
    for figure in (word_map(places, words, "Words"), word_pairs(places, words, "Pairs")):
        for word, (x, _) in texts(figure).items():
            if word in words:
                half = width_of(word, style.TEXT_SIZE) / 2
                assert half < x < figure.bbox.width - half


def test_words_of_a_group_have_one_colour() -> None:
    places = np.array([[0.0, 0.0], [1.0, 0.2], [4.0, 4.0], [5.0, 4.2]])
    figure = word_map(places, ("paris", "rome", "three", "four"), "Words", groups=(0, 0, 13, 13))
    assert {"paris", "rome", "three", "four"} <= set(texts(figure))
    assert [colour for _, _, colour in points(figure)] == [style.CLASSES[0]] * 2 + [style.CLASSES[1]] * 2
    across = [x for x, _, _ in points(figure)]
    up = [-y for _, y, _ in points(figure)]  # pages count downwards
    assert np.corrcoef(across, places[:, 0])[0, 1] == pytest.approx(1)
    assert np.corrcoef(up, places[:, 1])[0, 1] == pytest.approx(1)


def test_names_stand_beyond_the_ends_of_their_arrow() -> None:
    figure = word_pairs(np.array([[0.0, 0.0], [3.0, 0.0]]), ("france", "paris"), "Pairs")
    (start, tip), found = points(figure), texts(figure)
    assert found["france"][0] < start[0] < tip[0] < found["paris"][0]


@pytest.mark.parametrize("groups", [(0,), (0, 1, 2)])
def test_each_word_is_of_one_group(groups: tuple[int, ...]) -> None:
    with pytest.raises(InputFault, match="2 words"):
        word_map(np.zeros((2, 2)), ("one", "other"), "Words", groups=groups)
