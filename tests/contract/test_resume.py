"""Stopped and resumed is the same as never stopped, bit for bit, whatever the workers and wherever it stopped."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from tests.tiny import STOPS, TINIES, VARIANTS

import epochal
from epochal import landmarks as table
from epochal.core.fault import InputFault, Interrupted
from epochal.core.run import Run
from epochal.engine import checkpoint
from epochal.engine.checkpoint import fingerprint


def interrupted(name: str, folder: Path, at: int, **options) -> Run:
    """A run that gets SIGTERM while it logs a row of the step `at`, as a scheduler would send it."""

    def stop(row: dict) -> None:
        if row.get("step") == at:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        epochal.train(name, report=stop, runs=folder, **{"device": "cpu", **options})
    (run,) = epochal.runs(folder)
    return run


def bits(run: Run) -> tuple[int, str]:
    loaded = checkpoint.load(run.checkpoints)
    values = {name: value for name, value in loaded.snapshot.values.items() if name != "loop.seconds"}
    return loaded.step, fingerprint(checkpoint.Snapshot(loaded.snapshot.tensors, values))


@pytest.fixture(scope="module", params=table.CHRONOLOGY)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


CASES = [(name, variant, where) for name in table.CHRONOLOGY for variant in VARIANTS[name] for where in STOPS[name]]

_straight: dict[str, tuple[int, str]] = {}


def straight(name: str, folder: Path, key: str, **options) -> tuple[int, str]:
    """The bits of the uninterrupted run: one for all workers and all places to stop."""
    if f"{name} {key}" not in _straight:
        run = epochal.train(name, runs=folder, device="cpu", workers=0, **options)
        _straight[f"{name} {key}"] = bits(run)
    return _straight[f"{name} {key}"]


def decoding(name: str) -> tuple[int, ...]:
    """How many workers a landmark's runs are tried with: a text needs nobody to decode it."""
    return (0, 2) if epochal.landmark(name).learns_from == "pictures" else (0,)


@pytest.mark.parametrize(
    ("name", "variant", "where", "workers"), [(*case, workers) for case in CASES for workers in decoding(case[0])]
)
def test_a_resumed_run_has_the_bits_of_a_straight_one(
    tmp_path: Path, name: str, variant: str, where: str, workers: int
) -> None:
    recipe = TINIES[name].replace(epochs=1.5, **VARIANTS[name][variant])
    expected = straight(name, tmp_path / "straight", variant, recipe=recipe, seed=2)
    # Streamed from the source in every epoch, so that workers have something to do.
    at = STOPS[name][where]
    run = interrupted(name, tmp_path / "stopped", at, recipe=recipe, seed=2, workers=workers, memory_gigabytes=0.0)
    assert checkpoint.list_steps(run.checkpoints)[-1] == at
    done = epochal.resume(run, workers=decoding(name)[-1] - workers)
    assert bits(done) == expected


@pytest.mark.gpu
@pytest.mark.parametrize("name", [one for one in table.CHRONOLOGY if epochal.landmark(one).learns_from == "pictures"])
def test_a_run_resumed_on_a_gpu_has_the_bits_of_a_straight_one(tmp_path: Path, name: str) -> None:
    variant, at = next(reversed(VARIANTS[name].values())), STOPS[name]["mid-epoch"]
    options = {"recipe": TINIES[name].replace(epochs=1.5, **variant), "seed": 2, "workers": 0, "device": "cuda"}
    straight = epochal.train(name, runs=tmp_path / "straight", **options)
    assert straight.record()["device"].startswith("cuda")
    done = epochal.resume(interrupted(name, tmp_path / "stopped", at, **options), device="cuda")
    assert bits(done) == bits(straight)


def test_a_run_resumed_on_other_data_is_refused(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = interrupted(name, tmp_path, 20, recipe=TINIES[name], workers=0)
    run.update(data_digest="0" * 64)
    with pytest.raises(InputFault, match="not what the run"):
        epochal.resume(run)


def test_a_finished_run_is_not_resumed(name: str, tmp_path: Path) -> None:
    run = epochal.train(name, recipe=TINIES[name].replace(epochs=0.2), workers=0, device="cpu")
    with pytest.raises(InputFault, match="finished"):
        epochal.resume(run)
