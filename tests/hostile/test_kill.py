"""Kill -9 at random moments: whatever moment it is, the run goes on to the same bits."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from pathlib import Path

import pytest
from tests.tiny import TINY

import epochal
from epochal.engine import checkpoint

KILLS = 32
RECIPE = TINY.replace(epochs=8.0)  # 240 steps


def _train(folder: str) -> None:
    epochal.train("alexnet", recipe=RECIPE, seed=5, workers=0, save_steps=1, device="cpu", runs=folder)


def _resume(run: str) -> None:
    epochal.resume(run)


@pytest.fixture(scope="module")
def launcher():
    """Processes that are forked from one that has torch loaded already, and start in milliseconds."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["tests.tiny", "epochal.verbs.train", "epochal.landmarks.alexnet.train", "sklearn.datasets"]
    )
    return context


def _steps(run: Path | None) -> int:
    return max(checkpoint.list_steps(run / "checkpoints"), default=0) if run else 0


def test_a_run_killed_thirty_times_ends_with_the_bits_of_one_that_was_not(launcher, tmp_path: Path) -> None:
    (tmp_path / "straight").mkdir()
    straight = epochal.train("alexnet", recipe=RECIPE, seed=5, workers=0, device="cpu", runs=tmp_path / "straight")
    expected = checkpoint.load(straight.checkpoints)

    chance = random.Random(11)
    folder = tmp_path / "killed"
    folder.mkdir()
    killed_at = []
    while len(killed_at) < KILLS:
        found = next((path.parent for path in folder.glob("*/run.json")), None)
        process = launcher.Process(target=_resume if found else _train, args=(str(found or folder),))
        process.start()
        # Let it make a few steps, then wait a random part of one: the blow falls in a step, a save or a rename.
        goal = _steps(found) + chance.randint(0, 6)
        while process.is_alive() and (_steps(found) < goal or found is None):
            process.join(0.001)
            found = found or next((path.parent for path in folder.glob("*/run.json")), None)
        process.join(chance.random() * 0.05)
        assert process.is_alive(), "the run ended before it could be killed"
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        assert found is not None
        killed_at.append(_steps(found))
        assert epochal.Run.open(found).status() == "stopped"
    assert killed_at[-1] > 30, "the kills came before the run got anywhere"

    run = epochal.resume(found)
    resumed = checkpoint.load(run.checkpoints)
    assert resumed.step == expected.step
    for name, tensor in expected.snapshot.tensors.items():
        assert tensor.equal(resumed.snapshot.tensors[name]), name
    assert _curve(run) == _curve(straight)


def _curve(run: epochal.Run) -> list[dict]:
    clocks = ("seconds", "steps_per_second")
    return [{name: value for name, value in row.items() if name not in clocks} for row in run.metrics()]


def test_a_killed_run_takes_its_workers_with_it(launcher, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    process = launcher.Process(target=_train_with_workers, args=(str(folder),))
    process.start()
    workers: list[int] = []
    while len(workers) < 2:
        assert process.is_alive()
        process.join(0.01)
        workers = _children(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    deadline = time.monotonic() + 20
    while any(_is_running(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        process.join(0.05)


def _train_with_workers(folder: str) -> None:
    recipe = TINY.replace(epochs=50.0)
    epochal.train("alexnet", recipe=recipe, workers=2, memory_gigabytes=0, device="cpu", runs=folder)


def _children(process: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == process:
            found.append(int(status.parent.name))
    return found


def _is_running(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
