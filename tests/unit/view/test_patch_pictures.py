"""Pages of patches: each in its place, in the order of strength, enlarged evenly."""

import numpy as np
import pytest

from epochal.view import style
from epochal.view.mosaic import rgb
from epochal.view.patches import EACH, FEW, MANY, Layer, Patch, Unit, patch_overview, patch_page


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def unit(number: int, size: int = 7, note: str = "") -> Unit:
    return Unit(number, [Patch(noise(size, size, 100 * number + place)) for place in range(EACH)], note)


def layer(name: str, units: int, size: int = 7, count: int = FEW) -> Layer:
    return Layer(name, units, (size, size), [unit(number, size, "horse: 9 of 9") for number in range(count)])


def test_the_patches_of_a_unit_are_a_square_strongest_first(pixels, find_block, words, tidy):
    figure = patch_overview([layer("conv1", 48), layer("relu2", 96, size=3)], pictures=4000)
    tidy(figure)
    canvas = pixels(figure)
    places = [find_block(canvas, noise(7, 7, place).repeat(12, 0).repeat(12, 1)) for place in range(EACH)]
    assert places == sorted(places)
    rows, columns = ({place[axis] for place in places} for axis in (0, 1))
    assert len(rows) == len(columns) == 3
    said = words(figure)
    assert "among 4,000 held-out pictures" in said[1]
    for text in ("conv1", "48 units", "see 7 x 7 pixels", "unit 0", "horse: 9 of 9", "relu2", "see 3 x 3 pixels"):
        assert text in said


def test_a_patch_cut_off_by_the_border_keeps_its_place(pixels, find_block):
    patch = Patch(noise(4, 7), top=3)
    figure = patch_overview([Layer("conv1", 1, (7, 7), [Unit(0, [patch])])], pictures=1)
    canvas = pixels(figure)
    whole = np.concatenate([np.broadcast_to(rgb(style.HAIRLINE), (3, 7, 3)), noise(4, 7)])
    find_block(canvas, whole.repeat(12, 0).repeat(12, 1))


def test_large_patches_are_made_small_and_fill_their_place(pixels, tidy):
    for size in (50, 84, 163, 400):
        white = Patch(np.full((size, size, 3), 255, dtype=np.uint8))
        figure = patch_overview([Layer("conv5", 256, (size, size), [Unit(0, [white] * EACH)])], pictures=10)
        tidy(figure)
        inked = (pixels(figure)[:, 300:] == 255).all(-1).any(0)
        assert inked.sum() == 3 * 84


def test_a_layer_of_its_own_shows_more_units_and_says_how_many_are_silent(words, tidy):
    figure = patch_page(layer("conv3", 384, count=MANY + 5), pictures=4000, silent=7)
    tidy(figure)
    said = words(figure)
    assert said[0] == "What excites the units of conv3"
    assert f"{MANY} of 384 units; they see 7 x 7 pixels; 4,000 held-out pictures" in said
    assert f"unit {MANY - 1}" in said
    assert f"unit {MANY}" not in said
    assert "7 units answered to no picture." in " ".join(said)
    assert "One unit answered to no picture." in " ".join(words(patch_page(layer("a", 2, count=2), 9, silent=1)))


def test_nothing_to_show_is_said(words, tidy):
    assert "no layer whose units" in " ".join(words(patch_overview([], pictures=5)))
    assert "None of its 8 units" in " ".join(words(patch_page(Layer("relu1", 8, (3, 3), []), pictures=5)))
    figure = patch_overview([Layer("relu1", 8, (3, 3), []), layer("relu2", 9)], pictures=5)
    tidy(figure)
    assert "no unit ever answers" in words(figure)


@pytest.mark.parametrize("size", [(3, 11), (11, 3), (1, 1), (200, 20)])
def test_patches_of_any_shape_fit_their_place(tidy, size):
    patches = [Patch(np.zeros((*size, 3), dtype=np.uint8)), Patch(np.zeros((0, 0, 3), dtype=np.uint8))]
    tidy(patch_page(Layer("conv1", 2, size, [Unit(0, patches)]), pictures=2))


def test_fewer_pictures_than_nine_are_no_fault(tidy):
    tidy(patch_page(Layer("conv1", 2, (3, 3), [Unit(0, [Patch(noise(3, 3))]), unit(1, 3)]), pictures=1))


def test_hostile_names_are_shown_and_not_obeyed(tidy, words):
    name = "猫\x1b[31m$x^2$\n" + "long " * 40
    one = Unit(0, unit(0).patches, note=name)
    figure = patch_overview([Layer(name, 10**9, (7, 7), [one] * FEW)], pictures=10**9)
    tidy(figure)
    assert all("\n" not in text and "\x1b" not in text for text in words(figure))
