from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests.tiny import TINY

import epochal
from epochal.core.fault import InputFault

SHORT = TINY.replace(epochs=0.1)


def weights(seed: int) -> list[torch.Tensor]:
    from epochal.engine import checkpoint

    run = epochal.train("alexnet", recipe=SHORT, seed=seed, workers=0, device="cpu")
    return list(checkpoint.load(run.checkpoints).snapshot.under("task.model").tensors.values())


def test_the_largest_seed_is_one_of_its_own() -> None:
    """A larger one would be cut to 64 bits: 2 ** 64 + 5 would be 5."""
    largest, other = weights(2**63 - 1), weights(0)
    assert not all(torch.equal(one, two) for one, two in zip(largest, other, strict=True))


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70])
def test_a_seed_outside_63_bits_is_refused(seed: int) -> None:
    with pytest.raises(InputFault, match="seed cannot be"):
        epochal.train("alexnet", recipe=SHORT, seed=seed)


def test_every_row_of_the_log_is_reported_as_it_is_written(tmp_path: Path) -> None:
    seen: list[dict] = []
    run = epochal.train("alexnet", recipe=SHORT, workers=0, device="cpu", report=seen.append)
    assert seen[0]["kind"] == "begin"
    assert seen[0]["run"] == str(run.folder)
    assert seen[1]["text"].startswith("the warm-up would take 30 steps, and there are 3")
    assert seen[2:] == run.metrics()


def test_the_beginning_tells_the_pictures_that_are_learned_from() -> None:
    seen: list[dict] = []
    recipe = SHORT.replace(pictures=20, batch_size=10)
    epochal.train("alexnet", recipe=recipe, workers=0, device="cpu", report=seen.append)
    assert seen[0]["size"] == "20 training and 355 held-out pictures"


def test_what_was_given_is_recorded() -> None:
    run = epochal.train(
        "alexnet", recipe=SHORT, overrides=["lr=0.25"], seed=9, workers=0, device="cpu", micro_batches=2, save_steps=3
    )
    record = run.record()
    assert record["recipe"] == SHORT.replace(lr=0.25).model_dump(mode="json")
    assert [record[name] for name in ("recipe_name", "seed", "workers", "device", "micro_batches", "save_steps")] == [
        *("custom+", 9, 0, "cpu", 2, 3)
    ]


def test_a_held_out_loss_that_is_no_number_is_a_failure_not_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    from epochal.core.fault import NonFiniteFault
    from epochal.engine.supervised import Supervised

    monkeypatch.setattr(Supervised, "evaluate", lambda self: {"top1": 0.5, "loss": float("nan")})
    with pytest.raises(NonFiniteFault, match="held-out loss"):
        epochal.train("alexnet", recipe=SHORT, workers=0, device="cpu")
    (run,) = epochal.runs()
    assert run.status() == "failed"
    assert "results" not in run.record()
