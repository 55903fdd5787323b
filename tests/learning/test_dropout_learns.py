"""The smoke recipe solves its problem in seconds."""

from __future__ import annotations

import epochal


def test_the_smoke_recipe_tells_digits_apart() -> None:
    run = epochal.train("dropout", recipe="smoke", overrides=["epochs=8"], workers=0, device="cpu")
    assert run.record()["results"]["top1"] > 0.9
