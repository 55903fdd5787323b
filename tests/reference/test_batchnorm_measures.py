"""The wandering of percentiles, on logs small enough to reckon by hand."""

from __future__ import annotations

from typing import Any

import pytest

from epochal.core.fault import InputFault
from epochal.landmarks.batchnorm.measures import wandering


def signal(step: int, *units: list[float | None]) -> dict[str, Any]:
    return {"kind": "signal", "step": step, "layers": {"fc3": {"units": list(units)}}}


def test_it_is_the_range_of_the_percentiles_in_widths() -> None:
    log = [
        signal(0, [-100.0, 0.0, 100.0], [-100.0, 0.0, 100.0]),  # before the first step: does not count
        signal(10, [-1.0, 0.0, 1.0], [0.0, 1.0, 2.0]),
        {"kind": "evaluation", "step": 10},
        signal(20, [-1.0, 0.0, 1.0], [4.0, 5.0, 6.0]),
    ]
    assert wandering(log, "fc3") == (0.0 + 4.0 / 2.0) / 2


@pytest.mark.parametrize("layer", ["fc3", "fc9"])
def test_too_little_that_was_recorded_is_refused(layer: str) -> None:
    rows = [signal(0, [-1.0, 0.0, 1.0]), signal(10, [-1.0, 0.0, 1.0])]
    with pytest.raises(InputFault, match="recorded too little"):
        wandering(rows, layer)


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(InputFault, match="is not finite"):
        wandering([signal(10, [-1.0, 0.0, 1.0]), signal(20, [None, None, None])], "fc3")
