"""Algorithm 2: the statistics of the population, after the training and beside the running ones."""

from __future__ import annotations

import pytest
import torch
from tests.tiny import TINY_BATCHNORM
from torch import nn

from epochal.data.source import open_data
from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.batchnorm.population import take_population
from epochal.landmarks.batchnorm.train import Normalised, task


def made(**changes: object) -> Normalised:
    recipe = TINY_BATCHNORM.replace(**changes)
    return task(recipe, open_data("digits"), seed=1, device=torch.device("cpu"))


def statistics(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: buffer.clone() for name, buffer in model.named_buffers()}


def test_means_are_averaged_and_variances_too_with_m_over_m_minus_1() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), BatchNorm(3), nn.Dropout(0.5), nn.Linear(3, 2), BatchNorm(2))
    batches = [torch.randn(8, 4) * scale for scale in (1.0, 3.0, 0.2)]
    before = torch.get_rng_state()
    take_population(model, batches)
    assert torch.equal(torch.get_rng_state(), before), "dropout rests"
    first = [model[0](batch) for batch in batches]
    assert torch.allclose(model[1].running_mean, torch.stack([x.mean(0) for x in first]).mean(0), atol=1e-6)
    variances = [((x - x.mean(0)) ** 2).mean(0) for x in first]
    assert torch.allclose(model[1].running_var, 8 / 7 * torch.stack(variances).mean(0), rtol=1e-5)
    # The second layer sees what the first one normalised by each batch.
    second = [model[3]((x - x.mean(0)) / (v + 1e-5).sqrt()) for x, v in zip(first, variances, strict=True)]
    assert torch.allclose(model[4].running_mean, torch.stack([x.mean(0) for x in second]).mean(0), atol=1e-5)
    assert not model.training
    assert (model[1].rate, int(model[1].num_batches_tracked)) == (0.1, 0)


def test_a_frozen_layer_keeps_what_it_has() -> None:
    model = nn.Sequential(BatchNorm(3), BatchNorm(3))
    model[0].requires_grad_(False)
    take_population(model, [torch.randn(8, 3) + 5])
    assert torch.equal(model[0].running_mean, torch.zeros(3))
    assert model[1].running_mean.abs().min() > 1


@pytest.mark.parametrize("parts", [1, 3])
def test_the_steps_after_those_that_learn_take_them_and_change_no_weight(parts: int) -> None:
    with_, without = made(epochs=0.1, dropout=0.0), made(epochs=0.1, dropout=0.0, population_batches=0)
    with_.micro_batches = without.micro_batches = parts
    assert with_.steps == without.steps + 3
    batches = list(with_.batches(0))
    for number, batch in enumerate(batches[: without.steps]):
        with_.step(number, batch)
        without.step(number, batch)
    assert all(torch.equal(a, b) for a, b in zip(with_.model.buffers(), without.model.buffers(), strict=True))
    taken = [part.images for batch in batches[without.steps :] for part in batch.parts(parts)]
    take_population(without.model, taken)
    for number, batch in enumerate(batches[without.steps :], without.steps):
        losses = with_.step(number, batch)
        assert float(losses["loss"]) > 0
        assert with_.rates(number) == {"lr": 0.0}
    for (name, one), other in zip(with_.model.state_dict().items(), without.model.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_they_can_be_stopped_among_themselves_and_go_on_to_the_same_bits() -> None:
    straight, stopped, resumed = (made(epochs=0.1, dropout=0.0) for _ in range(3))
    batches = list(straight.batches(0))
    for number, batch in enumerate(batches):
        straight.step(number, batch)
    for number, batch in enumerate(batches[:-1]):
        stopped.step(number, batch)
    resumed.restore(stopped.state())
    resumed.step(len(batches) - 1, next(resumed.batches(len(batches) - 1)))
    for name, value in statistics(straight.model).items():
        assert torch.equal(statistics(resumed.model)[name], value), name


def test_they_need_normalisation() -> None:
    with pytest.raises(ValueError, match="needs batch_norm"):
        TINY_BATCHNORM.replace(batch_norm=False)
