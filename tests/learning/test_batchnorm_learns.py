"""The sigmoid network learns the embedded digits, and far less of them in the same steps without normalisation."""

from __future__ import annotations

import epochal


def test_normalised_sigmoids_learn_the_digits_and_plain_ones_hardly() -> None:
    smoke = epochal.recipe("batchnorm", "smoke").replace(epochs=5.0, evaluate_epochs=5.0)
    with_ = epochal.train("batchnorm", recipe=smoke, workers=0, device="cpu").record()["results"]["top1"]
    plain = smoke.replace(batch_norm=False, population_batches=0)
    without = epochal.train("batchnorm", recipe=plain, workers=0, device="cpu").record()["results"]["top1"]
    assert with_ > 0.8
    assert without < 0.6
