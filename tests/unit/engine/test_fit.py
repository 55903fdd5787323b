from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tests.unit.engine.toy import Toy

from epochal.core.fault import DiskFault, InputFault, Interrupted, MemoryFault, NonFiniteFault
from epochal.core.run import Run
from epochal.engine import checkpoint, random
from epochal.engine.fit import Pace, fit

CLOCKS = ("seconds", "steps_per_second")


def new_run(folder: Path, name: str = "toy") -> Run:
    return Run.create(folder, name, {"landmark": "toy", "recipe": {}})


def curve(run: Run) -> list[dict]:
    return [{name: value for name, value in row.items() if name not in CLOCKS} for row in run.metrics()]


def straight(folder: Path, pace: Pace) -> tuple[Run, Toy]:
    random.seed_everything(3)
    run, task = new_run(folder, "straight"), Toy()
    fit(task, run, pace)
    return run, task


@pytest.mark.parametrize("at", [0, 4, 9, 10, 18, 19, 28])
def test_a_signal_saves_within_one_step_and_the_resumed_run_is_the_uninterrupted_one(tmp_path: Path, at: int) -> None:
    pace = Pace(log_steps=3)
    reference, finished = straight(tmp_path, pace)

    random.seed_everything(3)
    run = new_run(tmp_path)
    with pytest.raises(Interrupted) as caught:
        fit(Toy(signal_at=at), run, pace)
    assert caught.value.exit_code == 128 + signal.SIGTERM
    assert run.status() == "interrupted"
    assert checkpoint.list_steps(run.checkpoints)[-1] == at + 1

    random.seed_everything(99)  # the generators come from the checkpoint, not from luck
    task = Toy()
    fit(task, run, pace)
    assert task.weight.equal(finished.weight)
    assert task.observed == finished.observed
    assert curve(run) == curve(reference)
    assert run.status() == "finished"


@pytest.mark.parametrize("at", [10, 30])
def test_a_signal_in_an_evaluation_breaks_it_off_and_the_resumed_run_makes_it(tmp_path: Path, at: int) -> None:
    pace = Pace(log_steps=3)
    reference, finished = straight(tmp_path, pace)
    random.seed_everything(3)
    run = new_run(tmp_path)
    with pytest.raises(Interrupted):
        fit(Toy(signal_at=at, in_evaluation=True), run, pace)
    task = Toy()
    fit(task, run, pace)
    assert task.evaluations[0] == 0, "the evaluation that was due comes before the next step"
    assert task.observed == finished.observed
    assert curve(run) == curve(reference)


def test_signals_are_back_to_what_they_were_afterwards(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    fit(Toy(), new_run(tmp_path))
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from epochal.engine.interrupt import stop_on_signals\n"
        "with stop_on_signals() as stop:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    assert stop\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "print('still here')\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert ended.returncode == 128 + signal.SIGTERM
    assert "still here" not in ended.stdout


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    task, run = Toy(), new_run(tmp_path)
    task.bad_at = 17
    with pytest.raises(NonFiniteFault, match="step 17"):
        fit(task, run, Pace(save_steps=5))
    assert run.status() == "failed"
    assert "step 17" in run.record()["reason"]
    assert checkpoint.load(run.checkpoints).step == 15


def test_a_full_disk_stops_the_run_and_keeps_the_last_good_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, write = new_run(tmp_path), checkpoint._write

    def full_after_ten(partial: Path, step: int, snapshot: checkpoint.Snapshot) -> None:
        if step > 10:
            raise OSError(28, "No space left on device")
        write(partial, step, snapshot)

    monkeypatch.setattr(checkpoint, "_write", full_after_ten)
    with pytest.raises(DiskFault):
        fit(Toy(), run, Pace(save_steps=5))
    assert run.status() == "failed"
    assert checkpoint.load(run.checkpoints).step == 10
    monkeypatch.undo()
    task = Toy()
    fit(task, run, Pace(save_steps=5))
    assert run.status() == "finished"


def test_running_out_of_memory_says_what_to_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(self: Toy, number: int, batch: int) -> dict:
        raise torch.OutOfMemoryError("Tried to allocate 12.00 GiB")

    monkeypatch.setattr(Toy, "step", greedy)
    with pytest.raises(MemoryFault, match=r"12\.00 GiB") as caught:
        fit(Toy(), new_run(tmp_path))
    assert caught.value.remedy == Toy.if_memory_runs_out


def test_two_processes_cannot_train_one_run(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with run.held(), pytest.raises(InputFault, match="another process"):
        fit(Toy(), run)


def test_a_damaged_newest_checkpoint_is_passed_over_and_the_end_is_the_same(tmp_path: Path) -> None:
    reference, finished = straight(tmp_path, Pace(save_steps=7))
    random.seed_everything(3)
    run = new_run(tmp_path)
    with pytest.raises(Interrupted):
        fit(Toy(signal_at=22), run, Pace(save_steps=7))
    newest = run.checkpoints / f"step-{checkpoint.list_steps(run.checkpoints)[-1]:09d}" / "state.safetensors"
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    notes: list[dict] = []
    task = Toy()
    fit(task, run, Pace(save_steps=7), notes.append)
    assert any("damaged" in row["text"] for row in notes if row["kind"] == "note")
    assert task.weight.equal(finished.weight)
    assert curve(run) == curve(reference)


def test_a_log_line_cut_short_by_a_crash_is_forgotten(tmp_path: Path) -> None:
    pace = Pace(log_steps=3)
    reference, _ = straight(tmp_path, pace)
    random.seed_everything(3)
    run = new_run(tmp_path)
    with pytest.raises(Interrupted):
        fit(Toy(signal_at=13), run, pace)
    with open(run.folder / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write('{"kind": "step", "step": 99, "loss": 1.0}\n{"kind": "st')
    fit(Toy(), run, pace)
    assert curve(run) == curve(reference)


def test_losses_are_read_only_when_they_are_logged(tmp_path: Path) -> None:
    reads: list[int] = []

    class Watched(Toy):
        def step(self, number: int, batch: int) -> dict[str, torch.Tensor]:
            return {"loss": _Counted(super().step(number, batch)["loss"], number, reads)}

    fit(Watched(), new_run(tmp_path), Pace(log_steps=10))
    assert reads == [9, 19, 29]


@pytest.mark.parametrize(("steps", "rows"), [(1, 1), (30, 30), (500, 50), (990, 53), (2000, 100)])
def test_a_short_training_has_rows_enough_for_a_curve(steps: int, rows: int, tmp_path: Path) -> None:
    run = new_run(tmp_path)
    fit(Toy(steps), run)
    assert len([row for row in run.metrics() if row["kind"] == "step"]) == rows


class _Counted(torch.Tensor):
    """A scalar that notes when it is used."""

    @staticmethod
    def __new__(cls, value: torch.Tensor, number: int, reads: list[int]) -> _Counted:
        tensor = value.as_subclass(cls)
        tensor.number, tensor.reads = number, reads
        return tensor

    def detach(self) -> torch.Tensor:
        self.reads.append(self.number)
        return self.as_subclass(torch.Tensor).detach()


def test_a_process_that_is_told_to_stop_exits_with_the_documented_code(tmp_path: Path) -> None:
    assert os.environ["EPOCHAL_RUNS"].startswith(str(tmp_path))
    fault = Interrupted(signal.SIGINT, "stopped", "resume")
    assert fault.exit_code == 130


def test_weights_that_an_update_made_infinite_are_not_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, step = new_run(tmp_path), Toy.step

    def overflowing(self: Toy, number: int, batch: int) -> dict[str, torch.Tensor]:
        losses = step(self, number, batch)
        if number == 12:
            self.weight[1] = float("inf")
        return losses

    monkeypatch.setattr(Toy, "step", overflowing)
    monkeypatch.setattr(Toy, "evaluate", lambda self: {"top1": 0.5})
    with pytest.raises(NonFiniteFault, match="weight"):
        fit(Toy(), run, Pace(save_steps=5))
    assert checkpoint.load(run.checkpoints).step == 10


def test_reading_a_run_does_not_disturb_its_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, write = new_run(tmp_path), checkpoint._write

    def looked_at(partial: Path, step: int, snapshot: checkpoint.Snapshot) -> None:
        if checkpoint.list_steps(run.checkpoints):
            assert checkpoint.load(run.checkpoints).step <= step
        write(partial, step, snapshot)
        assert run.status() == "running"

    monkeypatch.setattr(checkpoint, "_write", looked_at)
    fit(Toy(), run, Pace(save_steps=5))
    assert run.status() == "finished"


def test_what_resuming_changed_is_recorded_once_the_run_is_held(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with run.held(), pytest.raises(InputFault):
        fit(Toy(), run, started={"workers": 7})
    assert "workers" not in run.record()
    fit(Toy(), run, started={"workers": 7})
    assert run.record()["workers"] == 7
