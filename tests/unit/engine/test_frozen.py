from __future__ import annotations

import torch
from torch import nn

from epochal.engine.frozen import freeze, resting, train_but


def network() -> nn.Sequential:
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5)), nn.Flatten(), nn.Linear(4, 2)
    )


def test_all_within_a_module_is_frozen_and_nothing_else() -> None:
    model = network()
    freeze(model, ["0"])
    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["2.weight", "2.bias"]


def test_frozen_normalisation_keeps_what_it_has_collected() -> None:
    model = network()
    freeze(model, ["0"])
    before = {name: tensor.clone() for name, tensor in model[0].state_dict().items()}
    train_but(model, resting(model))
    model(torch.randn(8, 3, 3, 3) + 5)
    assert all(torch.equal(before[name], tensor) for name, tensor in model[0].state_dict().items())
    assert model[2].training
    assert model[0][2].training, "dropout goes on"


def test_a_layer_with_one_trained_weight_does_not_rest() -> None:
    model = network()
    model[0][1].weight.requires_grad_(False)
    assert resting(model) == []
    train_but(model, resting(model))
    assert model[0][1].training


def test_what_has_no_weights_never_rests() -> None:
    model = network()
    freeze(model, ["0", "2"])
    assert {type(module) for module in resting(model)} == {nn.Conv2d, nn.BatchNorm2d, nn.Linear}
