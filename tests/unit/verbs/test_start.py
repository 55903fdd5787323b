"""A training that begins with weights: what is taken over, what is drawn, and that it needs them never again."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tests.tiny import TINY

import epochal
from epochal.core.fault import InputFault, Interrupted
from epochal.core.run import Run
from epochal.data.digits import read_digits
from epochal.data.source import open_data
from epochal.engine import checkpoint, random
from epochal.engine.checkpoint import Snapshot, fingerprint
from epochal.lab.ways import from_scratch, gentler
from epochal.landmarks.alexnet import train
from epochal.landmarks.alexnet.networks import network
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet
from epochal.landmarks.alexnet.transfer import layers
from epochal.verbs.start import begin_with
from epochal.verbs.weights import read_weights

SHORT = TINY.replace(epochs=0.2)
HEAD = ("fc8.weight", "fc8.bias")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Weights that have learned a little of ten digits; nobody may change them."""
    return epochal.train("alexnet", recipe=SHORT, seed=5, workers=0, device="cpu", runs=tmp_path_factory.mktemp("a"))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of three classes, twelve small pictures each."""
    folder = tmp_path_factory.mktemp("b") / "three"
    data = read_digits()
    for label, name in ((3, "three"), (5, "five"), (8, "eight")):
        (folder / name).mkdir(parents=True)
        for place in np.flatnonzero(data.train.labels == label)[:12]:
            Image.fromarray(data.train.picture(int(place))).save(folder / name / f"{place}.png")
    return f"imagefolder:{folder}"


def begun(source: Any, data: str, folder: Path, recipe: AlexNetRecipe = SHORT, **options: Any) -> Run:
    options = {"seed": 2, "workers": 0, "device": "cpu", "runs": folder} | options
    return epochal.train("alexnet", recipe=recipe.replace(batch_size=8), data=data, weights=source, **options)


def tensors(run: Run, step: int | None = None, part: str = "model") -> dict[str, torch.Tensor]:
    """A checkpoint's tensors: of one step, or the newest."""
    if step is None:
        return checkpoint.load(run.checkpoints).snapshot.under(f"task.{part}").tensors
    return checkpoint._read(run.checkpoints / f"step-{step:09d}", step).under(f"task.{part}").tensors


def bits(run: Run) -> tuple[int, str]:
    loaded = checkpoint.load(run.checkpoints)
    values = {name: value for name, value in loaded.snapshot.values.items() if name != "loop.seconds"}
    return loaded.step, fingerprint(Snapshot(loaded.snapshot.tensors, values))


def test_all_but_the_head_is_taken_over_and_the_head_is_drawn_from_the_seed(
    source: Run, three: str, tmp_path: Path
) -> None:
    run = begun(source, three, tmp_path)
    first, theirs = tensors(run, step=0), tensors(source)
    assert all(torch.equal(first[name], theirs[name]) for name in theirs if name not in HEAD)
    random.seed_everything(2)
    drawn = network(SHORT, 3).state_dict()
    assert all(torch.equal(first[name], drawn[name]) for name in HEAD)
    trained = tensors(run)
    assert not any(torch.equal(first[name], trained[name]) for name in first), "everything learns"


def test_the_record_says_where_the_weights_are_from_and_names_no_place(source: Run, three: str, tmp_path: Path) -> None:
    start = begun(source, three, tmp_path).record()["start"]
    assert start["source"] == source.name
    assert start["sha256"] == fingerprint(Snapshot(tensors(source)))
    assert (start["layout"], start["classes"], start["head"]) == ("ours", 10, "new")
    assert start["mapped"] == len(tensors(source)) - 2
    assert sorted(start["drawn"]) == sorted(start["left_out"]) == sorted(HEAD)
    assert start["mean"] == "the mean picture is that of the weights"
    assert start["run"]["data"] == "digits"
    assert start["run"]["results"] == source.record()["results"]
    assert str(source.folder.parent) not in json.dumps(start)


def test_a_line_that_is_told_is_of_the_weights_and_not_of_a_resumed_training(
    source: Run, three: str, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = []
    run = begun(source, three, tmp_path, report=rows.append)
    begin, too_short, told, *others = rows
    assert [begin["kind"], too_short["kind"], told["kind"]] == ["begin", "note", "note"]
    assert "the warm-up would take" in too_short["text"]
    assert source.name in told["text"]
    assert "fc8.weight" in told["text"]
    assert others == run.metrics()


@pytest.mark.parametrize(
    ("freeze", "learning"),
    [
        (("body",), {"fc8"}),
        (("convolutions",), {"fc6", "fc7", "fc8"}),
        (("conv2", "fc6"), {"conv1", "conv3", "conv4", "conv5", "fc7", "fc8"}),
    ],
)
def test_frozen_layers_keep_their_bits_while_the_others_change(
    source: Run, three: str, tmp_path: Path, freeze: tuple[str, ...], learning: set[str]
) -> None:
    run = begun(source, three, tmp_path, SHORT.replace(freeze=freeze))
    first, last = tensors(run, step=0), tensors(run)
    assert {name.partition(".")[0] for name in first if not torch.equal(first[name], last[name])} == learning
    kept = {name for name in first if name.partition(".")[0] not in learning}
    assert all(torch.equal(last[name], tensors(source)[name]) for name in kept)
    assert {name.partition(".")[0] for name in tensors(run, part="optimizer")} == learning
    assert layers(network(SHORT, 3)).sizes(freeze)[0] == sum(t.numel() for n, t in first.items() if n not in kept)


def test_frozen_batch_normalisation_keeps_its_statistics(three: str, tmp_path: Path) -> None:
    modern = SHORT.replace(network="modern", batch_norm=True, residual=True, optimizer="adamw", lr=0.01)
    source = epochal.train("alexnet", recipe=modern, seed=5, workers=0, device="cpu", runs=tmp_path / "source")
    run = begun(source, three, tmp_path, modern.replace(freeze=("conv1", "conv3")))
    first, last = tensors(run, step=0), tensors(run)
    same = {name.rpartition(".")[0] for name in first if torch.equal(first[name], last[name])}
    changed = {name.rpartition(".")[0] for name in first if not torch.equal(first[name], last[name])}
    assert same >= {"conv1", "bn1", "conv3", "bn3"}
    assert changed >= {"bn2", "bn4", "conv2"}
    assert not {"bn1", "bn3"} & changed, "running means and variances are as they were"


def test_a_stopped_fine_tuning_goes_on_to_the_same_bits_without_its_source(
    source: Run, three: str, tmp_path: Path
) -> None:
    recipe = SHORT.replace(freeze=("conv1",), epochs=10.0)  # 30 steps; the log has a row at 20
    straight = begun(source, three, tmp_path / "straight", recipe)
    gone = Run(Path(shutil.copytree(source.folder, tmp_path / source.name)))

    def stop(row: dict[str, Any]) -> None:
        if row.get("step") == 20:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        begun(gone, three, tmp_path / "stopped", recipe, report=stop)
    shutil.rmtree(gone.folder)
    (run,) = epochal.runs(tmp_path / "stopped")
    assert bits(epochal.resume(run)) == bits(straight)


class _Killed(Exception):
    """Stands for a power cut: nothing is saved any more."""


def killed_at_the_start(source: Run, data: str, folder: Path, recipe: AlexNetRecipe = SHORT) -> Run:
    def die(row: dict[str, Any]) -> None:
        raise _Killed

    with pytest.raises(_Killed):
        begun(source, data, folder, recipe, report=die)
    (run,) = epochal.runs(folder)
    return run


def test_a_fine_tuning_that_was_killed_before_its_first_step_begins_with_the_weights(
    source: Run, three: str, tmp_path: Path
) -> None:
    run = killed_at_the_start(source, three, tmp_path / "killed")
    assert checkpoint.list_steps(run.checkpoints) == [0]
    assert bits(epochal.resume(run)) == bits(begun(source, three, tmp_path / "straight"))


def test_a_fine_tuning_whose_weights_are_lost_never_begins_with_drawn_ones(
    source: Run, three: str, tmp_path: Path
) -> None:
    run = killed_at_the_start(source, three, tmp_path / "killed")
    shutil.rmtree(run.checkpoints)
    with pytest.raises(InputFault, match="began with weights that it has no checkpoint of"):
        epochal.resume(run)


def test_evaluate_predict_look_and_export_work_as_on_any_run(source: Run, three: str, tmp_path: Path) -> None:
    run = begun(source, three, tmp_path, SHORT.replace(freeze=("body",)))
    assert epochal.evaluate(run, device="cpu")["top1"] == run.record()["results"]["top1"]
    picture = next(Path(three.partition(":")[2]).rglob("*.png"))
    (answer,) = epochal.predict(run, [picture], top=3, device="cpu")
    assert {name for name, _ in answer.classes} == {"three", "five", "eight"}
    assert epochal.look(run, "filters", out=tmp_path / "filters.png")[0].path.is_file()
    file = epochal.export(run, out=tmp_path / "tuned.safetensors").path
    again = begun(file, three, tmp_path / "again")
    assert again.record()["start"]["head"] == "kept", "the classes are the same, so nothing need be drawn"
    assert again.record()["start"]["drawn"] == []
    assert all(torch.equal(tensors(again, step=0)[name], tensor) for name, tensor in tensors(run).items())


def test_a_head_is_kept_only_if_its_classes_are_the_same_or_it_is_asked_for(
    source: Run, three: str, tmp_path: Path
) -> None:
    same = begun(source, three, tmp_path / "same")
    for head, kept in (("auto", True), ("kept", True), ("new", False)):
        run = begun(same, three, tmp_path / head, head=head)
        first = tensors(run, step=0)
        assert all(torch.equal(first[name], tensors(same)[name]) for name in HEAD) == kept
        assert run.record()["start"]["head"] == ("kept" if kept else "new")


def test_a_head_of_other_classes_cannot_be_kept(source: Run, three: str, tmp_path: Path) -> None:
    with pytest.raises(InputFault, match=r"fc8\.\w+ is 10") as caught:
        begun(source, three, tmp_path, head="kept")
    assert "head=new" in caught.value.remedy
    assert epochal.runs() == []
    with pytest.raises(InputFault, match="head cannot be"):
        begun(source, three, tmp_path, head="old")


@pytest.mark.parametrize("change", [{"maps": (8, 8, 12, 12, 16)}, {"without": "conv4"}, {"columns": 1}])
def test_weights_of_another_network_are_refused_and_leave_no_run(
    source: Run, three: str, tmp_path: Path, change: dict[str, Any]
) -> None:
    with pytest.raises(InputFault, match="are of another network: conv"):
        begun(source, three, tmp_path / "none", SHORT.replace(**change))
    assert not (tmp_path / "none").exists()


def test_weights_with_a_tensor_too_many_are_refused(source: Run, three: str, tmp_path: Path) -> None:
    save_file({**tensors(source), "fc9.weight": torch.ones(2, 2)}, tmp_path / "more.safetensors")
    with pytest.raises(InputFault, match=r"fc9\.weight"):
        begun(tmp_path / "more.safetensors", three, tmp_path / "none")


def test_a_drawn_head_cannot_be_frozen(source: Run, three: str, tmp_path: Path) -> None:
    with pytest.raises(InputFault, match="would never learn the classes"):
        begun(source, three, tmp_path, SHORT.replace(freeze=("conv1", "fc8")))


@pytest.mark.parametrize(
    ("freeze", "message"), [(("conv9",), "no layer called 'conv9'"), (("body", "fc8"), "none is left to train")]
)
def test_what_cannot_be_frozen_is_refused(freeze: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputFault, match=message):
        epochal.train("alexnet", recipe=SHORT.replace(freeze=freeze), workers=0, device="cpu")


def test_the_mean_picture_goes_with_the_weights_and_the_axes_of_colour_with_the_pictures(
    source: Run, three: str, tmp_path: Path
) -> None:
    run, plain = begun(source, three, tmp_path), begun(None, three, tmp_path)
    taken, theirs = tensors(run, part="statistics"), tensors(source, part="statistics")
    own = tensors(plain, part="statistics")
    assert torch.equal(taken["mean"], theirs["mean"])
    assert not torch.equal(taken["mean"], own["mean"])
    assert torch.equal(taken["eigenvalues"], own["eigenvalues"])


def test_a_mean_picture_of_another_size_becomes_a_mean_colour(source: Run, three: str, tmp_path: Path) -> None:
    run = begun(source, three, tmp_path, SHORT.replace(stored_size=18, padding=1))
    assert run.record()["start"]["mean"] == "the mean colour is that of the weights"
    mean = tensors(run, part="statistics")["mean"]
    colour = tensors(source, part="statistics")["mean"][2:-2, 2:-2].mean((0, 1))
    assert torch.allclose(mean[1:-1, 1:-1], colour.expand(18, 18, 3))
    assert mean[0].abs().max() == mean[:, -1].abs().max() == 0, "the padding is no picture"


def test_the_first_layer_makes_up_for_another_scale_of_the_pixels(source: Run, three: str, tmp_path: Path) -> None:
    run = begun(source, three, tmp_path, SHORT.replace(pixel_scale=32.0))
    first, theirs = tensors(run, step=0), tensors(source)
    assert torch.allclose(first["conv1.weight"], theirs["conv1.weight"] * 32 / 64)
    assert "pixels divided by 32" in run.record()["start"]["changed"]["conv1.weight"][0]


def test_weights_that_do_not_say_how_pictures_were_prepared_are_used_with_a_note(
    source: Run, three: str, tmp_path: Path
) -> None:
    save_file(tensors(source), tmp_path / "bare.safetensors")
    start = begun(tmp_path / "bare.safetensors", three, tmp_path).record()["start"]
    assert start["source"] == "bare.safetensors"
    assert start["mean"] == "the mean picture is that of the new pictures"
    assert any("not known how pictures were prepared" in note for note in start["notes"])


def test_fewer_pictures_than_a_batch_are_enough(source: Run, three: str, tmp_path: Path) -> None:
    run = epochal.train(
        "alexnet", recipe=SHORT.replace(epochs=2.0), data=three, weights=source, workers=0, device="cpu"
    )
    assert run.metrics()[-1]["step"] == 2
    assert run.record()["status"] == "finished"


def test_two_columns_on_two_devices_go_on_with_weights_but_cannot_begin_with_them(
    source: Run, three: str, tmp_path: Path
) -> None:
    with pytest.raises(InputFault, match="two columns"):
        begun(source, three, tmp_path, device="auto", columns="cpu,cpu")
    run = killed_at_the_start(source, three, tmp_path / "killed", SHORT.replace(freeze=("conv1", "fc6")))
    done = epochal.resume(run, columns="cpu,cpu")
    first, last = tensors(run, step=0), tensors(done)
    same = {name.partition(".")[0] for name in first if torch.equal(first[name], last[name])}
    assert same == {"conv1", "fc6"}


@torch.no_grad()
def test_torchvisions_weights_see_pictures_as_they_were_trained_to(tmp_path: Path) -> None:
    theirs = SingleTowerAlexNet(5).eval()
    save_file(theirs.state_dict(), tmp_path / "alexnet.safetensors")
    weights = read_weights(tmp_path / "alexnet.safetensors", "alexnet")
    recipe = TINY.replace(network="torchvision", lrn=True, stored_size=64, crop=64, padding=0, pixel_scale=64.0)
    task = train.task(recipe, open_data("digits"), seed=0, device=torch.device("cpu"))
    start = begin_with(task, weights, "alexnet")
    assert (start["layout"], start["drawn"]) == ("torchvision", ["classifier.6.weight", "classifier.6.bias"])
    assert start["mean"] == "the mean colour is that of the weights"
    pixels = torch.randint(0, 256, (2, 64, 64, 3), generator=torch.Generator().manual_seed(0)).float()
    deviation = torch.tensor([0.229, 0.224, 0.225])
    expected = theirs.features(((pixels / 255 - torch.tensor([0.485, 0.456, 0.406])) / deviation).permute(0, 3, 1, 2))
    found = task.model.features(((pixels - task.feed.statistics.mean) / 64).permute(0, 3, 1, 2))
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"network": "torchvision", "crop": 64, "stored_size": 64, "lrn": True},
        {"network": "cifar"},
        {"network": "local"},
        {"network": "shallow"},
        {"without": "conv3"},
    ],
)
def test_every_network_has_its_layers_in_order_and_the_head_last(change: dict[str, Any]) -> None:
    recipe = TINY.replace(**change)
    with torch.device("meta"):
        model = network(recipe, 7)
    known = layers(model)
    modules = [module for parts in known.modules.values() for module in parts]
    owners = {name.rpartition(".")[0] for name, _ in model.named_parameters()}
    assert set(modules) == owners, "every weight belongs to a layer"
    assert model.get_submodule(known.head[0]).weight.shape[0] == 7
    learned, every = known.sizes(("body",))
    assert every == sum(p.numel() for p in model.parameters())
    assert learned == sum(p.numel() for p in model.get_submodule(modules[-1]).parameters())


def test_the_last_layer_can_have_a_rate_of_its_own() -> None:
    model = network(TINY, 10)
    groups = train.optimizer(TINY.replace(head_rate=10.0, bias_rate=2.0, freeze=("conv1",)), model).param_groups
    assert [group["rate"] for group in groups] == [1.0, 2.0, 10.0, 20.0]
    assert [tuple(p.shape) for group in groups[2:] for p in group["params"]] == [(10, 16), (10,)]
    assert sum(len(group["params"]) for group in groups) == len(list(model.parameters()))
    assert len(train.optimizer(TINY, model).param_groups) == 2, "one rate: the groups are as ever"


def test_the_recipes_for_transfer_keep_the_network_and_shorten_the_training(source: Run) -> None:
    settings = read_weights(source, "alexnet").settings
    scratch = from_scratch("alexnet", {**settings, "pictures": 100, "until_accuracy": 0.5, "schedule": "plateau"})
    assert scratch.maps == TINY.maps
    assert scratch.pixel_scale == TINY.pixel_scale
    assert (scratch.batch_size, scratch.lr) == (32, pytest.approx(TINY.lr * 32 / 48)), "smaller batch, smaller step"
    assert (scratch.schedule, scratch.pictures, scratch.until_accuracy) == ("cosine", None, None)
    gentle = gentler(scratch)
    assert gentle.lr * gentle.head_rate == pytest.approx(scratch.lr)
    assert gentler(scratch, drawn_head=False).head_rate == 1.0
    theirs = from_scratch("alexnet", {"network": "torchvision", "stored_size": 256, "crop": 224})
    assert (theirs.network, theirs.crop, theirs.batch_size) == ("torchvision", 224, 32)
