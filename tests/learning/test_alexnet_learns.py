"""A small problem that a network of AlexNet's structure must solve in seconds."""

from __future__ import annotations

from tests.tiny import TINY

import epochal


def test_a_tiny_alexnet_learns_to_read_digits() -> None:
    recipe = TINY.replace(
        maps=(16, 32, 48, 48, 32), units=64, mirror=False, colour_noise=0.0, lrn=True, epochs=14.0, evaluate_epochs=14.0
    )
    run = epochal.train("alexnet", recipe=recipe, workers=0, device="cpu")
    assert run.record()["results"]["top1"] > 0.85
    losses = [row["loss"] for row in run.metrics() if row["kind"] == "step"]
    assert losses[-1] < 0.5 * losses[0]
