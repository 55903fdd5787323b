from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import pytest

from epochal.core import run as run_module
from epochal.core.fault import DiskFault, InputFault
from epochal.core.run import Run

RECORD = {"landmark": "alexnet", "recipe": {}}


def make(parent: Path, **fields: object) -> Run:
    return Run.create(parent, "some-run", {**RECORD, **fields})


def test_a_new_run_has_a_record(tmp_path: Path) -> None:
    run = make(tmp_path / "deep" / "runs", seed=3)
    record = run.record()
    assert (record["format"], record["status"], record["seed"]) == (1, "created", 3)
    assert run.name.startswith("some-run-")
    assert Run.open(run.folder).folder == run.folder
    assert Run.open(str(run.folder)).record() == record


def test_runs_made_in_one_second_get_folders_of_their_own_and_keep_their_order(tmp_path: Path) -> None:
    made = [make(tmp_path, seed=number) for number in range(15)]
    assert len({run.folder for run in made}) == 15
    assert [run.record()["seed"] for run in Run.all(tmp_path)] == list(range(15))


@pytest.mark.parametrize("stem", ["../../up", "a/b", "", ".hidden", "x" * 500, "\x1b]0;x\x07", "naïve run", "a\0b"])
def test_a_stem_becomes_a_plain_folder_name(tmp_path: Path, stem: str) -> None:
    run = Run.create(tmp_path, stem, RECORD)
    assert run.folder.parent == tmp_path
    assert run.name.isascii()
    assert run.name.isprintable()
    assert not run.name.startswith(".")
    assert len(run.name) < 120


def test_a_parent_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for parent in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/none"), tmp_path / ("x" * 300)):
        with pytest.raises(InputFault, match="no run folder can be made") as caught:
            make(parent)
        assert "EPOCHAL_RUNS" in caught.value.remedy
    assert (tmp_path / "file").read_text() == "mine"


def test_a_parent_that_may_not_be_written_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(InputFault, match="Permission denied"):
        make(tmp_path)


def test_a_full_disk_is_told_when_the_folder_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(DiskFault, match="no space left"):
        make(tmp_path)


@pytest.mark.parametrize("name", ["nowhere", "x" * 5000, "a\0b", "\x1b]0;x\x07"])
def test_a_folder_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputFault, match="there is no run folder") as caught:
        Run.open(tmp_path / name)
    assert "\x1b" not in str(caught.value)


def test_a_folder_without_a_record_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputFault, match=r"no run\.json"):
        Run.open(tmp_path)
    (tmp_path / "run.json").mkdir()
    with pytest.raises(InputFault, match=r"no run\.json"):
        Run.open(tmp_path)


GOOD = {"format": 1, "status": "finished", "created": "2026-01-01T00:00:00+00:00", **RECORD}
DAMAGED = {
    "empty": b"",
    "no JSON": b"not JSON at all",
    "cut short": json.dumps(GOOD).encode()[:-20],
    "binary": bytes(range(256)),
    "a list": b"[1, 2, 3]",
    "a number": b"1e999",
    "a long number": b"9" * 5000,
    "deep nesting": b"[" * 100_000,
    "another program's": b'{"name": "other", "version": 3}',
    **{f"no {name}": json.dumps({**GOOD, name: None} | {name: {}}).encode() for name in ("status", "created")},
    "a landmark that is a list": json.dumps({**GOOD, "landmark": ["alexnet"]}).encode(),
    "a recipe that is text": json.dumps({**GOOD, "recipe": "small"}).encode(),
    "results that are a list": json.dumps({**GOOD, "results": [1]}).encode(),
    "classes that are text": json.dumps({**GOOD, "classes": "abc"}).encode(),
    "seconds that are text": json.dumps({**GOOD, "seconds": "\x1b]0;x\x07" * 99}).encode(),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_record_is_told_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    good = make(tmp_path)
    folder = tmp_path / "damaged"
    folder.mkdir()
    (folder / "run.json").write_bytes(content)
    with pytest.raises(InputFault, match="is damaged") as caught:
        Run.open(folder)
    assert len(str(caught.value)) < 1000
    assert "\x1b" not in str(caught.value)
    assert (folder / "run.json").read_bytes() == content
    assert [run.folder for run in Run.all(tmp_path)] == [good.folder], "the others are still listed"


def test_a_record_of_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(json.dumps({**GOOD, "format": 2}))
    with pytest.raises(InputFault, match="has format 2"):
        Run.open(tmp_path)


def test_an_update_keeps_the_other_fields(tmp_path: Path) -> None:
    run = make(tmp_path, seed=3)
    run.update(status="finished", results={"top1": 0.5})
    record = run.record()
    assert (record["seed"], record["status"], record["results"]) == (3, "finished", {"top1": 0.5})


def test_a_record_may_hold_names_that_are_no_text(tmp_path: Path) -> None:
    """A folder's name is bytes; what is not UTF-8 comes as surrogates."""
    run = make(tmp_path, classes=["caf\udce9", "naïve", "\U0001f600"])
    assert run.record()["classes"] == ["caf\udce9", "naïve", "\U0001f600"]


def test_the_log_is_read_back(tmp_path: Path) -> None:
    run = make(tmp_path)
    assert run.metrics() == []
    for step in range(3):
        run.log({"kind": "step", "step": step})
    assert [row["step"] for row in run.metrics()] == [0, 1, 2]


def test_a_line_cut_short_and_lines_that_are_no_rows_are_left_out(tmp_path: Path) -> None:
    run = make(tmp_path)
    run.log({"step": 1})
    with open(run.folder / "metrics.jsonl", "ab") as file:
        file.write(b"[1]\n\xff\xfe\n" + b"[" * 100_000 + b'\n{"step": 2}\n{"step": 3, "lo')
    assert run.metrics() == [{"step": 1}, {"step": 2}]
    run.keep_rows(lambda row: row["step"] < 2)
    assert (run.folder / "metrics.jsonl").read_text() == '{"step": 1}\n'
    run.log({"step": 9})
    assert [row["step"] for row in run.metrics()] == [1, 9]


def test_a_log_that_cannot_be_read_or_written_is_told(tmp_path: Path) -> None:
    run = make(tmp_path)
    (run.folder / "metrics.jsonl").mkdir()
    with pytest.raises(InputFault, match=r"metrics\.jsonl cannot be read"):
        run.metrics()
    with pytest.raises(DiskFault, match="could not write"):
        run.log({"step": 1})


def test_a_run_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    run = make(tmp_path)
    assert not run.is_held()
    assert run.status() == "stopped"
    run.update(status="running")
    with run.held():
        assert run.is_held()
        assert run.status() == "running"
        # Another descriptor is to flock what another process is.
        with pytest.raises(InputFault, match="is being trained by another process"), run.held():
            pass
    assert not run.is_held()
    assert run.status() == "stopped"
    run.update(status="failed")
    assert run.status() == "failed"


def test_a_lock_that_is_in_the_way_is_told(tmp_path: Path) -> None:
    run = make(tmp_path)
    (run.folder / ".lock").mkdir()
    with pytest.raises(DiskFault, match="lock"), run.held():
        pass
    assert not run.is_held()


def test_a_lock_is_released_when_its_process_dies(tmp_path: Path) -> None:
    run = make(tmp_path)
    program = (
        "import fcntl, signal, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, 2); print(flush=True); signal.pause()"
    )
    with subprocess.Popen([sys.executable, "-c", program, run.folder / ".lock"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        assert run.is_held()
        child.kill()
    assert not run.is_held()


def test_the_module_has_one_list_of_statuses() -> None:
    assert set(run_module.STATUSES) == {"created", "running", "interrupted", "failed", "finished"}
