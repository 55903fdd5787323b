"""A small problem that a residual network must solve in seconds."""

from __future__ import annotations

from tests.tiny import TINY_RESNET

import epochal


def test_a_residual_network_of_eight_layers_learns_to_read_digits() -> None:
    recipe = TINY_RESNET.replace(mirror=False, colour_noise=0.0, epochs=6.0, evaluate_epochs=6.0)
    run = epochal.train("resnet", recipe=recipe, workers=0, device="cpu")
    assert run.record()["results"]["top1"] > 0.9
    losses = [row["loss"] for row in run.metrics() if row["kind"] == "step"]
    assert losses[-1] < 0.3 * losses[0]
