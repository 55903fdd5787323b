"""Numbers in words."""

from __future__ import annotations

import pytest

from epochal.core.report import counted


@pytest.mark.parametrize(
    ("number", "told"), [(1, "1 row"), (0, "0 rows"), (12_000, "12,000 rows"), (1.0, "1 row"), (0.25, "0.25 rows")]
)
def test_one_is_one_and_all_else_is_several(number: float, told: str) -> None:
    assert counted(number, "row") == told
