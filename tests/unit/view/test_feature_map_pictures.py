"""Feature maps: the right maps, in the right places, in colours that mean what the bar says."""

import matplotlib
import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.colouring import coloured, common_limits, own_limits, squares, strongest
from epochal.view.feature_maps import feature_maps
from epochal.view.layers import layer_overview
from epochal.view.mosaic import rgb

PICTURE = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def positive(count: int, size: int = 8) -> np.ndarray:
    return np.random.default_rng(1).gamma(1.0, 1.0, (count, size, size)).astype(np.float32)


def numbers(words: list[str]) -> list[int]:
    """The numbers below the maps, which are written last."""
    return [int(word) for word in words]


def enlarged(block: np.ndarray, factor: int) -> np.ndarray:
    return block.repeat(factor, 0).repeat(factor, 1)


def test_the_input_is_on_the_page_pixel_for_pixel(pixels, find_block):
    canvas = pixels(feature_maps(PICTURE, positive(4), "conv1"))
    assert find_block(canvas, enlarged(PICTURE, 14))[1] == style.MARGIN + 3


def test_each_map_is_drawn_with_its_own_values(pixels, find_block):
    maps = positive(12, 10)
    canvas = pixels(feature_maps(PICTURE, maps, "conv1", choice="first", scaling="shared"))
    limits = common_limits(maps)
    places = [find_block(canvas, enlarged(coloured(one, *limits), 23)) for one in maps]
    assert places == sorted(places)
    assert len({y for y, _ in places}) == 3
    assert len({x for _, x in places}) == 4


def test_the_strongest_come_first_and_are_numbered_as_in_the_code(words):
    maps = positive(100)
    maps[17] += 50
    maps[3] += 20
    found = numbers(words(feature_maps(PICTURE, maps, "conv1"))[-64:])
    assert found[:2] == [17, 3]
    assert found == np.argsort(-np.abs(maps).mean((1, 2)))[:64].tolist()


def test_at_most_64_are_shown_and_the_page_says_which(words, tidy):
    figure = feature_maps(PICTURE, positive(96), "conv2")
    assert "96 maps of 8 x 8, the strongest 64 shown" in words(figure)
    tidy(figure)
    first = feature_maps(PICTURE, positive(96), "conv2", limit=10, choice="first")
    assert "96 maps of 8 x 8, the first 10 shown" in words(first)
    assert numbers(words(first)[-10:]) == list(range(10))
    assert "64 maps of 8 x 8" in words(feature_maps(PICTURE, positive(64), "conv2"))


@pytest.mark.parametrize("count", [1, 2, 5, 13, 16, 17, 64])
@pytest.mark.parametrize("scaling", ["shared", "each"])
def test_any_number_of_maps_is_laid_out_tidily(tidy, count, scaling):
    tidy(feature_maps(PICTURE, positive(count, 13), "conv5", scaling=scaling))


def test_shared_scaling_keeps_weak_maps_dark_and_own_scaling_does_not(pixels):
    maps = np.stack([np.linspace(0, 1, 64), np.linspace(0, 100, 64)]).reshape(2, 8, 8).astype(np.float32)
    brightest = matplotlib.colormaps[style.SEQUENTIAL](1.0, bytes=True)[:3]

    def count(scaling):
        canvas = pixels(feature_maps(PICTURE, maps, "conv1", scaling=scaling))
        return int((canvas[:, 554:1506] == brightest).all(-1).sum())

    assert count("each") == 2 * count("shared")


def test_zero_is_white_where_both_signs_occur_and_black_where_not():
    signed = np.array([[[-1.0, 0.0, 3.0]]], dtype=np.float32)
    assert own_limits(signed, is_signed=True) == (-3.0, 3.0)
    middle = coloured(signed[0], -3.0, 3.0)[0, 1]
    assert middle.min() > 240
    assert tuple(coloured(np.zeros((1, 1), np.float32), 0.0, 5.0)[0, 0]) == (0, 0, 3)  # magma's black
    low, high = common_limits(signed)
    assert low == -high < 0
    assert common_limits(np.abs(signed))[0] == 0.0


def test_one_outlier_does_not_darken_the_rest():
    values = np.ones((1, 30, 30), dtype=np.float32)
    values[0, 0, 0] = 1e6
    assert common_limits(values) == (0.0, 1.0)


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((3, 4, 4)),
        np.full((3, 4, 4), 7.0),
        np.full((3, 4, 4), -2.0),
        np.full((3, 4, 4), np.nan),
        np.full((3, 4, 4), np.inf),
        np.full((3, 4, 4), -np.inf),
        np.full((3, 4, 4), 3e38),
        np.full((3, 4, 4), 1e-45),
        np.zeros((3, 1, 1)),
        np.eye(300)[None],
    ],
)
@pytest.mark.parametrize("scaling", ["shared", "each"])
def test_extreme_values_are_drawn_without_a_warning(pixels, values, scaling):
    pixels(feature_maps(PICTURE, values.astype(np.float32), "conv1", scaling=scaling))


def test_values_that_are_not_finite_stand_out_and_are_counted(pixels, words):
    maps = positive(4, 10)
    maps[1, 2, 3] = np.nan
    maps[2, 0, 0] = -np.inf
    figure = feature_maps(PICTURE, maps, "conv1")
    canvas = pixels(figure)
    side = (952 + 8) // 2 - 8  # two maps in a row fill the block
    assert int((canvas == rgb(style.NOT_FINITE)).all(-1).sum()) == 2 * (side // 10) ** 2
    assert "2 values are not finite" in " ".join(words(figure))


def test_the_sparsity_in_the_caption_is_that_of_the_layer(words):
    maps = np.ones((4, 5, 5), dtype=np.float32)
    maps[:1] = 0
    assert "25 % of the values are exactly 0." in " ".join(words(feature_maps(PICTURE, maps, "relu1")))


def test_a_dense_layer_has_a_square_for_each_unit_row_by_row():
    values = np.arange(1.0, 11.0)
    drawn = squares(values, 0.0, 10.0, 100, 40)
    side = 20
    assert drawn.shape == (2 * side, 5 * side, 3)
    for unit in range(10):
        row, column = divmod(unit, 5)
        cell = drawn[row * side : (row + 1) * side, column * side : (column + 1) * side]
        assert (cell == coloured(values[unit : unit + 1], 0.0, 10.0)).all()


@pytest.mark.parametrize("count", [1, 7, 101, 1000, 4096, 9216, 25088, 100_000])
def test_a_dense_layer_of_any_size_keeps_its_room_and_every_unit(count):
    drawn = squares(np.ones(count), 0.0, 2.0, 824, 384)
    assert drawn.shape[1] <= 824
    assert drawn.shape[0] <= 384
    inked = int((drawn != rgb(style.PAPER)).any(-1).sum())
    assert inked % count == 0
    assert inked >= count


def test_a_dense_layer_has_a_page_of_its_own_kind(words, tidy):
    figure = feature_maps(PICTURE, np.ones(4096, dtype=np.float32), "fc6")
    assert words(figure)[:2] == ["Activity of fc6", "4096 units"]
    tidy(figure)


def test_wrong_shapes_limits_and_empty_outputs_are_told(words):
    with pytest.raises(InputFault, match="4 dimensions") as caught:
        feature_maps(PICTURE, np.zeros((1, 2, 3, 4), dtype=np.float32), "conv1")
    assert "batch" in caught.value.remedy
    with pytest.raises(InputFault, match="0 feature maps"):
        feature_maps(PICTURE, positive(3), "conv1", limit=0)
    with pytest.raises(InputFault, match="2 dimensions"):
        layer_overview(PICTURE, {"x": np.zeros((2, 3), dtype=np.float32)})
    with pytest.raises(InputFault, match="0 maps"):
        layer_overview(PICTURE, {"x": positive(3)}, each=0)
    assert "The layer's output is empty." in words(feature_maps(PICTURE, positive(0), "conv1"))
    assert "No layer was given." in words(layer_overview(PICTURE, {}))


@pytest.mark.parametrize("size", [(500, 375), (20, 1000), (1, 1), (0, 5)])
def test_pictures_of_any_shape_fit_their_place(tidy, size):
    picture = np.full((*size, 3), 90, dtype=np.uint8)
    tidy(feature_maps(picture, positive(6), "conv1"))


def test_the_order_of_strength_ignores_the_sign_and_numbers_that_are_none():
    maps = np.array([1.0, -5.0, np.nan, 3.0]).reshape(4, 1, 1)
    assert strongest(maps, 3) == [1, 3, 0]


def layers() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    return {
        "conv1": rng.normal(size=(12, 20, 20)).astype(np.float32),
        "a layer with a name of seventy characters or so, $x^2$, and a \n": positive(3, 7),
        "fc6": rng.normal(size=4096).astype(np.float32),
        "empty": positive(0),
        "fc8": rng.normal(size=10).astype(np.float32),
        "huge": rng.normal(size=120_000).astype(np.float32),
    }


def test_the_overview_has_a_row_for_each_layer_with_its_strongest_maps(pixels, words, find_block, tidy):
    every = layers()
    figure = layer_overview(PICTURE, every)
    tidy(figure)
    canvas = pixels(figure)
    said = words(figure)
    for text in ("input", "32 x 32 pixels", "conv1", "12 maps of 20 x 20", "fc6", "4096 units", "10 units"):
        assert text in said
    shown = every["conv1"][strongest(every["conv1"], 8)]
    places = [find_block(canvas, enlarged(coloured(one, *common_limits(shown)), 5)) for one in shown]
    assert len({y for y, _ in places}) == 1
    assert [x for _, x in places] == sorted(x for _, x in places)
    assert find_block(canvas, enlarged(PICTURE, 3))[0] < places[0][0]
