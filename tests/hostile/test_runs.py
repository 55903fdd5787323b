"""Run folders that are damaged, of another kind, made to attack, moved, or in use: told, and nothing lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import pickle
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tests.cli.command import epochal_command, refused, trained_run
from tests.tiny import TINY

import epochal
from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.engine import checkpoint

TITLE = "\x1b]0;owned\x07"
NEWEST = "step-000000060"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_run(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    """A run of one's own to damage, with one checkpoint."""
    folder = Path(shutil.copytree(trained, tmp_path / "runs" / "run"))
    assert [path.name for path in (folder / "checkpoints").iterdir()] == [NEWEST]
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.new("RGB", (20, 20), (200, 3, 3)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


def rewrite(run: Path, **fields: Any) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, **fields}))


def unfinish(run: Path, **fields: Any) -> None:
    rewrite(run, status="interrupted", **fields)


def content(folder: Path) -> dict[str, str]:
    """Every file below a folder with the hash of its content; the lock is no content."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def questions(run: Path, picture: Path) -> Iterator[list[object]]:
    yield ["evaluate", run]
    yield ["predict", run, picture]
    yield ["look", run]


RECORDS = {
    "empty": b"",
    "not JSON": b"{status: running}",
    "other JSON": b'{"name": "left-pad", "version": "1.0.0"}',
    "binary": bytes(range(256)) * 10,
    "deep nesting": b'{"format":' * 50_000,
    "a hostile text": json.dumps(TITLE).encode(),
}


@pytest.mark.parametrize("written", RECORDS.values(), ids=RECORDS)
def test_a_damaged_record_is_told_by_every_command(run: Path, picture: Path, written: bytes) -> None:
    (run / "run.json").write_bytes(written)
    before = content(run)
    for words in [*questions(run, picture), ["resume", run]]:
        assert "run.json is damaged" in refused(*words)
    assert epochal_command("runs", "--json").json() == []
    assert content(run) == before


HOSTILE = {
    "another landmark": ({"landmark": "vgg"}, "no landmark is called 'vgg'"),
    "a path as landmark": ({"landmark": "../../etc"}, "no landmark"),
    "a module as landmark": ({"landmark": "alexnet.model"}, "no landmark"),
    "a hostile landmark": ({"landmark": TITLE}, "no landmark"),
    "a list as landmark": ({"landmark": []}, "damaged"),
    "a list as recipe": ({"recipe": [1]}, "damaged"),
    "a recipe with unknown settings": ({"recipe": {"lr": 0.1, "__class__": "os.system"}}, "no setting is called"),
    "a recipe with hostile settings": ({"recipe": {TITLE: 1}}, "no setting is called"),
    "units beyond all memory": ({"recipe": {**TINY.model_dump(mode="json"), "units": 10**12}}, "units cannot be"),
    "a layer beyond all memory": ({"recipe": {**TINY.model_dump(mode="json"), "units": 65536}}, "dense layer"),
    "maps beyond all memory": ({"recipe": {**TINY.model_dump(mode="json"), "maps": [10**12] * 5}}, "maps cannot be"),
    "a network of another size": ({"recipe": TINY.replace(units=17).model_dump(mode="json")}, "another network"),
    "another network": ({"recipe": TINY.replace(network="cifar").model_dump(mode="json")}, "another network"),
    "fewer classes": ({"classes": ["a", "b"]}, "another network"),
    "no classes": ({"classes": []}, "it has no classes"),
    "classes that are a text": ({"classes": "abcdefghij"}, "damaged"),
}


@pytest.mark.parametrize(("fields", "told"), HOSTILE.values(), ids=HOSTILE)
def test_a_record_made_to_attack_is_refused_and_costs_nothing(
    run: Path, picture: Path, fields: dict[str, Any], told: str
) -> None:
    rewrite(run, **fields)
    before = content(run)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for words in questions(run, picture):
        message = refused(*words)
        assert told in message
        assert len(message) < 2000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < 200 << 10, "in KiB"
    assert content(run) == before


UNRESUMABLE = {
    "no seed": ({"seed": None}, "damaged"),
    "a negative seed": ({"seed": -1}, "seed cannot be -1"),
    "a text as workers": ({"workers": "many"}, "damaged"),
    "too many workers": ({"workers": 10**9}, "workers cannot be"),
    "no micro-batches": ({"micro_batches": 0}, "micro_batches cannot be 0"),
    "too many threads": ({"environment": {"threads": 10**9}}, "threads cannot be"),
    "no threads": ({"environment": {}}, "threads cannot be None"),
    "a text as threads": ({"environment": {"threads": "2"}}, "threads cannot be 2"),
    "too many processes": ({"processes": 10**9}, "processes cannot be"),
    "a text as processes": ({"processes": "two"}, "processes cannot be two"),
    "more processes than here": ({"processes": 2}, "by 2 processes, and here are 1"),
    "columns that are a text": ({"column_devices": "cpu,cpu"}, "column_devices is no pair"),
    "columns on hostile devices": ({"column_devices": ["cpu", TITLE]}, "no device called"),
    "data that moved": ({"data": "imagefolder:/gone/for/good"}, "/gone/for/good does not exist"),
    "data that changed": ({"data_digest": "0" * 64}, "is not what the run"),
    "hostile data": ({"data": TITLE}, "no data set is called"),
    "an unknown device": ({"device": "abacus"}, "no device called"),
    "another landmark": ({"landmark": "vgg"}, "no landmark"),
    "another network": ({"recipe": TINY.replace(units=17).model_dump(mode="json")}, "another network"),
}


@pytest.mark.parametrize(("fields", "told"), UNRESUMABLE.values(), ids=UNRESUMABLE)
def test_a_run_that_cannot_go_on_says_why_and_keeps_its_checkpoint(
    run: Path, fields: dict[str, Any], told: str
) -> None:
    unfinish(run, **fields)
    before = content(run / "checkpoints")
    assert told in refused("resume", run)
    assert content(run / "checkpoints") == before


@pytest.mark.parametrize("field", ["data", "data_digest", "seed", "device", "save_steps", "environment"])
def test_a_record_that_lacks_a_field_is_damaged(run: Path, field: str) -> None:
    unfinish(run)
    record = json.loads((run / "run.json").read_text())
    del record[field]
    (run / "run.json").write_text(json.dumps(record))
    assert f"it has no {field}" in refused("resume", run)


def test_a_data_set_that_moved_can_be_put_back(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(10):
            colour = (250 * (name == "cat"), number, 90)
            Image.new("RGB", (18, 18), colour).save(tmp_path / "pets" / name / f"{number}.png")
    recipe, spec = TINY.replace(batch_size=4, epochs=1.0), f"imagefolder:{tmp_path / 'pets'}"
    run = epochal.train("alexnet", recipe=recipe, data=spec, workers=0, device="cpu")
    unfinish(run.folder)
    (tmp_path / "pets").rename(tmp_path / "moved")
    assert "does not exist" in refused("resume", run.folder)
    assert "does not exist" in refused("evaluate", run.folder)
    assert epochal_command("predict", run.folder, tmp_path / "moved" / "cat" / "0.png").code == 0, "needs no data"
    (tmp_path / "moved").rename(tmp_path / "pets")
    extra = tmp_path / "pets" / "cat" / "new.png"
    Image.new("RGB", (18, 18)).save(extra)
    assert "is not what the run" in refused("resume", run.folder)
    extra.unlink()
    assert epochal_command("resume", run.folder).code == 0


class Bomb:
    """What runs code when it is unpickled."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple:
        return (os.mkdir, (str(self.canary),))


def pickled(canary: Path) -> bytes:
    return pickle.dumps(Bomb(canary))


def zipped(canary: Path) -> bytes:
    path = canary.with_name("weights.pt")
    torch.save({"model.conv1.weight": Bomb(canary)}, path)
    return path.read_bytes()


def forge(run: Path, file: str, written: bytes) -> None:
    """Replace a file of the checkpoint, and make its manifest say that this is right."""
    folder = run / "checkpoints" / NEWEST
    (folder / file).write_bytes(written)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][file] = {"bytes": len(written), "sha256": hashlib.sha256(written).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("honest", [True, False], ids=["manifest left", "manifest forged"])
@pytest.mark.parametrize("file", ["state.safetensors", "state.json"])
@pytest.mark.parametrize("make", [pickled, zipped])
def test_a_pickle_in_the_place_of_weights_is_never_run(
    run: Path, picture: Path, tmp_path: Path, make: Any, file: str, honest: bool
) -> None:
    canary = tmp_path / "canary"
    written = make(canary)
    if honest:
        (run / "checkpoints" / NEWEST / file).write_bytes(written)
    else:
        forge(run, file, written)
    unfinish(run)
    for words in [*questions(run, picture), ["resume", run]]:
        assert "can be read" in refused(*words)
    assert not canary.exists()
    pickle.loads(written[written.index(b"\x80") :] if make is pickled else pickled(canary))
    assert canary.is_dir(), "the canary does sing when it is unpickled"


FORGED = {
    "an empty file": ("state.safetensors", b""),
    "a header beyond all memory": ("state.safetensors", (2**62).to_bytes(8, "little") + b"{}"),
    "no tensors": ("state.safetensors", (2).to_bytes(8, "little") + b"{}"),
    "no values": ("state.json", b"{}"),
    "values of other kinds": ("state.json", json.dumps({"loop.evaluation_due": [], "loop.metrics": 3}).encode()),
    "values that are a list": ("state.json", b"[]"),
    "values nested deeply": ("state.json", b"[" * 100_000),
}


@pytest.mark.parametrize(("file", "written"), FORGED.values(), ids=FORGED)
def test_a_forged_checkpoint_is_refused(run: Path, picture: Path, file: str, written: bytes) -> None:
    forge(run, file, written)
    unfinish(run)
    for words in [*questions(run, picture), ["resume", run]]:
        # What a question has no use for may be wrong; what the training needs may not.
        answer = epochal_command(*words)
        assert answer.code == 2 or (words[0] != "resume" and file == "state.json")


def test_a_run_without_a_checkpoint_says_so(run: Path, picture: Path) -> None:
    shutil.rmtree(run / "checkpoints")
    for words in questions(run, picture):
        assert "no checkpoint" in refused(*words)


def test_a_run_in_a_folder_that_cannot_be_written_to_can_be_asked(run: Path, picture: Path, tmp_path: Path) -> None:
    """What is only read needs no lock and makes no file."""
    before = content(run)
    assert epochal_command("predict", run, picture).code == 0
    assert epochal_command("evaluate", run).code == 0
    assert epochal_command("look", run, "filters", "--out", tmp_path / "filters.png").code == 0
    assert content(run) == before


def test_a_log_full_of_nonsense_is_still_drawn(run: Path) -> None:
    rows = ['{"kind": "step"}', '{"kind": "step", "step": "x", "loss": []}', "[" * 9999, '{"kind": 3, "step": 1e999}']
    rows += ['{"kind": "evaluation", "step": 5, "top1": NaN}', '{"kind": "step", "step": 7, "loss": Infinity}', "\x00"]
    with open(run / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write("\n".join(rows))
    answer = epochal_command("look", run, "curves")
    assert answer.code == 0, answer.err


def test_two_processes_cannot_train_one_run(run: Path) -> None:
    unfinish(run)
    before = content(run)
    with Run.open(run).held():
        assert "is being trained by another process" in refused("resume", run)
    assert content(run) == before
    assert epochal_command("resume", run).code == 0


def start(tmp_path: Path) -> subprocess.Popen[str]:
    """A training in a process of its own, once it has made its first steps."""
    words = [
        "train",
        "alexnet",
        "--recipe",
        "smoke",
        "--device",
        "cpu",
        "--workers",
        "0",
        "--runs",
        str(tmp_path / "runs"),
    ]
    for name in type(TINY).model_fields:
        words += ["--set", f"{name}={TINY.replace(epochs=15.0).written(name)}"]
    program = f"import sys, epochal.cli; sys.argv = {['epochal', *words]!r}; sys.exit(epochal.cli.main())"
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("step "):
            return process
    raise AssertionError("the training ended before its first step was told")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_saves_and_leaves_with_its_code_and_the_run_goes_on(tmp_path: Path, number: signal.Signals) -> None:
    process = start(tmp_path)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert out == ""
    assert "everything is saved" in err
    assert "Traceback" not in err
    (run,) = epochal.runs(tmp_path / "runs")
    assert f"to do: epochal resume {run.folder}" in err
    assert run.status() == "interrupted"
    (stopped,) = checkpoint.list_steps(run.checkpoints)
    assert 0 < stopped < 450
    if number == signal.SIGTERM:
        (Path(run.folder) / "metrics.jsonl").touch()
        rows = run.metrics()
        answer = epochal_command("resume", run.folder, "--json")
        assert answer.code == 0
        assert f"going on from step {stopped}" in answer.err
        assert run.metrics()[: len(rows)] == rows
        assert run.status() == "finished"


def test_a_second_process_is_refused_while_the_first_trains(tmp_path: Path) -> None:
    process = start(tmp_path)
    try:
        (run,) = epochal.runs(tmp_path / "runs")
        assert run.status() == "running"
        assert "another process" in refused("resume", run.folder)
        assert process.poll() is None, "the first is left alone"
    finally:
        process.kill()
        process.communicate()
    assert run.status() == "stopped"


def test_a_fault_of_the_public_api_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no run folder") as caught:
        epochal.evaluate(tmp_path / "nowhere")
    assert isinstance(caught.value, InputFault)
    with contextlib.suppress(epochal.Fault):
        epochal.predict(tmp_path, [])


@pytest.mark.parametrize("name", ["run.json", "metrics.jsonl", ".lock", "checkpoints", "figures"])
def test_a_run_whose_parts_are_links_is_refused_and_what_they_point_to_is_untouched(
    run: Path, tmp_path: Path, name: str
) -> None:
    outside = tmp_path / "outside"
    part = run / name
    if part.is_dir():
        part.rename(outside)
    else:
        outside.write_bytes(part.read_bytes() if part.exists() else b"precious")
        part.unlink(missing_ok=True)
    before = sorted(outside.rglob("*")) if outside.is_dir() else outside.read_bytes()
    part.symlink_to(outside)
    for act in (epochal.resume, epochal.evaluate):
        with pytest.raises(InputFault, match="is a link"):
            act(run)
    assert (sorted(outside.rglob("*")) if outside.is_dir() else outside.read_bytes()) == before


def test_a_pipe_in_the_place_of_the_lock_makes_nobody_wait(run: Path) -> None:
    (run / ".lock").unlink(missing_ok=True)
    os.mkfifo(run / ".lock")
    rewrite(run, status="running")
    assert run not in [one.folder for one in epochal.runs(run.parent)]


def test_a_run_of_another_version_of_its_landmark_is_not_resumed(run: Path) -> None:
    unfinish(run, landmark_version=99)
    with pytest.raises(InputFault, match="version 99"):
        epochal.resume(run)


def test_a_result_that_is_no_number_hides_no_other_run(run: Path, trained: Path) -> None:
    shutil.copytree(trained, run.parent / "good")
    rewrite(run, results={"top1": "abc"})
    assert [one.folder.name for one in epochal.runs(run.parent)] == ["good"]
