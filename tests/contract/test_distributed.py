"""Started by torchrun, a training stops on SIGTERM in all its processes and goes on to the same bits."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tests.processes import in_processes
from tests.tiny import TINIES, TINY, TOGETHER

import epochal
from epochal.core.fault import InputFault
from epochal.core.recipe import Recipe
from epochal.core.run import Run
from epochal.engine import checkpoint
from epochal.engine.supervised import Supervised

RECIPE = TINY.replace(epochs=12.0, evaluate_epochs=6.0)  # 360 steps
STARTED = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "epochal"]


def bits(run: Run) -> tuple[int, str]:
    loaded = checkpoint.load(run.checkpoints)
    values = {name: value for name, value in loaded.snapshot.values.items() if name != "loop.seconds"}
    return loaded.step, checkpoint.fingerprint(checkpoint.Snapshot(loaded.snapshot.tensors, values))


def train(name: str, recipe: Recipe, folder: str, workers: int = 0, memory: float | None = None) -> str:
    options = {"seed": 3, "workers": workers, "memory_gigabytes": memory, "device": "cpu", "runs": folder}
    return str(epochal.train(name, recipe=recipe, **options).folder)


def settings(recipe: Recipe) -> list[str]:
    return [word for name in type(recipe).model_fields for word in ("--set", f"{name}={recipe.written(name)}")]


def torchrun(*words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*STARTED, *words], text=True, env=environment, **pipes)


def logged(folder: Path) -> int:
    """The newest step that a training in a folder has logged; 0 before the first."""
    found = [re.findall(r'"step": (\d+),', log.read_text()) for log in folder.glob("*/metrics.jsonl")]
    return max((int(step) for steps in found for step in steps), default=0)


def test_a_training_that_torchrun_started_stops_on_sigterm_and_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    first, second = in_processes(2, train, "alexnet", RECIPE, str(tmp_path / "straight"))
    assert first.value == second.value, first.fault
    expected = bits(Run(Path(first.value)))

    words = ["train", "alexnet", "--recipe", "smoke", *settings(RECIPE), "--seed", "3"]
    process = torchrun(*words, "--workers", "0", "--device", "cpu", "--runs", str(tmp_path / "stopped"))
    while logged(tmp_path / "stopped") < 60:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1, "torchrun's own code; that of the processes is 143"
    assert out == ""
    assert err.count("everything is saved") == 1, "one of them speaks"
    (run,) = epochal.runs(tmp_path / "stopped")
    record = run.record()
    assert (record["status"], record["processes"], record["device"]) == ("interrupted", 2, "cpu")
    (stopped,) = checkpoint.list_steps(run.checkpoints)
    assert 60 <= stopped < 360
    states = checkpoint.load(run.checkpoints).snapshot.tensors
    assert not torch.equal(states["random.cpu"], states["random.1.cpu"])

    with pytest.raises(InputFault, match="by 2 processes, and here are 1") as caught:
        epochal.resume(run)
    assert f"torchrun --nproc_per_node 2 -m epochal resume {run.folder}" in caught.value.remedy

    process = torchrun("resume", str(run.folder))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert out.count("finished in") == 1
    assert err.count(f"going on from step {stopped}") == 1
    assert bits(run) == expected
    assert run.record()["stretches"][0]["processes"] == 2


@pytest.mark.parametrize("name", TOGETHER)
def test_processes_that_read_from_the_disk_with_workers_train_to_the_same_bits(name: str, tmp_path: Path) -> None:
    recipe = TINIES[name].replace(epochs=1.0)
    runs = [
        Run(Path(in_processes(2, train, name, recipe, str(tmp_path / kind), workers, memory)[0].value))
        for kind, workers, memory in (("memory", 0, None), ("disk", 1, 0.0))
    ]
    assert bits(runs[0]) == bits(runs[1])


@pytest.mark.parametrize("name", TOGETHER)
def test_a_run_of_one_process_can_go_on_in_two_and_of_two_in_one(name: str, tmp_path: Path) -> None:
    run = unfinished(name, tmp_path)
    before = bits(run)
    (refused, _) = in_processes(2, go_on, str(run.folder), None)
    assert refused.kind == "InputFault"
    assert "by 1 process, and here are 2" in refused.fault
    assert bits(run) == before
    done = in_processes(2, go_on, str(run.folder), 2)
    assert [one.fault for one in done] == ["", ""]
    assert (run.record()["processes"], run.status()) == (2, "finished")
    with pytest.raises(InputFault, match="finished"):
        epochal.resume(run)


def unfinished(name: str, folder: Path) -> Run:
    def stop(row: dict) -> None:
        if row.get("step") == 20:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(epochal.Fault, match="signal 15"):
        epochal.train(name, recipe=TINIES[name].replace(epochs=1.0), workers=0, device="cpu", runs=folder, report=stop)
    return epochal.runs(folder)[0]


def go_on(folder: str, processes: int | None) -> None:
    epochal.resume(folder, processes=processes)


def train_and_fail(folder: str) -> None:
    """The second process runs out of memory at the step 7."""
    whole = Supervised.step

    def step(self: Supervised, number: int, batch: object) -> dict:
        if number == 7 and not self.group.first:
            raise torch.OutOfMemoryError("Tried to allocate 12.00 GiB")
        return whole(self, number, batch)

    Supervised.step = step
    epochal.train("alexnet", recipe=TINY, workers=0, device="cpu", runs=folder, save_steps=5)


def test_a_process_that_fails_ends_the_run_with_its_reason_and_the_last_good_checkpoint(tmp_path: Path) -> None:
    first, second = in_processes(2, train_and_fail, str(tmp_path))
    assert (first.kind, second.kind) == ("PeerFault", "MemoryFault")
    assert first.exit_code == second.exit_code == 4
    (run,) = epochal.runs(tmp_path)
    assert run.status() == "failed"
    assert "process 1 of 2 failed: cpu ran out of memory" in run.record()["reason"]
    assert checkpoint.load(run.checkpoints).step == 5
