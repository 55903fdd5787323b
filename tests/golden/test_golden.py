"""A refactor leaves the losses as they were.

If they must change, `make golden` writes them and the card's version moves.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.golden.rewrite import STEPS, losses

from epochal.landmarks import CHRONOLOGY


@pytest.mark.parametrize("name", CHRONOLOGY)
def test_the_smoke_recipe_gives_its_golden_losses(name: str) -> None:
    golden = json.loads((Path(__file__).parent / f"{name}.json").read_text(encoding="utf-8"))
    assert len(golden) == STEPS
    # Processors round sums in different orders; a changed model, order or augmentation is far beyond this.
    assert losses(name) == pytest.approx(golden, rel=2e-4)
