from __future__ import annotations

from pathlib import Path

import pytest

from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.verbs import catalogue


def make(parent: Path, stem: str = "run") -> Run:
    return Run.create(parent, stem, {"landmark": "alexnet", "recipe": {}})


def test_runs_go_where_the_environment_says_or_beside_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert catalogue.runs_folder() == tmp_path / "runs"
    monkeypatch.setenv("EPOCHAL_RUNS", "")
    assert catalogue.runs_folder() == Path("runs")


def test_a_run_is_found_by_its_path_its_name_or_as_the_latest(tmp_path: Path) -> None:
    first, last = make(tmp_path / "runs"), make(tmp_path / "runs")
    assert catalogue.find_run(first) is first
    assert catalogue.find_run(first.folder).folder == first.folder
    assert catalogue.find_run(str(first.folder)).folder == first.folder
    assert catalogue.find_run(first.name).folder == first.folder
    assert catalogue.find_run("latest").folder == last.folder


def test_the_latest_is_by_time_and_not_by_name(tmp_path: Path) -> None:
    make(tmp_path / "runs", "z")
    last = make(tmp_path / "runs", "a")
    assert catalogue.find_run("latest").folder == last.folder


def test_a_path_goes_before_a_name(tmp_path: Path) -> None:
    named = make(tmp_path / "runs")
    here = make(tmp_path / "elsewhere").folder.rename(tmp_path / named.name)
    assert catalogue.find_run(named.name).folder.resolve() == here


@pytest.mark.parametrize("name", ["nowhere", "", "..", "x" * 5000, "a\0b", "\x1b[2J"])
def test_what_is_no_run_is_refused(name: str, tmp_path: Path) -> None:
    make(tmp_path / "runs")
    with pytest.raises(InputFault) as caught:
        catalogue.find_run(name)
    assert "\x1b" not in str(caught.value)


def test_a_description_needs_no_more_than_a_record_has(tmp_path: Path) -> None:
    row = catalogue.describe(make(tmp_path))
    assert (row["landmark"], row["status"], row["seed"], row["results"]) == ("alexnet", "stopped", None, None)


def test_the_cards_come_in_the_order_of_their_papers() -> None:
    years = [card.year for card in catalogue.chronology()]
    assert years == sorted(years)
