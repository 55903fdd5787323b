"""Training curves: the numbers of the rows, whatever state the rows are in."""

import math

import numpy as np
import pytest

from epochal.view import style
from epochal.view.curves import training_curves
from epochal.view.history import clock_of, read_curve, remarks, running_mean, summary
from epochal.view.mosaic import rgb


def history(steps: int = 400, evaluations: int = 10) -> list[dict]:
    rng = np.random.default_rng(0)
    rows: list[dict] = []
    for step in range(steps):
        loss = 2.3 * math.exp(-step / 100) + 0.1 * rng.random()
        row = {"kind": "step", "step": step, "epoch": step / 40, "loss": loss, "lr": 0.01 if step < 200 else 0.001}
        rows.append({**row, "gradient_norm": 1.0, "accuracy": 0.9 - loss / 4})
    for n in range(1, evaluations + 1):
        rows.append(
            {"kind": "evaluation", "step": 40 * n, "epoch": float(n), "top1": 0.5 + n / 50, "top5": 0.9, "loss": 1 / n}
        )
    return rows


def lines(figure, plot: int) -> list[np.ndarray]:
    """The points of the lines in the loss (1), accuracy (2) or learning-rate (3) plot."""
    return [line.get_xydata() for line in figure.axes[plot].lines]


def test_the_lines_are_the_rows(tidy):
    rows = history()
    figure = training_curves(rows)
    tidy(figure)
    raw, smooth, held_out = lines(figure, 1)
    assert np.allclose(raw, [[r["epoch"], r["loss"]] for r in rows if r["kind"] == "step"])
    assert np.allclose(held_out, [[n, 1 / n] for n in range(1, 11)])
    assert np.ptp(np.diff(smooth[:, 1])) < np.ptp(np.diff(raw[:, 1]))
    *_, top1, top5 = lines(figure, 2)
    assert np.allclose(top1[:, 1], [100 * (0.5 + n / 50) for n in range(1, 11)])
    assert np.allclose(top5[:, 1], 90)
    (rate,) = lines(figure, 3)
    assert set(rate[:, 1]) == {0.01, 0.001}


def test_error_is_the_other_side_of_accuracy_and_the_reference_turns_with_it(words):
    figure = training_curves(history(), reference=(0.847, "the paper: 84.7 % top-5"), show_error=True)
    *_, top1, _top5, reference = lines(figure, 2)
    assert np.allclose(top1[:, 1], [100 * (0.5 - n / 50) for n in range(1, 11)])
    assert np.allclose(reference[:, 1], 15.3)
    assert "Error" in words(figure)
    assert "Accuracy" not in words(figure)


def test_the_reference_line_is_inside_the_plot_and_has_its_label(words, tidy, pixels):
    rows = [{"kind": "evaluation", "step": n, "epoch": n, "top1": 0.2, "top5": 0.3} for n in range(5)]
    figure = training_curves(rows, reference=(0.847, "the paper: 84.7 % top-5"))
    low, high = figure.axes[2].get_ylim()
    assert low < 84.7 < high
    assert "the paper: 84.7 % top-5" in words(figure)
    tidy(figure)
    y = round(figure.bbox.height - figure.axes[2].transData.transform((0, 84.7))[1])
    dark = (pixels(figure)[y - 2 : y + 3, 990:1740] == rgb(style.INK)).all(-1)
    assert dark.any(0).sum() > 100  # the dots


@pytest.mark.parametrize(("top1", "is_above"), [(0.845, True), (0.855, False)])
def test_the_references_label_stands_where_it_covers_no_curve(top1: float, is_above: bool) -> None:
    rows = [{"kind": "evaluation", "step": n, "epoch": n, "top1": top1, "top5": 1.0} for n in range(9)]
    figure = training_curves(rows, reference=(0.85, "published"))
    (label,) = [text for axes in figure.axes for text in axes.texts if text.get_text() == "published"]
    line = figure.bbox.height - figure.axes[2].transData.transform((0, 85))[1]
    assert (label.get_position()[1] < line) == is_above


def test_a_logarithmic_loss_has_plain_numbers_beside_it(tidy):
    rows = history()
    for row in rows[:400]:
        row["loss"] = row["loss"] ** 4
    figure = training_curves(rows, log_loss=True)
    tidy(figure)
    assert figure.axes[1].get_yscale() == "log"
    labels = [text.get_text() for text in figure.axes[1].get_yticklabels()]
    assert all("$" not in text and "mathdefault" not in text for text in labels)
    assert len(labels) >= 3


@pytest.mark.parametrize(("low", "high"), [(2.0, 2.1), (0.3, 2.3), (1e-3, 2.0), (1e-9, 5.0), (2.0, 2.0)])
def test_a_logarithmic_axis_has_numbers_at_any_range(tidy, low, high):
    rows = [{"kind": "step", "step": n, "loss": low + (high - low) * n / 9} for n in range(10)]
    figure = training_curves(rows, log_loss=True)
    figure.canvas.draw()
    bottom, top = figure.axes[1].get_ylim()
    assert sum(bottom <= tick <= top for tick in figure.axes[1].get_yticks()) >= 1
    tidy(figure)


@pytest.mark.parametrize(
    "rows",
    [
        [{"kind": "evaluation", "step": 1, "top1": 0.5, "loss": 2.0}],
        [{"kind": "step", "step": 1, "loss": 2.0}],
        [{"kind": "step", "step": 0, "epoch": 0.0, "loss": 0.0, "lr": 0.0, "accuracy": 0.0}],
        [{"kind": "step", "step": 5, "lr": 0.1}],
        [{"kind": "step"}],
        [{"kind": "evaluation", "epoch": 1.0, "top1": float("nan"), "loss": float("inf")}],
        [{"kind": "step", "step": "x", "loss": None, "epoch": [], "lr": {}, "accuracy": True}],
        [{"kind": "step", "step": 10**400, "loss": 10**400}, {"kind": "step", "step": 2, "loss": 1e308}],
        [{"kind": "step", "step": n, "loss": -1.0 - n, "accuracy": 1.0} for n in range(3)],
        [{"kind": "evaluation", "step": 1, "top1": 7.0, "top5": -3.0}],
        [{"kind": "step", "step": n, "loss": 10.0**n} for n in range(90)],
        history(41, 0),
        history(0, 100),
    ],
)
@pytest.mark.parametrize("log_loss", [False, True])
def test_poor_rows_make_a_tidy_picture(tidy, rows, log_loss):
    tidy(training_curves(rows, log_loss=log_loss, reference=(0.847, "reference")))


def test_no_rows_make_a_picture_that_says_so(words, tidy):
    for rows in ([], [{"kind": "note", "step": 3}], [{}]):
        figure = training_curves(rows, title="alexnet")
        assert words(figure)[0] == "alexnet"
        assert any(text.startswith("No metrics yet") for text in words(figure))
        tidy(figure)


def test_what_was_not_recorded_is_named(words):
    assert words(training_curves([{"kind": "step", "step": 1, "loss": 2.0}])).count("not recorded") == 2


def test_a_nan_in_the_middle_leaves_the_other_points_and_a_remark(words):
    rows = history(20, 0)
    rows[7]["loss"] = float("nan")
    figure = training_curves(rows)
    assert len(lines(figure, 1)[0]) == 19
    assert "The training loss is not finite at step 7." in words(figure)


def test_time_is_the_epoch_only_where_all_rows_know_it():
    assert clock_of([{"epoch": 1.0}, {"epoch": 2}]) == "epoch"
    assert clock_of([{"epoch": 1.0}, {"step": 2}]) == "step"
    assert clock_of([{"epoch": float("nan")}]) == "step"


def test_rows_out_of_order_make_a_curve_in_order():
    rows = [{"step": 3, "loss": 1.0}, {"step": 1, "loss": 3.0}, {"step": 2, "loss": 2.0}]
    assert read_curve("x", rows, "step", "loss", style.INK).y.tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize("window", [1, 3, 7, 21])
def test_the_running_mean_is_the_mean_of_the_neighbours(window):
    y = np.random.default_rng(0).normal(size=50)
    slow = [y[max(0, n - window // 2) : n + window // 2 + 1].mean() for n in range(50)]
    assert np.allclose(running_mean(y, window), slow)


def test_the_running_mean_recovers_from_a_huge_value():
    y = np.ones(200)
    y[10] = 1e30
    assert np.allclose(running_mean(y, 11)[20:], 1.0)


def test_the_summary_tells_the_last_and_the_best():
    rows = [{"epoch": n, "top1": top1} for n, top1 in enumerate([0.1, 0.825, 0.81])]
    assert summary(rows, "epoch") == "held-out top-1 81.0 % at epoch 2, best 82.5 % at epoch 1"
    assert summary(rows[:2], "epoch") == "held-out top-1 82.5 % at epoch 1"
    assert summary([{"epoch": 1}], "epoch") == "no evaluation yet"


def test_smoothing_is_mentioned_only_where_it_is_done():
    few = read_curve("t", [{"step": n, "loss": 1.0} for n in range(40)], "step", "loss", style.INK, is_training=True)
    many = read_curve("t", [{"step": n, "loss": 1.0} for n in range(41)], "step", "loss", style.INK, is_training=True)
    assert "running mean" not in remarks([], [few])
    assert "running mean" in remarks([], [many])


def test_a_long_run_is_drawn_fully():
    rows = [{"kind": "step", "step": n, "loss": 1.0 + (n % 7) / 10, "lr": 0.1} for n in range(5_000)]
    figure = training_curves(rows)
    figure.canvas.draw()
    assert len(lines(figure, 1)[0]) == 5_000
