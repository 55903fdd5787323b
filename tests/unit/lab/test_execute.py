"""Doing jobs side by side, with processes that only play at training."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.tiny import TINY
from tests.unit.lab.made import made_run

from epochal.core.fault import Fault, InputFault, Interrupted
from epochal.engine import device as devices
from epochal.lab import execute as module
from epochal.lab.execute import Place, execute, places
from epochal.lab.jobs import Job, Stock

Play = Callable[[str], None]


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Play:
    """Says what a process does in the place of a worker; it knows its `order` and can `tell` a row."""
    script = tmp_path / "worker"
    head = (
        f"#!{sys.executable} -I\n"
        "import json, os, signal, sys, time\n"
        "def tell(**row): print(json.dumps(row), flush=True)\n"
        f"here = {str(tmp_path)!r}\n"
    )

    def written(body: str) -> None:
        script.write_text(head + body)
        script.chmod(0o755)

    monkeypatch.setattr(module.sys, "executable", str(script))
    return written


READ = "order = json.loads(sys.stdin.readline())\n"


def jobs(count: int) -> list[Job]:
    return [Job("alexnet", TINY, "digits", seed, f"seed {seed}") for seed in range(count)]


def done(count: int, folder: Path, at_once: int = 2, report: Callable[[dict], None] = lambda row: None) -> list[dict]:
    where = [Place("cpu", 1)] * at_once
    return execute(jobs(count), Stock(folder / "runs"), where, offline=True, report=report)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_job_is_given_to_a_process_with_all_it_needs(play: Play, tmp_path: Path) -> None:
    play(READ + "tell(kind='saw', openmp=os.environ['OMP_NUM_THREADS'], **order)")
    rows: list[dict[str, Any]] = []
    begun = made_run(tmp_path / "runs", jobs(2)[1], status="interrupted", results=None)
    place = Place("cpu", 3)
    failures = execute(jobs(2), Stock(tmp_path / "runs"), [place], offline=True, report=rows.append)
    assert failures == []
    saw = [row["row"] for row in rows if row["kind"] == "row"]
    assert [row["seed"] for row in saw] == [0, 1]
    assert [row["resume"] for row in saw] == [None, str(begun.folder)]
    for row in saw:
        assert row["recipe"] == TINY.model_dump(mode="json")
        assert (row["landmark"], row["data"], row["device"], row["offline"]) == ("alexnet", "digits", "cpu", True)
        assert row["runs"] == str(tmp_path / "runs")
        assert (row["threads"], row["openmp"]) == (3, "3")
    states = [(row["state"], row["label"], row["done"], row["total"]) for row in rows if row["kind"] == "job"]
    assert states == [
        ("begun", "seed 0", 0, 2),
        ("finished", "seed 0", 1, 2),
        ("begun", "seed 1", 1, 2),
        ("finished", "seed 1", 2, 2),
    ]


def test_as_many_work_at_a_time_as_there_are_places(play: Play, tmp_path: Path) -> None:
    play(
        READ + "mine = os.path.join(here, f'at-work-{order[\"seed\"]}')\n"
        "open(mine, 'w').close()\n"
        "time.sleep(0.05)\n"
        "tell(kind='beside', count=len([n for n in os.listdir(here) if n.startswith('at-work')]))\n"
        "os.remove(mine)\n"
    )
    rows: list[dict[str, Any]] = []
    done(6, tmp_path, at_once=2, report=rows.append)
    counts = [row["row"]["count"] for row in rows if row["kind"] == "row"]
    assert len(counts) == 6
    assert max(counts) <= 2
    assert done(1, tmp_path, at_once=5) == [], "more places than jobs"


def test_numbers_that_run_away_are_told_and_the_others_go_on(play: Play, tmp_path: Path) -> None:
    play(
        READ + "if order['seed'] == 1:\n"
        "    tell(kind='fault', what='step 3: bad', expected='finite', remedy='less')\n"
        "    sys.exit(3)\n"
        "tell(kind='done')\n"
    )
    states: list[dict[str, Any]] = []
    failures = done(3, tmp_path, report=states.append)
    assert [(one["label"], one["what"], one["remedy"]) for one in failures] == [("seed 1", "step 3: bad", "less")]
    ends = {row["label"]: row["state"] for row in states if row["kind"] == "job"}
    assert ends == {"seed 0": "finished", "seed 1": "ran away", "seed 2": "finished"}


# What a worker does, the exit code it gives the experiment, and what is told.
ENDS = {
    "refused": ("tell(kind='fault', what='no room', expected='room', remedy='make room')\nsys.exit(2)", 2, "no room"),
    "a disk that is full": ("tell(kind='fault', what='full', expected='', remedy='')\nsys.exit(5)", 5, "full"),
    "an error of ours": ("sys.exit(1)", 1, "its process ended with code 1"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", 1, "its process was killed by signal 9"),
    "a last word that is no row": ("print('{')\nprint('Killed')\nprint('[1]')\nsys.exit(7)", 7, "ended with code 7"),
}


@pytest.mark.parametrize(("body", "code", "told"), ENDS.values(), ids=ENDS)
def test_a_worker_that_fails_ends_the_experiment_with_its_reason_and_stops_the_others(
    body: str, code: int, told: str, play: Play, tmp_path: Path
) -> None:
    wait = "    tell(kind='at work', process=os.getpid())\n    time.sleep(120)\n"
    play(READ + f"if order['seed'] == 0:\n{wait}" + body)
    others: list[int] = []

    def report(row: dict[str, Any]) -> None:
        if row["kind"] == "row" and row["row"].get("kind") == "at work":
            others.append(row["row"]["process"])

    with pytest.raises(Fault) as caught:
        done(4, tmp_path, report=report)
    assert caught.value.exit_code == code
    assert caught.value.what.startswith("seed 1: ")
    assert told in caught.value.what
    assert caught.value.remedy
    assert not any(is_running(process) for process in others)


def test_a_worker_that_prints_what_is_no_text_is_listened_to(play: Play, tmp_path: Path) -> None:
    play(READ + r"sys.stdout.buffer.write(b'\xff\xfe\n\n'); sys.stdout.flush(); tell(kind='row')")
    rows: list[dict[str, Any]] = []
    assert done(1, tmp_path, report=rows.append) == []
    assert [row["row"] for row in rows if row["kind"] == "row"] == [{"kind": "row"}]


def test_a_worker_that_is_dead_before_it_hears_its_order_is_told(play: Play, tmp_path: Path) -> None:
    play("sys.exit(9)")
    with pytest.raises(Fault, match="seed 0: its process ended with code 9"):
        done(1, tmp_path, at_once=1)


def test_a_signal_asks_every_worker_to_save_and_waits_for_it(play: Play, tmp_path: Path) -> None:
    """Even while a worker tells more than can be listened to."""
    play(
        READ + "def save(*_):\n"
        "    time.sleep(0.1)\n"
        "    open(os.path.join(here, f'saved-{order[\"seed\"]}'), 'w').close()\n"
        "    os._exit(143)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "while True:\n    tell(kind='step')\n    time.sleep(0.005)\n"
    )
    heard: set[str] = set()

    def report(row: dict[str, Any]) -> None:
        if row["kind"] == "row":
            heard.add(row["label"])
            if len(heard) == 2:
                heard.add("stopped")
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted) as caught:
        done(4, tmp_path, report=report)
    assert caught.value.exit_code == 128 + signal.SIGTERM
    assert sorted(path.name for path in tmp_path.glob("saved-*")) == ["saved-0", "saved-1"]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL, "afterwards signals mean what they did"


def test_no_thread_and_no_process_is_left_behind(play: Play, tmp_path: Path) -> None:
    play(READ + "tell(kind='process', number=os.getpid())")
    rows: list[dict[str, Any]] = []
    before = threading.active_count()
    done(3, tmp_path, report=rows.append)
    assert not any(is_running(row["row"]["number"]) for row in rows if row["kind"] == "row")
    for thread in threading.enumerate()[before:]:
        thread.join(5)
    assert threading.active_count() <= before


def test_a_core_gets_a_training_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda process: set(range(8)))
    assert places("cpu", None) == [Place("cpu", 1)] * 8
    assert places("cpu", 2) == [Place("cpu", 4)] * 2
    assert places("cpu", 20) == [Place("cpu", 1)] * 20


def test_every_gpu_gets_a_training_and_one_that_is_named_gets_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.os, "sched_getaffinity", lambda process: set(range(8)))
    for place in (module.torch.cuda, devices.torch.cuda):
        monkeypatch.setattr(place, "is_available", lambda: True)
        monkeypatch.setattr(place, "device_count", lambda: 2)
    assert places("auto", None) == [Place("cuda:0", 4), Place("cuda:1", 4)]
    assert places("cuda", 3) == [Place("cuda:0", 2), Place("cuda:1", 2), Place("cuda:0", 2)]
    assert places("cuda:1", None) == [Place("cuda:1", 8)]
    with pytest.raises(InputFault, match="'cuda:2' is not on this machine"):
        places("cuda:2", None)
