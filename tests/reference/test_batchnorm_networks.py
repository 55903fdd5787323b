"""The networks against the paper's table, an independent count, and twins made of torch's own layers."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import epochal
from epochal.core.fault import InputFault
from epochal.engine.probe import activations
from epochal.landmarks.batchnorm.inception import FIGURE_5, BNInception, InceptionModule, Style
from epochal.landmarks.batchnorm.mnist import MnistNet
from epochal.landmarks.batchnorm.model import BatchNorm
from epochal.landmarks.batchnorm.networks import network
from epochal.landmarks.batchnorm.recipe import INCEPTION, MNIST, PAPER, SMALL
from epochal.landmarks.batchnorm.scaled import ScaledInception

# Figure 5 once more, typed in by itself: name, maps that come in, #1x1, #3x3 reduce, #3x3, double reduce, double, pool.
ROWS = """
3a 192 64 64 64 64 96 32
3b 256 64 64 96 64 96 64
3c 320 0 128 160 64 96 0
4a 576 224 64 96 96 128 128
4b 576 192 96 128 96 128 128
4c 576 160 128 160 128 160 128
4d 608 96 128 192 160 192 128
4e 608 0 128 192 192 256 0
5a 1056 352 192 320 160 224 128
5b 1024 352 192 320 192 224 128
"""


def counted() -> int:
    """Weights, gammas and betas by arithmetic on the rows; no biases but in the classifier."""

    def conv(seen: int, maps: int, side: int) -> int:
        return seen * maps * side * side + 2 * maps if maps else 0

    total = 3 * 8 * 49 + conv(24, 64, 1) + conv(64, 64, 1) + conv(64, 192, 3) + 1024 * 1000 + 1000
    for row in ROWS.strip().splitlines():
        seen, one, reduce, three, reduce_double, double, pool = map(int, row.split()[1:])
        total += conv(seen, one, 1) + conv(seen, reduce, 1) + conv(reduce, three, 3)
        total += conv(seen, reduce_double, 1) + conv(reduce_double, double, 3) + conv(double, double, 3)
        total += conv(seen, pool, 1)
    return total


def parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_parameter_counts_are_the_cards_and_an_independent_sum() -> None:
    presets = epochal.landmark("batchnorm").presets
    with torch.device("meta"):
        assert parameters(network(PAPER, 1000)) == presets["paper"] == counted() == 11_278_528
        assert parameters(network(INCEPTION, 1000)) == presets["inception"]
        assert parameters(network(MNIST, 10)) == presets["mnist"]
        assert parameters(network(MNIST.replace(batch_norm=False, population_batches=0), 10)) == 99_710
    assert presets["mnist without"] == 99_710
    assert presets["mnist"] == 784 * 100 + 2 * 100 * 100 + 100 * 10 + 10 + 3 * 2 * 100
    # Without normalisation each pair of gamma and beta is a bias.
    convolutions = 3 + sum(5 + bool(w.one) + bool(w.projected) for w in FIGURE_5.values())
    with torch.device("meta"):
        norms = [m for m in network(PAPER, 1000).modules() if isinstance(m, BatchNorm)]
    assert len(norms) == convolutions
    assert presets["paper"] - presets["inception"] == sum(norm.activations for norm in norms)


def test_the_modules_have_the_sizes_of_figure_5_where_they_add_up() -> None:
    with torch.device("meta"):
        model, x = BNInception(), torch.empty(1, 64, 112, 112)
        x = model.pool2(model.conv2(model.reduce2(model.pool1(x))))
        sizes = []
        for name in FIGURE_5:
            x = model.get_submodule(f"inception{name}")(x)
            sizes.append((x.shape[1], x.shape[2]))
    assert sizes == [
        (256, 28), (320, 28), (576, 14), (576, 14), (576, 14), (608, 14), (608, 14), (1056, 7), (1024, 7), (1024, 7),
    ]  # fmt: skip


def test_a_small_picture_comes_out_as_scores_and_another_size_is_refused() -> None:
    torch.manual_seed(0)
    model = ScaledInception(5, pixels=16, modules=("3a", "3c", "5b"), width=0.05)
    assert model(torch.randn(2, 3, 16, 16)).shape == (2, 5)
    for network_, pixels in ((model, 18), (MnistNet(), 27)):
        with pytest.raises(InputFault, match="images of shape"):
            network_(torch.zeros(1, 3, pixels, pixels))


def twin(model: nn.Module) -> nn.Module:
    """The same network with torch's normalisation."""
    for name, layer in model.named_children():
        if isinstance(layer, BatchNorm):
            dense = name.startswith("bn") and name != "bn"
            setattr(model, name, (nn.BatchNorm1d if dense else nn.BatchNorm2d)(layer.activations))
        else:
            twin(layer)
    return model


@pytest.mark.parametrize("recipe", [SMALL.replace(width=0.05), MNIST], ids=["scaled", "mnist"])
def test_with_torchs_layers_in_it_the_network_gives_the_same_bits(recipe) -> None:
    torch.manual_seed(1)
    ours, theirs = network(recipe, 10), twin(network(recipe, 10))
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(6, 3, 28, 28)
    for model in (ours, theirs):
        model(x).logsumexp(1).sum().backward()
    ours.eval(), theirs.eval()
    assert torch.equal(ours(x), theirs(x))
    for (name, one), other in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(one.grad, other.grad), name


def test_the_digits_are_black_and_white_and_their_colours_do_not_matter() -> None:
    torch.manual_seed(2)
    model = MnistNet().eval()
    gray = torch.rand(4, 1, 28, 28).expand(4, 3, 28, 28)
    bits = (gray > 0.5).float()
    assert torch.equal(model(gray), model(bits))
    assert not torch.equal(MnistNet(binary=False).eval()(gray), MnistNet(binary=False).eval()(bits))
    flat = bits[:, 0].flatten(1)
    hidden = activations(model, gray, ["fc1"])["fc1"]
    assert torch.allclose(hidden, model.fc1(flat), atol=1e-6)


def test_a_normalised_layer_has_no_bias_and_a_plain_one_has() -> None:
    with torch.device("meta"):
        for normalised in (True, False):
            model = InceptionModule(8, FIGURE_5["3a"].scaled(0.1), Style(normalised, "sigmoid"))
            biases = [m.bias is not None for m in model.modules() if isinstance(m, nn.Conv2d)]
            assert set(biases) == {not normalised}
            assert any(isinstance(m, nn.Sigmoid) for m in model.modules())


def test_each_module_is_there_once() -> None:
    with pytest.raises(ValueError, match="modules once each"):
        SMALL.replace(modules=("3a", "3a"))
