from __future__ import annotations

import copy
from typing import Any

import pytest

from epochal.view.transfer import duration, transfer_chart


def row(way: str, tops: list[list[float]], against: float | None = None) -> dict[str, Any]:
    runs = [
        {"seed": seed, "evaluations": [{"seconds": 10.0 * n + seed, "top1": top} for n, top in enumerate(curve, 1)]}
        for seed, curve in enumerate(tops)
    ]
    found = {} if against is None else {"against_scratch": {"difference": against, "low": None, "high": None}}
    return {
        "way": way,
        "mean": tops[0][-1],
        "low": None,
        "high": None,
        "seconds": 42.0,
        "epochs": 10.0,
        "frozen": ["body"] if way == "frozen" else [],
        "trained_parameters": 1234,
        "runs": runs,
        **found,
    }


RECORD: dict[str, Any] = {
    "classes": ["a", "b", "c", "d"],
    "data": "imagefolder:photos",
    "train": 40,
    "held_out": 20,
    "seeds": [0],
    "command": "epochal finetune alexnet --weights w --data imagefolder:photos",
    "weights": {"source": "w", "run": {"seconds": 720.0}},
    "changed": {"all": ["lr=0.1"], "scratch": []},
    "rows": [row("fine-tuned", [[0.4, 0.7]], 0.25), row("frozen", [[0.5, 0.6]], 0.15), row("scratch", [[0.3, 0.45]])],
}


def test_words_neither_overlap_nor_leave_the_page(tidy) -> None:
    tidy(transfer_chart(RECORD))


def test_every_number_of_the_table_is_there(words) -> None:
    shown = words(transfer_chart(RECORD))
    for text in ("70.0 %", "60.0 %", "45.0 %", "+25.0", "42 s", "1,234", "10", "guessing"):
        assert text in shown, text
    together = " ".join(shown)
    assert "40 training and 20 held-out" in together
    assert "(12.0 min) is not counted" in together
    assert "Changed: lr=0.1." in together


def test_seeds_are_drawn_thin_and_their_mean_bold() -> None:
    record = copy.deepcopy(RECORD)
    record["rows"] = [row("fine-tuned", [[0.4, 0.7], [0.6, 0.9]])]
    record["seeds"] = [0, 1]
    axes = transfer_chart(record).axes[1]
    thin, other, bold, guessing = axes.get_lines()
    assert list(bold.get_ydata()) == pytest.approx([50, 80])
    assert list(bold.get_xdata()) == pytest.approx([10.5, 20.5])
    assert thin.get_linewidth() < bold.get_linewidth()
    assert list(other.get_ydata()) == pytest.approx([60, 90])
    assert list(guessing.get_ydata()) == pytest.approx([25, 25])


@pytest.mark.parametrize("evaluations", [[], [{"seconds": None, "top1": 0.5}], [{"seconds": 3.0, "top1": None}]])
def test_a_run_without_numbers_is_no_fault(evaluations: list[dict[str, Any]]) -> None:
    record = copy.deepcopy(RECORD)
    record["rows"] = [row("scratch", [[0.5]])]
    record["rows"][0]["runs"][0]["evaluations"] = evaluations
    transfer_chart(record)


@pytest.mark.parametrize(("seconds", "told"), [(3.21, "3.2 s"), (42.0, "42 s"), (150.0, "2.5 min"), (7200.0, "2.0 h")])
def test_a_duration_is_told_in_the_unit_that_people_take(seconds: float, told: str) -> None:
    assert duration(seconds) == told
