"""Looking into runs: every view of every network, what each view needs, and what cannot be shown."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.cli.command import epochal_command, refused, trained_run
from tests.tiny import TINIES, TINY, VARIANTS

import epochal
from epochal.core.fault import InputFault
from epochal.core.run import Run
from epochal.data.source import open_data
from epochal.engine import classifier_views
from epochal.engine import scene as scenes
from epochal.engine.patch_view import _layer
from epochal.engine.probe import activations
from epochal.engine.telling import last_hidden, of_kinds, scores
from epochal.landmarks.alexnet import look as alexnet
from epochal.landmarks.alexnet.model import ACTIVATIONS
from epochal.landmarks.alexnet.networks import network
from epochal.measure.excitement import excitement
from epochal.measure.receptive_field import receptive_fields
from epochal.verbs.look import look, views
from epochal.verbs.trained import load_classifier

NEW = ("patches", "occlusion", "mistakes", "confusion", "embedding")
NETWORKS = {
    "modern": {"network": "modern", "batch_norm": True, "residual": True},
    "local": {"network": "local"},
    "cifar": {"network": "cifar"},
    "shallow": {"network": "shallow"},
    "tanh": {"activation": "tanh", "columns": 1, "without": "conv3"},
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; nobody may change it."""
    return trained_run(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def forgotten(run: Path, folder: Path) -> Path:
    """A copy of the run whose data is nowhere."""
    copy = Path(shutil.copytree(run, folder / "forgotten"))
    record = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(record | {"data": f"imagefolder:{folder / 'gone'}"}))
    return copy


def words_of(figure) -> str:
    return " ".join(text.get_text() for text in figure.axes[0].texts)


def test_the_same_run_gives_the_same_pictures_to_the_byte(trained: Path, tmp_path: Path) -> None:
    for view in ("patches", "embedding"):
        first, second = (look(trained, view, out=tmp_path / name)[0].path.read_bytes() for name in ("a", "b"))
        assert first == second, view


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_can_be_looked_into(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classifier_views, "MAPPED", 15)
    # The other views know nothing of layers.
    layered = {view: alexnet.VIEWS[view] for view in ("filters", "features", "patches", "embedding")}
    monkeypatch.setattr(alexnet, "VIEWS", layered)
    run = trained_run(tmp_path, epochs=0.5, **NETWORKS[name])
    looks = look(run, out=tmp_path / "pictures", device="cpu")
    assert [one.view for one in looks] == [*layered, "signal"]


def test_the_layers_of_torchvisions_network_are_found_by_what_they_are() -> None:
    """They have other names; the network itself is too large for a test."""
    with torch.device("meta"):
        model = network(TINY.replace(network="torchvision", lrn=True, stored_size=64, padding=0, crop=63), 3)
    assert last_hidden(model) == "classifier.5"
    assert scores(model) == "classifier.6"
    assert of_kinds(model, ACTIVATIONS.values())[:5] == [
        "features.1",
        "features.4",
        "features.7",
        "features.9",
        "features.11",
    ]


def test_a_folder_of_two_classes_and_few_pictures_can_be_looked_into(tmp_path: Path) -> None:
    for name, colour in (("cat", (200, 30, 30)), ("dog", (30, 30, 200))):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(10):
            Image.new("RGB", (20 + number, 20), colour).save(tmp_path / "pets" / name / f"{number}.png")
    run = epochal.train(
        "alexnet", recipe=TINY.replace(batch_size=4), data=f"imagefolder:{tmp_path / 'pets'}", workers=0, device="cpu"
    )
    for one in look(run, out=tmp_path / "pictures"):
        assert one.path.exists()
        if one.view in ("confusion", "embedding", "mistakes", "patches"):
            assert " 4 " in words_of(one.figure), one.view


def test_a_layer_of_ones_own_is_shown_whether_it_has_maps_or_units(trained: Path, tmp_path: Path) -> None:
    for layer in ("conv2", "relu5", "pool1", "fc7"):
        (one,) = look(trained, "patches", layer=layer, out=tmp_path)
        assert one.path.name == f"patches-{layer}.png"
        assert f"What excites the units of {layer}" in words_of(one.figure)
    assert "they see 16 x 16 pixels" in words_of(one.figure), "a dense layer sees all"


def test_the_patches_are_what_excites_the_units(trained: Path) -> None:
    """Every shown patch of a unit, put alone into the picture's place, is where its answer comes from."""
    classifier, _, _ = load_classifier(Run.open(trained), "cpu")
    scene = scenes.Scene(classifier, lambda: open_data("digits"))
    chosen = scene.chosen(60)
    images = torch.cat([part for _, part in scene.batches(chosen, 13)])
    maps = activations(classifier.model, images, ["conv2"])["conv2"]
    found = excitement(maps, torch.from_numpy(chosen), 9)
    field = receptive_fields(classifier.model, images[:1], ["conv2"])["conv2"]
    where = {int(place): row for row, place in enumerate(chosen)}
    for unit in found.standing_out(3):
        for place, row, column, value in zip(
            found.pictures[unit].tolist(),
            found.rows[unit].tolist(),
            found.columns[unit].tolist(),
            found.values[unit].tolist(),
            strict=True,
        ):
            top, left, bottom, right = field.box(row, column)
            kept = torch.full_like(images[0], 3.0)  # anything else where the unit does not look
            kept[:, top:bottom, left:right] = images[where[place], :, top:bottom, left:right]
            again = activations(classifier.model, kept[None], ["conv2"])["conv2"][0, unit, row, column]
            assert float(again) == pytest.approx(value, abs=1e-4)
    layer = _layer(scene, "conv2", found, field, 3)
    first = layer.shown[0]
    place = int(found.pictures[first.number, 0])
    top, left, bottom, right = field.box(int(found.rows[first.number, 0]), int(found.columns[first.number, 0]))
    assert (first.patches[0].pixels == scene.seen(scene.held_out.picture(place))[top:bottom, left:right]).all()


def test_what_is_seen_is_what_the_network_gets(trained: Path) -> None:
    classifier, _, _ = load_classifier(Run.open(trained), "cpu")
    scene = scenes.Scene(classifier, lambda: open_data("digits"))
    picture = scene.held_out.picture(5)
    image = scene.input_of([picture])[0]
    mean = classifier.statistics.mean.permute(2, 0, 1)
    edge = (mean.shape[1] - classifier.crop) // 2
    inside = slice(edge, edge + classifier.crop)
    pixels = image * classifier.pixel_scale + mean[:, inside, inside]
    assert np.allclose(scene.seen(picture), pixels.permute(1, 2, 0).numpy(), atol=1e-3)


def test_the_held_out_pictures_are_judged_once_for_all_views(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    classify = scenes.classify
    monkeypatch.setattr(scenes, "classify", lambda *a, **k: calls.append(1) or classify(*a, **k))
    monkeypatch.setattr(classifier_views, "MAPPED", 15)
    assert [one.view for one in look(trained, out="pictures")] == list(views("alexnet"))
    assert len(calls) == 1


def test_confusions_and_mistakes_agree_with_the_evaluation(trained: Path, tmp_path: Path) -> None:
    result = epochal.evaluate(trained, device="cpu")
    right = round(result["top1"] * 355)
    said = {view: words_of(look(trained, view, out=tmp_path, device="cpu")[0].figure) for view in NEW[2:4]}
    assert f"{right} of 355 held-out pictures are recognised" in said["confusion"]
    assert f"{355 - right} of 355 held-out pictures are taken wrongly" in said["mistakes"]


def test_many_classes_are_told_by_their_worst_pairs(trained: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("epochal.view.confusion.MOST", 9)
    figure = look(trained, "confusion", out=tmp_path)[0].figure
    assert "most frequent confusions" in words_of(figure)


def test_views_of_the_network_alone_need_no_data(trained: Path, tmp_path: Path, photo: Path) -> None:
    run = forgotten(trained, tmp_path)
    for view in ("filters", "curves"):
        assert look(run, view)[0].path.exists()
    with pytest.raises(InputFault, match="gone"):
        look(run, "patches")
    with pytest.raises(InputFault, match="gone"):
        look(run)


def test_a_picture_of_ones_own_is_shown_by_the_views_that_show_pictures(
    trained: Path, tmp_path: Path, photo: Path
) -> None:
    looks = look(forgotten(trained, tmp_path), images=[photo])
    assert [one.view for one in looks] == ["features", "answers", "occlusion"]
    message = refused("look", trained, "confusion", "--image", photo)
    assert "shows no picture of your own" in message
    assert "features, answers, occlusion" in message


def test_a_layer_without_a_view_gives_all_the_views_that_show_layers(trained: Path, tmp_path: Path) -> None:
    looks = look(trained, layer="conv2", out=tmp_path)
    assert [one.path.name for one in looks] == ["features-conv2.png", "patches-conv2.png"]
    assert "features, patches" in refused("look", trained, "confusion", "--layer", "conv2")


def test_data_that_has_other_classes_by_now_is_refused(trained: Path, tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for number in range(6):
            Image.new("RGB", (20, 20)).save(tmp_path / "pets" / name / f"{number}.png")
    run = Path(shutil.copytree(trained, tmp_path / "copy"))
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"data": f"imagefolder:{tmp_path / 'pets'}"}))
    with pytest.raises(InputFault, match="no longer those"):
        look(run, "mistakes")


def test_what_cannot_be_shown_is_refused_before_anything_is_drawn(trained: Path, tmp_path: Path) -> None:
    assert "no layer called" in refused("look", trained, "patches", "--layer", "conv9", "--out", tmp_path / "x")
    assert "for one view" in refused("look", trained, "--out", tmp_path / "x.png")
    assert "nearest: embedding" in refused("look", trained, "embeding", "--out", tmp_path / "x")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("view", NEW)
def test_the_command_draws_each_view(trained: Path, tmp_path: Path, view: str) -> None:
    answer = epochal_command("look", trained, view, "--out", tmp_path / "one.png", "--json")
    assert answer.code == 0, answer.err
    assert answer.json() == [{"view": view, "path": str(tmp_path / "one.png")}]
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.format == "PNG"
        assert min(picture.size) >= 300


@pytest.mark.parametrize("name", ["batchnorm", "dropout"])
def test_the_signal_of_a_single_held_out_picture_is_refused(name: str, tmp_path: Path) -> None:
    for folder, count in (("train", 6), ("val", 1)):
        for label, level in (("cat", 200), ("dog", 30)):
            (tmp_path / "pets" / folder / label).mkdir(parents=True)
            for number in range(count if folder == "train" or label == "cat" else 0):
                Image.new("RGB", (16, 16), (level + number,) * 3).save(
                    tmp_path / "pets" / folder / label / f"{number}.png"
                )
    recipe = TINIES[name].replace(batch_size=6, epochs=1.0)
    run = epochal.train(name, recipe=recipe, data=f"imagefolder:{tmp_path / 'pets'}", workers=0, device="cpu")
    with pytest.raises(InputFault, match="a signal of 1 held-out picture") as caught:
        look(run, "signal", out=tmp_path)
    assert "at least 2 held-out pictures" in caught.value.expected


# Nothing is subtracted from the pictures of the second: only they can tell that they are gray.
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("alexnet", {}),
        ("dropout", {**VARIANTS["dropout"]["whitened"], "whiten": False}),
        ("batchnorm", {}),
        ("batchnorm", {"centre": False, "colour_noise": 0.0}),
        ("resnet", {}),
    ],
)
@pytest.mark.parametrize("coloured", [False, True])
def test_kernels_that_saw_gray_pictures_are_shown_gray(
    name: str, changes: dict, coloured: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    drawn = classifier_views.filters.filter_grid
    monkeypatch.setattr(
        classifier_views.filters, "filter_grid", lambda w, **more: shown.append(w.shape[1]) or drawn(w, **more)
    )
    for label, colour in (("cat", (200, 30, 30)), ("dog", (30, 30, 200))):
        (tmp_path / "pets" / label).mkdir(parents=True)
        for number in range(6):
            pixels = colour if coloured else (colour[0] + number,) * 3
            Image.new("RGB", (16, 16), pixels).save(tmp_path / "pets" / label / f"{number}.png")
    recipe = TINIES[name].replace(**{**changes, "batch_size": 4, "epochs": 1.0})
    run = epochal.train(name, recipe=recipe, data=f"imagefolder:{tmp_path / 'pets'}", workers=0, device="cpu")
    look(run, "filters", out=tmp_path)
    assert shown == [3 if coloured else 1]
