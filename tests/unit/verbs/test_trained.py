"""What can be asked: a run, an exported folder, a landmark with weights from elsewhere."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tests.tiny import TINY

import epochal
from epochal.landmarks.alexnet.scaled import ScaledAlexNet
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> epochal.Run:
    folder = tmp_path_factory.mktemp("asked")
    return epochal.train("alexnet", recipe=TINY.replace(epochs=0.5), workers=0, device="cpu", runs=folder)


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 30, 3), dtype=np.uint8)).save(path)
    return path


def answers(*source: object, **options: object) -> dict[str, float]:
    return dict(epochal.predict(*source, device="cpu", top=10, **options)[0].classes)


def test_a_run_its_export_and_its_weights_answer_alike(run: epochal.Run, picture: Path, tmp_path: Path) -> None:
    hub = epochal.export(run, "hub", out=tmp_path / "hub").path
    file = epochal.export(run, "safetensors", out=tmp_path / "w.safetensors").path
    own = answers(run, [picture])
    assert answers(hub, [picture]) == own
    assert answers("alexnet", [picture], weights=hub) == own
    assert answers("alexnet", [picture], weights=run) == own
    assert answers("alexnet", [picture], weights=file) == own
    measured = epochal.evaluate(run, device="cpu")
    again = epochal.evaluate(hub, data="digits", device="cpu")
    assert [again[name] for name in ("top1", "top5", "loss")] == [measured[name] for name in ("top1", "top5", "loss")]
    assert again["step"] is None


def test_torchvisions_weights_answer_as_torchvision_does(picture: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = SingleTowerAlexNet(5).eval()
    torch.save(model.state_dict(), tmp_path / "theirs.pth")
    told = answers("alexnet", [picture], weights=tmp_path / "theirs.pth", overrides=["precision=fp32"])
    assert sorted(told) == [f"class {number}" for number in range(5)], "the file names no classes"

    image = Image.open(picture).convert("RGB").resize((256, 341), Image.Resampling.BILINEAR)
    top = (341 - 256) // 2
    pixels = np.asarray(image.crop((0, top, 256, top + 256)))[16:240, 16:240] / 255.0
    normalised = (pixels - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        theirs = model(torch.tensor(normalised).float().permute(2, 0, 1)[None]).softmax(1)[0]
    for number, share in enumerate(theirs.tolist()):
        assert told[f"class {number}"] == pytest.approx(share, abs=2e-4), "both resize in their own way"


def test_weights_that_name_no_classes_take_those_of_the_data(run: epochal.Run, tmp_path: Path) -> None:
    hub = epochal.export(run, "hub", out=tmp_path / "hub").path
    weights = epochal.read_weights(hub, "alexnet")
    nameless = replace(weights, classes=None)
    found = epochal.evaluate("alexnet", weights=nameless, data="digits", device="cpu")
    assert found["top1"] == epochal.evaluate(run, device="cpu")["top1"]
    assert any("conv1.weight" in row for row in found["account"]), "what was mapped is told"
    for name in "ab":
        (tmp_path / "two" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (8, 8)).save(tmp_path / "two" / name / f"{number}.png")
    with pytest.raises(epochal.InputFault, match="tells 10 classes apart"):
        epochal.evaluate("alexnet", weights=nameless, data=f"imagefolder:{tmp_path / 'two'}", device="cpu")


def test_what_does_not_fit_is_refused(run: epochal.Run, picture: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.safetensors"
    save_file(ScaledAlexNet(10).state_dict(), bare)
    with pytest.raises(epochal.InputFault, match="how pictures were prepared"):
        answers("alexnet", [picture], weights=bare)
    more = {**SingleTowerAlexNet(10).state_dict(), "extra.weight": torch.zeros(2)}
    save_file(more, tmp_path / "more.safetensors")
    with pytest.raises(epochal.InputFault, match=r"extra\.weight"):
        answers("alexnet", [picture], weights=tmp_path / "more.safetensors")
    with pytest.raises(epochal.InputFault, match="cannot be set"):
        epochal.evaluate(run, overrides=["lrn=false"])
    with pytest.raises(epochal.InputFault, match="another network") as caught:
        answers("alexnet", [picture], weights=run, overrides=["units=17"])
    assert caught.value.remedy == "leave out --set units: the weights tell it"
    assert "\\n" not in str(caught.value), "a fault in a fault"
    with pytest.raises(epochal.InputFault, match="data to measure it on"):
        epochal.evaluate("alexnet", weights=run, device="cpu")
    with pytest.raises(epochal.InputFault, match="no landmark"):
        epochal.evaluate("alexnot", weights=run)
