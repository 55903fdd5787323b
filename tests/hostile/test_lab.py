"""The lab from end to end on a few tiny trainings: stopped, gone on with, asked again, and given what it cannot use."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.cli.command import Answer, epochal_command, refused

import epochal
from epochal.cli import lab as commands
from epochal.core.claim import Ablation, Arm, Claim
from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.engine import checkpoint
from epochal.lab import ablate as ablating
from epochal.landmarks.alexnet.recipe import AlexNetRecipe

CLAIM = "alexnet/overlap"
# 96 pictures of 16 pixels: 6 steps an epoch, 180 in all, a second of one core.
SETTINGS = [
    *("maps=4,4,4,4,4", "kernels=3,3", "units=8", "stored_size=16", "crop=16", "pictures=none", "lrn=false"),
    *("batch_size=16", "epochs=30", "evaluate_epochs=10", "drop_epochs=", "lr=0.02", "colour_noise=0"),
    "precision=fp32",
]
STEPS = 180


def changes(settings: list[str]) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


@dataclass(frozen=True)
class Story:
    """What happened: trained in part, stopped, finished, asked again.

    Attributes:
        folder: where everything is.
        words: the command's options.
        stopped: what the command said when it was stopped.
        between: how far each run had come then.
        finished: what the same command said when it was let alone.
        again: what it said a third time, as JSON.
        untouched: when the runs' records were last written before and after the third time.
    """

    folder: Path
    words: tuple[object, ...]
    stopped: Answer
    between: dict[str, tuple[str, int]]
    finished: Answer
    again: Answer
    untouched: tuple[dict[str, int], dict[str, int]]

    @property
    def runs(self) -> list[Run]:
        return epochal.runs(self.folder / "runs")

    @property
    def record(self) -> Path:
        return self.folder / "out" / "alexnet" / "claims" / "overlap.json"

    def value(self, arm: str, seed: int) -> dict[str, Any]:
        """What the record says of a run."""
        arms = {one["arm"]: one["runs"] for one in json.loads(self.record.read_text())["arms"]}
        return arms[arm][seed]


def base(arm: str) -> AlexNetRecipe:
    (claim,) = (claim for claim in epochal.claims("alexnet") if claim.name == "overlap")
    return next(one.recipe for one in claim.arms if one.name == arm).override(SETTINGS)


def pictures(folder: Path) -> Path:
    """Two classes that differ by their brightness."""
    generator = np.random.default_rng(0)
    for brightness, name in enumerate(("dark", "light")):
        for split, count in (("train", 48), ("val", 16)):
            (folder / "shades" / split / name).mkdir(parents=True)
            for number in range(count):
                pixels = generator.integers(0, 160, (16, 16, 3), dtype=np.uint8) + np.uint8(40 * brightness)
                Image.fromarray(pixels).save(folder / "shades" / split / name / f"{number}.png")
    return folder / "shades"


class Stopping(commands.LabProgress):
    """Sends the command the signal that a scheduler would send, as soon as some training is on its way."""

    sent = False

    def __call__(self, row: dict[str, Any]) -> None:
        super().__call__(row)
        if row["kind"] == "row" and row["row"]["kind"] == "step" and not Stopping.sent:
            Stopping.sent = True  # a second one would end this process
            os.kill(os.getpid(), signal.SIGTERM)


def written(runs: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in sorted(runs.glob("*/run.json"))}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("lab")
    data, runs = f"imagefolder:{pictures(folder)}", folder / "runs"
    words = ("--data", data, "--seeds", 2, "--jobs", 2, "--device", "cpu", "--runs", runs, "--out", folder / "out")
    words = (*words, *changes(SETTINGS))
    # All but one were trained before, by the command that everybody trains with.
    for arm, seed in (("AlexNet", 1), ("no overlap", 0), ("no overlap", 1)):
        epochal.train("alexnet", recipe=base(arm), data=data, seed=seed, workers=0, device="cpu", runs=runs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "LabProgress", Stopping)
        stopped = epochal_command("check", CLAIM, *words)
    between = {
        run.name: (run.status(), max(checkpoint.list_steps(run.checkpoints), default=0)) for run in epochal.runs(runs)
    }
    finished = epochal_command("check", CLAIM, *words)
    before = written(runs)
    again = epochal_command("check", CLAIM, *words, "--json")
    return Story(folder, words, stopped, between, finished, again, (before, written(runs)))


def test_stopped_in_the_midst_everything_is_saved(story: Story) -> None:
    assert story.stopped.code == 128 + signal.SIGTERM
    assert "every training is saved" in story.stopped.err
    assert "the same command goes on" in story.stopped.err
    assert "Traceback" not in story.stopped.err
    assert story.stopped.out == ""
    assert sorted(status for status, _ in story.between.values()) == ["finished"] * 3 + ["interrupted"]
    (step,) = (step for status, step in story.between.values() if status == "interrupted")
    assert 0 < step < STEPS


def test_the_same_command_goes_on_with_what_was_begun(story: Story) -> None:
    assert story.finished.code == 0, story.finished.err
    assert "Traceback" not in story.finished.err
    assert "1 of 1 runs done" in story.finished.err, "what was trained before is not done again"
    runs = story.runs
    assert {run.status() for run in runs} == {"finished"}
    assert len(runs) == 4, "what was begun was gone on with"
    assert set(story.between) == {run.name for run in runs}


def test_a_run_that_was_stopped_has_the_numbers_of_one_that_was_not(story: Story, tmp_path: Path) -> None:
    data = f"imagefolder:{story.folder / 'shades'}"
    recipe = base("AlexNet")
    straight = epochal.train("alexnet", recipe=recipe, data=data, seed=0, workers=0, device="cpu", runs=tmp_path)
    found = story.value("AlexNet", seed=0)
    assert found["results"] == straight.record()["results"]
    clocks = ("kind", "seconds")
    rows = [row for row in straight.metrics() if row["kind"] == "evaluation"]
    assert found["evaluations"] == [{name: v for name, v in row.items() if name not in clocks} for row in rows]
    assert len(rows) == 3


def test_the_verdict_is_told_with_every_number_and_where_it_lies(story: Story) -> None:
    text = story.finished.out
    assert any(text.strip().startswith(answer) for answer in ("HOLDS", "FAILS", "UNDECIDED"))
    assert "reported: top-1 and top-5 error lower by 0.4 and 0.3 points" in text
    for arm in ("AlexNet", "no overlap"):
        values = [story.value(arm, seed)["value"] for seed in (0, 1)]
        assert f"{arm}: {sum(values) / 2:.2f} ({values[0]:.2f}, {values[1]:.2f})" in text
    assert "95 %" in text
    assert str(story.record) in text.splitlines()
    picture = story.record.with_suffix(".png")
    assert str(picture) in text.splitlines()
    with Image.open(picture) as image:
        assert (image.format, image.width) == ("PNG", 1800)


def test_the_record_says_what_was_changed_and_holds_no_path_of_the_machine(story: Story) -> None:
    text = story.record.read_text()
    record = json.loads(text)
    assert record["changed"] == [*SETTINGS, "data=imagefolder:shades"]
    assert (record["data"], record["seeds"]) == ("imagefolder:shades", [0, 1])
    assert record["claim"]["data"] == "cifar10", "what was declared stays"
    for place in (story.folder, Path.home(), Path(epochal.__file__).parents[2]):
        assert str(place) not in text
    assert record["hardware"][0]["threads"] == 1
    assert len(record["data_digest"]) == 64


def test_asked_again_nothing_is_trained_and_the_answer_is_the_same(story: Story) -> None:
    assert story.again.code == 0
    assert "begun" not in story.again.err
    before, after = story.untouched
    assert before == after
    (answer,) = story.again.json()
    verdict = json.loads(story.record.read_text())["verdict"]
    assert (answer["claim"], answer["label"], answer["answer"]) == ("overlap", "S", verdict["answer"])
    assert answer["findings"] == verdict["findings"]
    assert answer["record"] == str(story.record)


def test_a_plan_counts_what_is_there(story: Story) -> None:
    words = [word for word in story.words if word not in ("--out", story.folder / "out", "--device", "cpu")]
    answer = epochal_command("check", CLAIM, *words, "--plan")
    assert answer.code == 0
    assert "4 runs, all finished: judging takes seconds" in answer.out
    assert "2 seeds would show a difference of" in answer.out


def test_ten_crops_are_measured_on_the_runs_that_are_there(story: Story) -> None:
    answer = epochal_command("check", "alexnet/crops", *story.words)
    assert answer.code == 0, answer.err
    assert "begun" not in answer.err
    record = json.loads((story.folder / "out" / "alexnet" / "claims" / "crops.json").read_text())
    ten, one = record["verdict"]["measured"]
    assert one["values"] == [story.value("AlexNet", seed)["value"] for seed in (0, 1)]
    kept = {run.record()["seed"]: run.record()["measured"] for run in story.runs if "measured" in run.record()}
    assert ten["values"] == [100 * (1 - kept[seed]["top1, 10 crops"]) for seed in (0, 1)]
    (run,) = (run for run in story.runs if run.record()["seed"] == 0 and "measured" in run.record())
    assert epochal.evaluate(run, crops=10, device="cpu")["top1"] == kept[0]["top1, 10 crops"]


def test_an_ablation_of_runs_that_are_there_is_a_table_and_a_chart(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    (claim,) = (claim for claim in epochal.claims("alexnet") if claim.name == "overlap")
    declared = Ablation(
        base=claim.arms[0],
        removals=(claim.arms[1],),
        additions=(),
        baselines=(Arm(name="flat too", recipe=claim.arms[1].recipe),),
        **{name: getattr(claim, name) for name in ("metric", "data", "seeds", "sd", "budget")},
    )
    monkeypatch.setattr(ablating, "ablation", lambda landmark: declared)
    answer = epochal_command("ablate", "alexnet", *story.words)
    assert answer.code == 0, answer.err
    assert "begun" not in answer.err
    record = json.loads((story.folder / "out" / "alexnet" / "ablation.json").read_text())
    rows = {row["arm"]: row for row in record["rows"]}
    assert [row["group"] for row in record["rows"]] == ["base", "removal", "baseline"]
    differences = [story.value("no overlap", s)["value"] - story.value("AlexNet", s)["value"] for s in (0, 1)]
    assert rows["no overlap"]["difference"] == pytest.approx(sum(differences) / 2)
    assert rows["no overlap"]["low"] <= rows["no overlap"]["difference"] <= rows["no overlap"]["high"]
    assert "difference" not in rows["AlexNet"]
    for row in record["rows"]:
        assert f"{row['mean']:.2f}" in answer.out
    assert str(story.folder) not in json.dumps(record)
    with Image.open(story.folder / "out" / "alexnet" / "ablation.png") as image:
        assert image.format == "PNG"


def test_numbers_that_run_away_are_told_with_step_and_layer(story: Story) -> None:
    settings = [one for one in SETTINGS if not one.startswith("lr=")] + ["lr=100", "warmup_epochs=0"]
    words = ["--data", f"imagefolder:{story.folder / 'shades'}", "--seeds", 1, "--jobs", 1, "--device", "cpu"]
    runs, out = story.folder / "away", story.folder / "nothing"
    message = refused("check", "alexnet/crops", *words, "--runs", runs, "--out", out, *changes(settings))
    assert "crops: ten crops, seed 0: step" in message
    assert "is not finite" in message
    assert "--set" in message
    assert "Traceback" not in message
    assert [run.status() for run in epochal.runs(runs)] == ["failed"]
    assert not list(out.rglob("*.json"))


# --- What cannot be used is refused before anything is trained.

REFUSED: dict[str, tuple[list[object], str]] = {
    "unknown landmark": (["check", "alexnett"], "nearest: alexnet"),
    "unknown claim": (["check", "alexnet/rellu"], "nearest: relu"),
    "hostile claim": (["check", "alexnet/\x1b]0;x\x07"], "no claim called"),
    "an empty claim": (["check", "alexnet/"], "no claim called ''"),
    "no seeds": (["check", CLAIM, "--seeds", 0], "seeds cannot be 0"),
    "negative seeds": (["ablate", "alexnet", "--seeds", -3], "seeds cannot be -3"),
    "seeds beyond all sense": (["check", CLAIM, "--seeds", 10**9], "from 1 to 1000"),
    "no jobs": (["check", CLAIM, "--jobs", 0], "--jobs"),
    "unknown setting": (["check", CLAIM, "--set", "lr_=1"], "nearest: lr"),
    "impossible value": (["ablate", "alexnet", "--set", "units=-1"], "units cannot be '-1'"),
    "a setting that is tuned": (["check", "alexnet/relu", "--set", "lr=1"], "it is tuned for each arm"),
    "a setting that makes the arms the same": (["check", "alexnet/lrn", "--set", "lrn=false"], "are the same"),
    "unknown device": (["check", CLAIM, "--device", "tpu9"], "auto, cpu, cuda"),
    "a file for the records": (["check", CLAIM, "--out", "afile"], "results cannot be written to afile"),
    "a file for an ablation": (["ablate", "alexnet", "--out", "afile/x"], "results cannot be written to afile"),
    "a file for the runs": (["check", CLAIM, "--runs", "afile", "--out", "out"], "afile is no folder"),
    "a file for a plan's runs": (["check", CLAIM, "--runs", "afile", "--plan"], "afile is no folder"),
}


@pytest.mark.parametrize(("words", "told"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_is_refused_before_anything_is_trained(
    words: list[object], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "afile").write_text("mine")
    monkeypatch.setattr("epochal.lab.execute.subprocess.Popen", None)  # nothing may be started
    message = refused(*words)
    assert told in message
    assert len(message) < 1500
    assert not (tmp_path / "runs").exists()
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_claim_beyond_reach_is_told_and_not_run(tmp_path: Path) -> None:
    answer = epochal_command("check", "alexnet/imagenet", "--out", tmp_path / "out")
    assert answer.code == 0
    assert "NOT MEASURED HERE  imagenet (X)" in answer.out
    (told,) = epochal_command("check", "alexnet/imagenet", "--json").json()
    assert (told["answer"], told["record"], told["findings"]) == ("not measured here", None, [])
    assert not (tmp_path / "runs").exists()
    assert "beyond reach here" in epochal_command("check", "alexnet/imagenet", "--plan").out


def test_more_pictures_than_there_are_is_refused_before_a_run_is_made(tmp_path: Path) -> None:
    """As when a claim about 10,000 pictures is checked on smaller data."""
    with pytest.raises(InputFault, match="pictures=10000 of digits, which has 1,442"):
        epochal.train("alexnet", recipe=base("AlexNet").replace(pictures=10_000), workers=0, device="cpu")
    assert not (tmp_path / "runs").exists()


# --- The command is killed.


def _check(folder: str) -> None:
    settings = [*SETTINGS, "epochs=3000"]
    options: dict[str, Any] = {"data": f"imagefolder:{folder}/shades", "seeds": 1, "at_once": 1, "device": "cpu"}
    epochal.check("alexnet/crops", overrides=settings, runs=f"{folder}/killed", out=f"{folder}/out", **options)


def _until(condition: Callable[[], Any], what: str, seconds: float = 200.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, what
        time.sleep(0.02)
    return found


def _processes() -> Iterator[tuple[int, int, str]]:
    """Every process's number, that of its parent, and its state."""
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        yield int(status.parent.name), int(parent), state


def _children(process: int) -> list[int]:
    return [child for child, parent, _ in _processes() if parent == process]


def _is_running(process: int) -> bool:
    return any(number == process and state != "Z" for number, _, state in _processes())


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the list of processes from /proc")
def test_when_the_command_is_killed_its_trainings_save_and_end_soon(story: Story) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.tiny", "epochal.verbs.train", "epochal.landmarks.alexnet.train"])
    command = context.Process(target=_check, args=(str(story.folder),))
    command.start()
    runs = story.folder / "killed"

    def logged() -> list[Path]:
        return [path for path in runs.glob("*/metrics.jsonl") if path.stat().st_size]

    _until(lambda: logged() or not command.is_alive(), "no training began")
    workers = _children(command.pid)
    assert len(workers) == 1
    os.kill(command.pid, signal.SIGKILL)
    command.join()
    _until(lambda: not _is_running(workers[0]), "a training outlived the command")
    (run,) = epochal.runs(runs)
    assert run.status() == "interrupted"
    assert checkpoint.load(run.checkpoints).step > 0


def test_every_claim_of_the_papers_is_offered() -> None:
    """What `check alexnet` goes through, so that a claim cannot be lost on the way."""
    claims: tuple[Claim, ...] = epochal.claims("alexnet")
    text = epochal_command("check", "alexnet", "--plan").out
    for claim in claims:
        assert f"{claim.name} ({claim.label}): {claim.says}" in text
        assert claim.reported in text
