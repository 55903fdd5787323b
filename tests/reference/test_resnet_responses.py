"""The deviation of layer responses (Figure 7) against hooks of the test's own."""

from __future__ import annotations

import pytest
import torch
from tests.tiny import TINY_RESNET

import epochal
from epochal.core.claim import Measure
from epochal.data.source import open_data
from epochal.engine.scene import Scene
from epochal.lab.values import value
from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.resnet.imagenet import ResNet
from epochal.landmarks.resnet.measures import FUNCTIONS
from epochal.landmarks.resnet.model import CifarResNet
from epochal.landmarks.resnet.responses import deviations, normalisations
from epochal.verbs.trained import load_classifier


@pytest.fixture
def scene() -> Scene:
    run = epochal.train("resnet", recipe=TINY_RESNET.replace(epochs=0.5), workers=0, device="cpu")
    classifier, _, _ = load_classifier(run, "cpu")
    return Scene(classifier, lambda: open_data("digits"))


def test_every_3x3_layer_is_asked_after_its_normalisation() -> None:
    with torch.device("meta"):
        assert len(normalisations(CifarResNet(20))) == 19
        bottlenecks, basic = normalisations(ResNet(50)), normalisations(ResNet(18))
    assert len(bottlenecks) == 16, "one in each bottleneck"
    assert set(name.rpartition(".")[2] for name in bottlenecks) == {"bn2"}
    assert len(basic) == 16


def test_what_the_claims_measure_can_be_measured() -> None:
    names = {claim.metric.name for claim in epochal.claims("resnet") if isinstance(claim.metric, Measure)}
    assert names == set(FUNCTIONS)


def test_the_lab_measures_a_finished_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    run = epochal.train("resnet", recipe=TINY_RESNET.replace(epochs=0.2), workers=0, device="cpu")
    (name,) = FUNCTIONS
    number, bounded = value(run, Measure(name=name), device="cpu")
    assert number > 0
    assert not bounded
    assert run.record()["measured"] == {name: number}
    monkeypatch.setitem(FUNCTIONS, name, lambda *parts: 0.0)
    assert value(run, Measure(name=name), device="cpu") == (number, False)


def test_the_deviations_are_those_of_all_answers_of_a_layer(scene: Scene) -> None:
    model = scene.classifier.model
    seen: dict[str, list[torch.Tensor]] = {}
    for name, module in model.named_modules():
        if isinstance(module, BatchNorm):
            module.register_forward_hook(lambda _m, _a, out, name=name: seen.setdefault(name, []).append(out.detach()))
    pictures = [scene.held_out.picture(place) for place in range(len(scene.held_out))]
    with torch.no_grad():
        model(scene.input_of(pictures))
    expected = {name: float(torch.cat(outputs).double().std(correction=0)) for name, outputs in seen.items()}
    found = deviations(scene)
    assert found == pytest.approx(expected, rel=1e-4)
    assert next(iter(found)) == "bn1"
    (measure,) = FUNCTIONS.values()
    assert measure(scene, TINY_RESNET, []) == pytest.approx(sum(expected.values()) / len(expected), rel=1e-4)
