"""Every command, done right: its result for people and for programs."""

from __future__ import annotations

import json
import shutil
import tarfile
from pathlib import Path

import pytest
from PIL import Image
from tests.cli.command import Answer, epochal_command, refused

import epochal
from epochal.verbs.look import views


def succeeded(*words: object, stdin: bytes = b"") -> Answer:
    answer = epochal_command(*words, stdin=stdin)
    assert answer.code == 0, answer.err
    return answer


def told(*words: object, stdin: bytes = b"") -> object:
    """What a command answers with --json; nothing else may be on standard output."""
    return succeeded(*words, "--json", stdin=stdin).json()


def is_png(path: str | Path) -> bool:
    with Image.open(path) as picture:
        return picture.format == "PNG"


def test_list_shows_every_landmark() -> None:
    cards = told("list")
    assert [card["name"] for card in cards] == [card.name for card in epochal.chronology()]
    text = succeeded("list").out
    assert "alexnet" in text
    assert "2012" in text


def test_show_has_the_exact_parameter_counts() -> None:
    card = told("show", "alexnet")
    assert card["presets"] == {"paper": 60_965_224, "source": 60_965_224, "torchvision": 61_100_840}
    assert set(card["recipes"]) == set(epochal.recipes("alexnet"))
    assert card["recipes"]["paper"]["lr"] == 0.01
    assert {row["name"] for row in card["settings"]} == set(card["recipes"]["paper"])
    assert all(deviation["instead"] for deviation in card["deviations"])


def test_show_tells_people_everything() -> None:
    card = epochal.landmark("alexnet")
    text = succeeded("show", "alexnet").out
    for piece in (card.idea, card.paper.url, "60,965,224", "61,100,840", "--set", "--recipe"):
        assert piece in text
    for recipe, found in epochal.recipes("alexnet").items():
        assert recipe in text
        for setting in found.settings():
            assert setting["meaning"] in text
    assert not [line for line in text.splitlines() if line != line.rstrip()]


@pytest.mark.parametrize("width", [80, 120])
def test_show_fits_a_terminal_without_breaking_names(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The widest table once broke every word at 80 columns."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "dumb")
    text = epochal_command("show", "alexnet", terminal=True).out
    tables = text.partition("Where implementations")[2]
    assert max(map(len, tables.splitlines())) <= width
    for row in epochal.recipe("alexnet").settings():
        lines = [line for line in tables.splitlines() if line.startswith(f"{row['name']} ")]
        assert len(lines) == 2, "once with its meaning, once with its values"


def test_train_prints_its_result_on_standard_output_and_its_progress_on_standard_error() -> None:
    answer = succeeded("train", "alexnet", "--recipe", "smoke", "--device", "cpu", "--seed", 3, "--json")
    result = answer.json()
    record = json.loads((Path(result["run"]) / "run.json").read_text())
    assert (record["status"], record["seed"], record["recipe_name"]) == ("finished", 3, "smoke")
    assert result["top1"] == record["results"]["top1"]
    assert "1,442 training and 355 held-out pictures" in answer.err
    assert "epoch   2.00" in answer.err
    assert "\x1b" not in answer.err, "no bar where no terminal is"


def test_train_takes_settings_and_a_folder_for_its_runs(tmp_path: Path) -> None:
    words = ["--set", "epochs=0.5", "--set", "maps=8,8,4,4,4", "--set", "columns=1", "--save-every", 5, "--workers", 0]
    answer = succeeded("train", "alexnet", "--recipe", "smoke", *words, "--runs", tmp_path / "mine")
    (run,) = (tmp_path / "mine").iterdir()
    assert str(run) in answer.out.splitlines()
    record = json.loads((run / "run.json").read_text())
    assert record["recipe"]["maps"] == [8, 8, 4, 4, 4]
    assert record["recipe"]["columns"] == 1
    assert record["recipe_name"] == "smoke+"
    assert record["save_steps"] == 5


def test_a_folder_of_pictures_is_trained_on_and_found_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, colour in (("cat", (200, 30, 30)), ("dog", (30, 30, 200))):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (20, 20 + number), colour).save(tmp_path / "pets" / name / f"{number}.png")
    words = ["--data", "imagefolder:pets", "--set", "batch_size=4", "--set", "epochs=1", "--workers", 0]
    run = told("train", "alexnet", "--recipe", "smoke", *words)["run"]
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert told("evaluate", run)["pictures"] == 4
    assert told("evaluate", run, "--split", "train")["pictures"] == 16
    assert {row["name"] for row in told("predict", run, tmp_path / "pets" / "cat" / "0.png")[0]["classes"]} == {
        "cat",
        "dog",
    }


def test_a_stopped_run_is_resumed_to_its_end(own_run: Path) -> None:
    record = json.loads((own_run / "run.json").read_text())
    (own_run / "run.json").write_text(json.dumps({**record, "status": "running", "results": None}))
    assert told("runs")[0]["status"] == "stopped"
    answer = succeeded("resume", own_run.name, "--json")
    assert answer.json()["top1"] == record["results"]["top1"]
    assert "going on from step 60" in answer.err
    assert told("runs")[0]["status"] == "finished"
    assert "is finished" in refused("resume", "latest")


def test_runs_lists_what_is_there(own_run: Path) -> None:
    (row,) = told("runs")
    assert (row["run"], row["status"], row["landmark"]) == (str(own_run), "finished", "alexnet")
    text = succeeded("runs").out
    assert own_run.name in text
    assert told("runs", "--runs", own_run.parent) == [row]


def test_no_runs_is_no_error(tmp_path: Path) -> None:
    assert told("runs") == []
    assert "epochal train alexnet" in succeeded("runs").out


@pytest.mark.parametrize("crops", [1, 10])
def test_evaluate_measures(trained: Path, crops: int) -> None:
    result = told("evaluate", trained, "--crops", crops, "--device", "cpu")
    assert (result["pictures"], result["crops"], result["split"]) == (355, crops, "held-out")
    assert 0 <= result["top1"] <= result["top5"] <= 1
    if crops == 1:
        record = json.loads((trained / "run.json").read_text())
        assert result["top1"] == record["results"]["top1"]
    text = succeeded("evaluate", trained, "--crops", crops).out
    assert f"top-1 {result['top1']:.2%}" in text
    assert "355 pictures" in text


def test_predict_answers_for_files_folders_and_patterns(trained: Path, photos: Path) -> None:
    one = told("predict", trained, photos / "0.png", "--top", 3)
    assert [p["source"] for p in one] == [str(photos / "0.png")]
    shares = [row["probability"] for row in one[0]["classes"]]
    assert len(shares) == 3
    assert shares == sorted(shares, reverse=True)
    folder = told("predict", trained, photos)
    assert [Path(p["source"]).name for p in folder] == ["0.png", "1.png", "2.png"], "the text file is no picture"
    assert told("predict", trained, photos / "*.png") == folder
    assert told("predict", trained, photos / "0.png", photos / "[12].png") == folder
    assert folder[0]["classes"][:3] == one[0]["classes"]
    text = succeeded("predict", trained, photos, "--crops", 10).out
    assert text.count("%") == 15


def test_predict_reads_a_picture_or_paths_from_standard_input(trained: Path, photos: Path) -> None:
    (expected,) = told("predict", trained, photos / "1.png")
    (bytes_given,) = told("predict", trained, "-", stdin=(photos / "1.png").read_bytes())
    assert bytes_given == {**expected, "source": "-"}
    paths = f"{photos / '1.png'}\n\n  {photos / '2.png'}\r\n".encode()
    assert [p["source"] for p in told("predict", trained, "-", stdin=paths)] == [
        str(photos / "1.png"),
        str(photos / "2.png"),
    ]


def test_predict_answers_for_the_others_when_one_cannot_be_read(trained: Path, photos: Path) -> None:
    (photos / "1.png").write_bytes((photos / "1.png").read_bytes()[:40])
    answer = epochal_command("predict", trained, photos, photos / "notes.txt", "--json")
    assert answer.code == 2
    found = answer.json()
    assert [bool(p["classes"]) for p in found] == [True, False, True, False]
    assert [p["fault"] is None for p in found] == [True, False, True, False]
    assert "1.png" in answer.err
    assert "notes.txt" in answer.err
    plain = epochal_command("predict", trained, photos)
    assert plain.code == 2
    assert "0.png" in plain.out
    assert "1.png" not in plain.out
    assert "1.png" in plain.err


def test_look_draws_every_view(own_run: Path) -> None:
    drawn = told("look", own_run)
    assert [one["view"] for one in drawn] == list(views("alexnet"))
    assert all(Path(one["path"]).parent == own_run / "figures" and is_png(one["path"]) for one in drawn)


@pytest.mark.parametrize("view", ["filters", "features", "answers", "curves"])
def test_look_draws_one_view_into_a_file_or_a_folder(trained: Path, tmp_path: Path, view: str) -> None:
    (drawn,) = told("look", trained, view, "--out", tmp_path / "one.png")
    assert drawn == {"view": view, "path": str(tmp_path / "one.png")}
    assert is_png(drawn["path"])
    assert succeeded("look", trained, view, "--out", tmp_path / "new").out.strip() == str(
        tmp_path / "new" / f"{view}.png"
    )
    assert is_png(tmp_path / "new" / f"{view}.png")
    assert not (trained / "figures").exists()


def test_look_shows_one_layer_for_a_picture_of_ones_own(trained: Path, tmp_path: Path, photos: Path) -> None:
    words = ["features", "--layer", "conv2", "--image", photos / "0.png", "--out", tmp_path]
    (drawn,) = told("look", trained, *words)
    assert Path(drawn["path"]).name == "features-conv2.png"
    assert is_png(drawn["path"])


def test_doctor_says_what_is_there(tmp_path: Path) -> None:
    findings = told("doctor")
    assert findings["device"]
    assert findings["data_present"] == ["digits"]
    assert findings["free_gigabytes"] > 0
    assert "torch" in succeeded("doctor").out
    assert list(tmp_path.iterdir()) == [], "it leaves nothing behind"


def test_data_list_says_what_has_a_name_and_whether_it_is_here() -> None:
    sets = {one["name"]: one for one in told("data", "list")}
    assert list(sets) == ["digits", "mnist", "fashion-mnist", "cifar10", "imagenette", "topics", "wiki"]
    assert sets["digits"]["found"] == "built in"
    assert sets["cifar10"]["found"] is None
    assert sets["cifar10"]["looked_for"]
    assert "50,000" in succeeded("data", "list").out


def test_data_check_passes_good_data_and_names_bad_files(photos: Path, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        shutil.copytree(photos, tmp_path / "pets" / name, ignore=shutil.ignore_patterns("*.txt"))
    spec = f"imagefolder:{tmp_path / 'pets'}"
    assert succeeded("data", "check", spec).out
    assert told("data", "check", spec)
    (tmp_path / "pets" / "cat" / "1.png").write_bytes(b"GIF89a")
    answer = epochal_command("data", "check", spec, "--json")
    assert answer.code == 2
    assert "1.png" in json.dumps(answer.json())
    plain = epochal_command("data", "check", spec)
    assert plain.code == 2
    assert "1.png" in plain.out


def test_data_show_draws_a_selection(tmp_path: Path) -> None:
    shown = told("data", "show", "digits", "--out", tmp_path / "some.png", "--count", 5, "--seed", 1)
    assert (shown["train"], shown["held_out"], len(shown["classes"])) == (1442, 355, 10)
    assert is_png(tmp_path / "some.png")
    assert "355 held-out" in succeeded("data", "show", "digits", "--count", 3, "--split", "held-out").out
    assert is_png(tmp_path / "data-digits.png")


def test_the_demo_trains_measures_draws_and_says_what_to_try() -> None:
    answer = succeeded("demo", "--json")
    done = answer.json()
    assert 0 <= done["top1"] <= 1
    assert all(is_png(path) for path in done["pictures"])
    assert "epoch" in answer.err
    for line in done["next"]:
        program, command, *_ = line.split()
        assert program == "epochal"
        assert epochal_command(command, "--help").code == 0
    # The first two can be typed as they are.
    for line in done["next"][:2]:
        succeeded(*line.split()[1:])
    text = succeeded("demo", "alexnet").out
    assert "of the held-out pictures right" in text
    assert "Next:" in text


def test_numbers_that_json_lacks_become_null(own_run: Path) -> None:
    record = json.loads((own_run / "run.json").read_text())
    record["results"] = {"top1": 0.5, "loss": float("nan")}
    (own_run / "run.json").write_text(json.dumps(record))
    assert told("runs")[0]["results"] == {"top1": 0.5, "loss": None}


def test_a_run_is_a_folder_that_can_be_sent_elsewhere(own_run: Path, tmp_path: Path, photos: Path) -> None:
    before = told("predict", own_run, photos)
    with tarfile.open(tmp_path / "run.tar", "w") as archive:
        archive.add(own_run, "sent")
    with tarfile.open(tmp_path / "run.tar") as archive:
        archive.extractall(tmp_path / "elsewhere", filter="data")
    assert told("predict", tmp_path / "elsewhere" / "sent", photos) == before


def test_of_several_processes_the_first_one_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    for rank, speaks in (("0", True), ("1", False)):
        monkeypatch.setenv("RANK", rank)
        answer = epochal_command("train", "alexnet", "--recipe", "smkoe")
        assert answer.code == 2
        assert bool(answer.err) == speaks
        assert bool(epochal_command("list", "--json").out) == speaks
