"""Histograms of activities, and the curve of sampled nets: what they say is what was given."""

from __future__ import annotations

import numpy as np

from epochal.view.activities import activity_histograms
from epochal.view.sampled import sampled_error


def test_each_layer_has_a_row_with_its_mean_and_its_share_of_silent_units(words, tidy) -> None:
    sparse, full = np.zeros((40, 10), np.float32), np.full((40, 6), 2.0, np.float32)
    sparse[:10] = 4.0
    figure = activity_histograms({"relu1": sparse, "relu2": full})
    tidy(figure)
    told = words(figure)
    assert "relu1: means of 10 units" in told
    assert told.count("mean 1") == 1
    assert "75.0% silent" in told
    assert "mean 2" in told
    assert "0.0% silent" in told
    assert len(figure.axes) == 1 + 4


def test_values_that_are_not_finite_or_not_there_make_no_trouble(words, tidy) -> None:
    broken = np.array([[np.nan, 1.0], [np.inf, 0.0]], np.float32)
    tidy(activity_histograms({"relu1": broken}))
    assert "nothing to show" in words(activity_histograms({}))


def test_activities_below_zero_have_a_mean_and_no_silent_share(words) -> None:
    told = words(activity_histograms({"tanh1": np.array([[-1.0, 0.5]], np.float32)}))
    assert not any("silent" in text for text in told)


def test_the_curve_says_from_how_many_nets_on_the_average_is_as_good(words, tidy) -> None:
    figure = sampled_error([3.0, 2.0, 1.5, 1.2], scaled=1.5)
    tidy(figure)
    assert "held-out error; scaled weights 1.50 %, 4 nets 1.20 %" in words(figure)
    assert "3 nets are the first as good." in " ".join(words(figure))
    assert list(figure.axes[1].lines[0].get_ydata()) == [3.0, 2.0, 1.5, 1.2]


def test_a_difference_in_rounding_is_none(words) -> None:
    assert "2 nets are the first as good." in " ".join(words(sampled_error([3.0, 1.5 + 1e-9], scaled=1.5)))
    assert "One net is as good." in " ".join(words(sampled_error([1.5], scaled=1.5)))


def test_nets_that_never_get_there_are_said_not_to(words) -> None:
    assert "2 nets are not as good." in " ".join(words(sampled_error([3.0, 2.0], scaled=1.5)))
