"""The kernels on the page are the kernels of the layer, where the paper puts them."""

import numpy as np
import pytest

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.filters import filter_grid
from epochal.view.mosaic import rgb

GREY = 128  # (0 + 1) * 127.5, rounded to even


def kernels(count: int, channels: int = 3, size: int = 11) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, channels, size, size)).astype(np.float32)


def test_a_known_kernel_is_read_back_from_the_canvas(pixels, find_block):
    weights = np.zeros((1, 3, 2, 2), dtype=np.float32)
    weights[0, 0, 0, 0] = 0.5  # red at the upper left
    weights[0, :, 0, 1] = -0.5  # black at the upper right
    weights[0, 1, 1, 0] = 0.25  # half green at the lower left
    expected = np.array([[[255, GREY, GREY], [0, 0, 0]], [[GREY, 191, GREY], [GREY] * 3]], dtype=np.uint8)
    factor = 77 // 2
    y, x = find_block(pixels(filter_grid(weights)), expected.repeat(factor, 0).repeat(factor, 1))
    assert (y, x) > (0, 0)


def test_96_kernels_of_two_columns_make_two_blocks_of_4_by_12(pixels, find_block, panels_in, words, tidy):
    weights = kernels(96)
    figure = filter_grid(weights, columns=2)
    canvas = pixels(figure)
    tidy(figure)
    labels = ["column 1: kernels 0 to 47", "column 2: kernels 48 to 95"]
    assert [text for text in words(figure) if text.startswith("column")] == labels
    end = 0
    for column in range(2):
        top, left = find_block(canvas, drawn(weights[48 * column]))
        assert top > end
        end = top + 4 * 85 - 8
        for number in range(48):
            row, place = divmod(number, 12)
            y, x = top + row * 85, left + place * 85
            assert np.array_equal(canvas[y : y + 77, x : x + 77], drawn(weights[48 * column + number]))
        assert panels_in(canvas[top:end, left : left + 12 * 85 - 8]) == (4, 12)


def drawn(kernel: np.ndarray, factor: int = 7) -> np.ndarray:
    """A kernel as it must look, by the scaling written out again."""
    largest = max(abs(float(weight)) for weight in kernel.flatten())
    shown = np.round((kernel.astype(np.float64) / largest + 1) * 127.5).astype(np.uint8).transpose(1, 2, 0)
    return np.broadcast_to(shown, (*shown.shape[:2], 3)).repeat(factor, 0).repeat(factor, 1)


@pytest.mark.parametrize(
    ("count", "size", "shape"), [(1, 11, (1, 1)), (7, 3, (2, 3)), (32, 5, (4, 8)), (64, 5, (8, 8)), (96, 7, (8, 12))]
)
def test_every_kernel_has_a_panel(pixels, panels_in, tidy, count, size, shape):
    figure = filter_grid(kernels(count, size=size) + 1)
    canvas = pixels(figure)
    rows, columns = panels_in(block_area(canvas))
    assert rows * columns >= count
    assert count in (7,) or (rows, columns) == shape
    tidy(figure)


def block_area(canvas: np.ndarray) -> np.ndarray:
    """The part of the page below the heading and above the caption: between rows where much is inked."""
    inked = (canvas != rgb(style.PAPER)).any(-1)
    dense = np.flatnonzero(inked[140:].sum(1) >= 60) + 140
    last = dense[0]
    while last + 1 < len(canvas) and (inked[last + 1 : last + 10].sum(1) >= 60).any():
        last += 1
    return canvas[dense[0] : last + 1]


def test_scaling_hides_the_strength_of_a_kernel_and_the_caption_tells_it(words):
    weights = np.stack([np.full((3, 5, 5), 0.01), np.full((3, 5, 5), 2.0)]).astype(np.float32)
    assert "from 0.01 in the weakest kernel to 2 in the strongest" in " ".join(words(filter_grid(weights)))


def test_a_kernel_of_zeros_is_mid_grey(pixels, find_block):
    find_block(pixels(filter_grid(np.zeros((1, 3, 11, 11), dtype=np.float32))), np.full((77, 77, 3), GREY, np.uint8))


def test_weights_that_are_not_finite_stand_out_and_are_counted(pixels, words):
    weights = kernels(6)
    weights[2, 1, 3, 4] = np.nan
    weights[4, 0, 0, 0] = np.inf
    figure = filter_grid(weights)
    assert int((pixels(figure) == rgb(style.NOT_FINITE)).all(-1).sum()) == 2 * 7 * 7
    assert "2 kernels hold weights that are not finite" in " ".join(words(figure))


def test_one_input_channel_is_drawn_in_grey(pixels):
    canvas = block_area(pixels(filter_grid(kernels(16, 1, 5))))
    inked = canvas[(canvas != rgb(style.PAPER)).any(-1)]
    assert (inked == inked[:, :1]).all()


@pytest.mark.parametrize(("channels", "shown"), [(2, 2), (16, 16), (48, 16)])
def test_other_channels_get_panels_of_their_own_up_to_a_limit(
    pixels, find_block, panels_in, words, tidy, channels, shown
):
    weights = kernels(20, channels, 5)
    figure = filter_grid(weights)
    tidy(figure)
    canvas = pixels(figure)
    assert [text for text in words(figure) if text.startswith("kernel ")] == [f"kernel {n}" for n in range(16)]
    assert f"first 16 of 20 kernels and the first {shown} of {channels}" in " ".join(words(figure))

    def panel(kernel: int, channel: int) -> np.ndarray:
        """One channel, on the scale of all the kernel's channels that are shown."""
        seen = weights[kernel, :shown].astype(np.float64)
        grey = np.round((seen[channel] / np.abs(seen).max() + 1) * 127.5).astype(np.uint8)[..., None]
        return np.broadcast_to(grey, (5, 5, 3)).repeat(15, 0).repeat(15, 1)

    top, left = find_block(canvas, panel(0, 0))
    bottom, right = find_block(canvas, panel(15, shown - 1))
    assert panels_in(canvas[top : bottom + 75, left : right + 75]) == (16, shown)


def test_columns_that_do_not_divide_the_kernels_are_refused():
    with pytest.raises(InputFault, match="7 kernels cannot be divided among 2"):
        filter_grid(kernels(7), columns=2)
    with pytest.raises(InputFault, match="among 0"):
        filter_grid(kernels(7), columns=0)


def test_a_layer_without_kernels_says_so(words):
    assert "The layer has no kernels." in words(filter_grid(np.zeros((0, 3, 5, 5), dtype=np.float32)))
