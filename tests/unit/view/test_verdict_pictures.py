"""The picture of a claim that was judged: which curves it shows, and what it calls them."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.figure import Figure

from epochal.view.verdict import verdict_picture


def record(metric: dict[str, Any], rows: list[dict[str, float]]) -> dict[str, Any]:
    """Of two arms, each with one seed that went through the same."""
    arms = [
        {"arm": name, "tuned": {}, "at_edge": False, "runs": [{"seed": 0, "value": 1.0, "evaluations": rows}]}
        for name in ("one", "other")
    ]
    told = {"says": "it is so", "source": "Section 1", "reported": "it was", "budget": "little"}
    finding = {"says": "one below other", "what": "other minus one", "estimate": 0.0, "low": None, "high": None}
    return {
        "claim": {**told, "metric": metric},
        "verdict": {
            "answer": "undecided",
            "measured": [{"arm": arm["arm"], "values": [1.0], "bounded": [False], "ran_away": [False]} for arm in arms],
            "findings": [{**finding, "answer": "undecided", "why": ""}],
        },
        "arms": arms,
        "command": "epochal check",
        "seeds": [0],
        "data": "digits",
        "changed": [],
    }


def words(figure: Figure) -> set[str]:
    return {text.get_text() for axes in figure.axes for text in axes.texts} | {t.get_text() for t in figure.texts}


EPOCHS = [{"epoch": epoch, "loss": 3.0 - epoch, "top1": 0.2 * epoch, "train_top1": 0.3 * epoch} for epoch in (1.0, 2.0)]
LOSSES = [{name: row[name] for name in ("epoch", "loss")} for row in EPOCHS]


@pytest.mark.parametrize(
    ("metric", "rows", "title", "numbers", "drawn"),
    [
        ({"kind": "error rate"}, EPOCHS, "Held-out error", "Held-out error at the end", [80.0, 60.0]),
        (
            {"kind": "error rate", "split": "train"},
            EPOCHS,
            "Training error, as pictures were shown",
            "Training error at the end",
            [70.0, 40.0],
        ),
        ({"kind": "measured", "name": "analogies, %"}, LOSSES, "Held-out loss", "Analogies, %", [2.0, 1.0]),
        ({"kind": "training time"}, LOSSES, "Held-out loss", "Training time, s", [2.0, 1.0]),
        ({"kind": "epochs to", "name": "top1", "level": 0.5}, EPOCHS, "Held-out error", "Epochs needed", [80.0, 60.0]),
    ],
)
def test_the_curves_are_those_of_what_the_training_evaluated(
    metric: dict[str, Any], rows: list[dict[str, float]], title: str, numbers: str, drawn: list[float]
) -> None:
    figure = verdict_picture(record(metric, rows))
    assert {title, numbers, "verdict: undecided"} <= words(figure)
    curves = [line.get_ydata() for axes in figure.axes for line in axes.lines]
    assert any(list(curve) == pytest.approx(drawn) for curve in curves if len(curve) == 2)


def test_arms_that_measure_the_same_runs_differently_have_one_curve() -> None:
    one = record({"kind": "error rate"}, EPOCHS)
    other = record({"kind": "error rate"}, EPOCHS)
    other["arms"][1]["runs"][0]["evaluations"] = [{**row, "top1": 0.5} for row in EPOCHS]
    for told, curves in ((one, 1), (other, 2)):
        figure = verdict_picture(told)
        drawn = [line for line in figure.axes[1].lines if len(line.get_xdata()) == 2]
        assert len(drawn) == 2 * curves, "each a pale one and the mean"
        assert ("the same runs" in words(figure)) == (curves == 1)
