from __future__ import annotations

import pytest

from epochal.core.fault import InputFault
from epochal.view.signal import SHOWN, signal_page


def row(step: int, layers: int, number: float | None = 1.0) -> dict:
    spread = [None if number is None else number * share for share in (-1.0, 0.1, 1.2, 0.9)]
    layer = {"forward": spread, "gradient": spread, "units": [spread[:3]] * 3}
    return {"kind": "signal", "step": step, "epoch": step / 10, "layers": {f"conv{at}": layer for at in range(layers)}}


def words(figure) -> str:
    return " ".join(text.get_text() for text in figure.axes[0].texts)


def test_every_layer_is_in_the_upper_pictures_and_some_are_followed_over_time() -> None:
    figure = signal_page([row(0, 20), row(10, 20, 2.0), {"kind": "step", "step": 3}])
    assert len(figure.axes) == 1 + 4 + 2 * SHOWN
    assert "20 layers; 2 recordings, the newest at epoch 1" in words(figure)
    assert f"{SHOWN} of the 20 layers" in words(figure)
    (_, newest) = figure.axes[2].lines
    assert list(newest.get_ydata()) == pytest.approx([1.8] * 20)


def test_a_single_recording_has_no_time() -> None:
    figure = signal_page([row(7, 3)], note="Taken now.")
    assert len(figure.axes) == 1 + 4
    assert "one recording" in words(figure)
    assert "Taken now." in words(figure)


def test_one_layer_is_shown_with_its_units() -> None:
    figure = signal_page([row(0, 3), row(5, 3)], layer="conv1")
    assert len(figure.axes) == 1 + 4 + 2 + 3
    assert words(figure).count("conv1, one unit") == 3
    with pytest.raises(InputFault, match="was not taken"):
        signal_page([row(0, 3)], layer="conv9")


def test_numbers_that_are_none_and_rows_that_are_damaged_are_left_out() -> None:
    broken = {**row(5, 3), "layers": {"conv0": None, "conv1": {"forward": "much"}, "conv2": {}}}
    figure = signal_page([row(0, 3, None), broken, row(10, 3)])
    figure.canvas.draw()
    assert "3 recordings" in words(figure)
    assert "Nothing was recorded" in words(signal_page([{"kind": "step"}]))


def test_a_band_that_shrinks_a_lot_is_drawn_in_decades() -> None:
    shrinking = signal_page([row(step, 1, 0.1**step) for step in range(8)])
    *_, gradient = shrinking.axes
    assert gradient.get_yscale() == "symlog"
    ticks = list(gradient.get_yticks())
    assert ticks == sorted(ticks) == [-tick for tick in reversed(ticks)]
    assert len(ticks) == 5
    steady = signal_page([row(step, 1, 1.0 + step) for step in range(8)])
    assert {axes.get_yscale() for axes in steady.axes[-2:]} == {"linear"}
