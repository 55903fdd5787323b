"""The record of an experiment: enough to believe and to repeat it, and nothing of the machine's paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.lab.made import BETTER, ENVIRONMENT, FASTER, evaluations, experiment, made_run

import epochal
from epochal.core.claim import Claim, Tuning
from epochal.core.fault import DiskFault, InputFault
from epochal.lab import check as checking
from epochal.lab.conduct import measured
from epochal.lab.experiment import Experiment
from epochal.lab.jobs import Stock
from epochal.lab.report import made, provenance, write


def finished(one: Experiment, folder: Path, **changes: Any) -> None:
    """Make whatever the experiment lacks: tanh takes eight times as long, the second rate is the better one."""
    while jobs := one.next_jobs(Stock(folder)):
        for job in jobs:
            slow = 8 if job.recipe.activation == "tanh" else 1
            better = 0.1 * (job.recipe.lr == 0.2)
            rows = evaluations(*[0.5 + better] * slow * (job.seed % 7 + 1), 0.9 + better, every=1.0)
            made_run(folder, job, rows, top1=0.5 + better + 0.01 * job.seed % 0.1, **changes)


def recorded(one: Experiment, folder: Path) -> dict[str, Any]:
    stock = Stock(folder)
    return provenance(one, stock, measured(one, stock, device="cpu", offline=True))


@pytest.fixture
def plain(tmp_path: Path) -> Experiment:
    """An experiment whose arms are measured on their last evaluation."""
    return experiment(Claim(**{**{n: getattr(BETTER, n) for n in Claim.model_fields}, "arms": BETTER.arms[:2]}))


def test_a_record_has_every_run_with_seed_value_commit_time_and_curve(plain: Experiment, tmp_path: Path) -> None:
    finished(plain, tmp_path)
    record = recorded(plain, tmp_path)
    assert (record["landmark"], record["landmark_version"], record["data"]) == ("alexnet", 1, "digits")
    assert (record["seeds"], record["changed"], record["seconds_a_run"]) == ([0, 1], [], 30.0)
    assert record["command"] == "epochal check alexnet/better"
    assert record["commits"] == [ENVIRONMENT["commit"]]
    assert record["data_digest"] == "d" * 64
    assert [arm["arm"] for arm in record["arms"]] == ["base", "without"]
    for arm in record["arms"]:
        assert [run["seed"] for run in arm["runs"]] == [0, 1]
        for run in arm["runs"]:
            assert run["value"] == pytest.approx(100 * (1 - run["results"]["top1"]))
            assert run["commit"] == ENVIRONMENT["commit"]
            assert [row["epoch"] for row in run["evaluations"]] == [float(n) for n in range(1, run["seed"] + 3)]
            assert "seconds" not in run["evaluations"][0]
    assert record["arms"][1]["recipe"]["dropout"] is False
    (machine,) = record["hardware"]
    assert (machine["processor"], machine["threads"], machine["precision"]) == ("a processor", 1, "fp32")
    json.dumps(record, allow_nan=False)


def test_every_machine_that_took_part_is_listed_once(plain: Experiment, tmp_path: Path) -> None:
    first, *others = plain.next_jobs(Stock(tmp_path))
    made_run(tmp_path, first, environment={**ENVIRONMENT, "processor": "another", "commit": None})
    for job in others:
        made_run(tmp_path, job)
    record = recorded(plain, tmp_path)
    assert sorted(machine["processor"] for machine in record["hardware"]) == ["a processor", "another"]
    assert record["commits"] == [ENVIRONMENT["commit"]], "an installed package has none"


def test_no_path_of_the_machine_gets_into_a_record(plain: Experiment, tmp_path: Path) -> None:
    varied = plain.varied(data=f"imagefolder:{tmp_path / 'photos'}", seeds=None, overrides=["units=8"])
    finished(varied, tmp_path / "runs", device="cpu")
    record = recorded(varied, tmp_path / "runs")
    assert record["data"] == "imagefolder:photos"
    assert record["changed"] == ["units=8", "data=imagefolder:photos"]
    assert str(tmp_path) not in json.dumps(record)


def test_runs_that_learned_from_different_data_are_not_compared(plain: Experiment, tmp_path: Path) -> None:
    first, *others = plain.next_jobs(Stock(tmp_path))
    made_run(tmp_path, first, data_digest="e" * 64)
    for job in others:
        made_run(tmp_path, job)
    with pytest.raises(InputFault, match="different data under one name, digits") as caught:
        recorded(plain, tmp_path)
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("name", "told"),
    [("afile", "exists"), ("afile/deeper", "directory"), ("x" * 300, "too long"), ("a\0b", "null")],
    ids=["a file", "in a file", "too long", "NUL"],
)
def test_a_folder_that_cannot_be_is_refused(name: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "afile").write_text("mine")
    with pytest.raises(InputFault, match="results cannot be written") as caught:
        made(tmp_path / name)
    assert told in caught.value.what.lower()
    assert "--out" in caught.value.remedy
    assert (tmp_path / "afile").read_text() == "mine"


def test_a_record_is_written_whole_under_its_name(tmp_path: Path) -> None:
    path = write({"a": 1}, tmp_path / "new" / "folder", "name")
    assert path == tmp_path / "new" / "folder" / "name.json"
    assert json.loads(path.read_text()) == {"a": 1}
    (tmp_path / "new" / "folder" / "other.json").mkdir()
    with pytest.raises(DiskFault, match=r"other\.json"):
        write({"a": 1}, tmp_path / "new" / "folder", "other")


def test_a_claim_whose_runs_are_all_there_is_judged_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From runs made by hand to the verdict, the record and the picture: every number is known."""
    monkeypatch.setattr(checking, "claims", lambda landmark: (FASTER, BETTER))
    finished(experiment(FASTER), tmp_path / "runs")
    (planned,) = [plan for _, plan in epochal.plan_check("alexnet/faster", runs=tmp_path / "runs")]
    assert planned.finished == planned.trials + planned.runs == 10
    told: list[dict[str, Any]] = []
    (done,) = epochal.check(
        "alexnet/faster", runs=tmp_path / "runs", out=tmp_path / "out", device="cpu", report=told.append
    )
    assert told == [{"kind": "verdict", "claim": "faster", "answer": done.verdict.answer}]
    # From 0.6 to 1.0 after 1, 2, 3 epochs for the one and after 8, 16, 24 for the other.
    one, other = done.verdict.measured
    assert one.values == pytest.approx((1.375, 2.375, 3.375))
    assert other.values == pytest.approx((8.375, 16.375, 24.375))
    assert one.tuned == other.tuned == {"lr": 0.2}
    (finding,) = done.verdict.findings
    assert finding.estimate == pytest.approx((8.375 * 16.375 * 24.375 / (1.375 * 2.375 * 3.375)) ** (1 / 3))
    assert done.verdict.answer == "holds"
    record = json.loads(done.record.read_text())
    assert record["verdict"] == json.loads(done.verdict.model_dump_json())
    assert record["claim"]["reported"] == "6 times"
    assert [arm["tuned"] for arm in record["arms"]] == [{"lr": 0.2}] * 2
    assert str(tmp_path) not in done.record.read_text()
    assert done.record == tmp_path / "out" / "alexnet" / "claims" / "faster.json"
    assert done.picture.read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in done.record.parent.iterdir()) == ["faster.json", "faster.png"]


def test_an_unwritable_folder_is_told_before_anything_is_trained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "afile").write_text("mine")
    for call in (epochal.check, epochal.ablate):
        with pytest.raises(InputFault, match="results cannot be written"):
            call("alexnet", runs=tmp_path / "runs", out=tmp_path / "afile", device="cpu")
    assert not (tmp_path / "runs").exists()


def test_tuning_is_told_where_the_best_value_lies_at_the_edge(tmp_path: Path) -> None:
    finished(experiment(FASTER), tmp_path)
    assert all(arm["at_edge"] for arm in recorded(experiment(FASTER), tmp_path)["arms"])
    wider = Tuning(**{**FASTER.arms[0].tuning.model_dump(), "values": (0.1, 0.2, 0.3)})
    arms = tuple(arm.model_copy(update={"tuning": wider}) for arm in FASTER.arms)
    wide = experiment(Claim(**{**{n: getattr(FASTER, n) for n in Claim.model_fields}, "arms": arms}))
    finished(wide, tmp_path)
    assert not any(arm["at_edge"] for arm in recorded(wide, tmp_path)["arms"])
