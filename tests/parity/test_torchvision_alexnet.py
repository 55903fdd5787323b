"""Our single tower against torchvision's `alexnet`: keys, outputs, gradients, both ways."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from epochal.core.fault import InputFault
from epochal.landmarks.alexnet.single_tower import SingleTowerAlexNet

CLASSES = 12


@pytest.fixture(scope="module")
def theirs() -> torch.nn.Module:
    import torchvision

    torch.manual_seed(0)
    return torchvision.models.alexnet(num_classes=CLASSES)


@pytest.fixture(scope="module")
def ours(theirs: torch.nn.Module) -> SingleTowerAlexNet:
    model = SingleTowerAlexNet(CLASSES)
    model.load_state_dict(theirs.state_dict())
    return model


def test_the_network_of_a_thousand_classes_has_61_100_840_parameters() -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in SingleTowerAlexNet().parameters()) == 61_100_840


def test_the_keys_and_shapes_are_torchvisions(theirs: torch.nn.Module, ours: SingleTowerAlexNet) -> None:
    shapes = {key: tuple(value.shape) for key, value in ours.state_dict().items()}
    assert shapes == {key: tuple(value.shape) for key, value in theirs.state_dict().items()}
    assert set(shapes) == {
        f"{layer}.{kind}"
        for layer in (*(f"features.{i}" for i in (0, 3, 6, 8, 10)), *(f"classifier.{i}" for i in (1, 4, 6)))
        for kind in ("weight", "bias")
    }


@pytest.mark.parametrize("pixels", [63, 224])
def test_equal_weights_give_equal_scores(theirs: torch.nn.Module, ours: SingleTowerAlexNet, pixels: int) -> None:
    image = torch.randn(2, 3, pixels, pixels)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(image), theirs.eval()(image), rtol=1e-5, atol=1e-5)


def test_equal_weights_give_equal_gradients(theirs: torch.nn.Module, ours: SingleTowerAlexNet) -> None:
    image = torch.randn(2, 3, 127, 127)
    gradients = []
    for model in (ours.train(), theirs.train()):
        model.zero_grad()
        torch.manual_seed(9)  # the same units dropped
        functional.cross_entropy(model(image), torch.tensor([1, 4])).backward()
        gradients.append({name: parameter.grad for name, parameter in model.named_parameters()})
    for name, gradient in gradients[0].items():
        torch.testing.assert_close(gradient, gradients[1][name], rtol=1e-5, atol=1e-6)


def test_our_weights_load_there(theirs: torch.nn.Module) -> None:
    model = SingleTowerAlexNet(CLASSES).eval()
    theirs.load_state_dict(model.state_dict())
    image = torch.randn(1, 3, 95, 95)
    with torch.no_grad():
        torch.testing.assert_close(theirs.eval()(image), model(image), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 3, 62, 62), (1, 1, 224, 224)])
def test_images_that_would_shrink_to_nothing_are_refused(ours: SingleTowerAlexNet, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputFault, match="at least 63 x 63"):
        ours(torch.zeros(shape))
