"""What a step minimises, against torch's cross-entropy with probabilities as the truth."""

from __future__ import annotations

from itertools import islice

import pytest
import torch
from tests.tiny import TINY
from torch.nn import functional

from epochal.data.digits import read_digits
from epochal.data.feed import Batch
from epochal.engine.objective import CROSS_ENTROPY, CrossEntropy, right_answers
from epochal.engine.supervised import Supervised
from epochal.landmarks.alexnet.train import task

CLASSES = 7


def batch(count: int, *, mixed: bool, share: float = 0.3) -> Batch:
    generator = torch.Generator().manual_seed(2)
    labels, others = torch.randint(CLASSES, (2, count), generator=generator)
    images = torch.zeros(count, 3, 4, 4)
    if not mixed:
        return Batch(images, labels, torch.arange(count))
    return Batch(images, labels, torch.arange(count), others, share)


def truth(one: Batch, smoothing: float, classes: int) -> torch.Tensor:
    """The probability of every class that the batch's labels stand for."""
    wanted = functional.one_hot(one.labels, classes).double()
    if one.mixed_in is not None:
        wanted = one.share * wanted + (1 - one.share) * functional.one_hot(one.mixed_in, classes)
    return (1 - smoothing) * wanted + smoothing / classes


@pytest.mark.parametrize("mixed", [False, True], ids=["plain", "mixed"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_the_loss_and_its_gradient_are_those_of_the_labels_as_probabilities(smoothing: float, mixed: bool) -> None:
    one = batch(9, mixed=mixed)
    logits = torch.randn(9, CLASSES, generator=torch.Generator().manual_seed(3), dtype=torch.float64) * 4
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = CrossEntropy(smoothing)(ours, one)
    expected = functional.cross_entropy(theirs, truth(one, smoothing, CLASSES), reduction="sum")
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_without_smoothing_and_mixing_it_is_the_plain_cross_entropy_to_the_bit() -> None:
    one, logits = batch(9, mixed=False), torch.randn(9, CLASSES)
    assert torch.equal(CROSS_ENTROPY(logits, one), functional.cross_entropy(logits, one.labels, reduction="sum"))


@pytest.mark.parametrize(("share", "field"), [(1.0, "labels"), (0.0, "mixed_in")])
def test_a_share_of_all_or_nothing_leaves_one_label(share: float, field: str) -> None:
    one, logits = batch(9, mixed=True, share=share), torch.randn(9, CLASSES)
    expected = functional.cross_entropy(logits, getattr(one, field), reduction="sum")
    torch.testing.assert_close(CROSS_ENTROPY(logits, one), expected)


def test_right_answers_counts_the_pictures_own_classes_and_holds_no_graph() -> None:
    one = batch(9, mixed=True)
    logits = functional.one_hot(one.labels, CLASSES).float()
    logits[2:4] = functional.one_hot((one.labels[2:4] + 1) % CLASSES, CLASSES).float()
    logits.requires_grad_()
    right = right_answers(logits, one)
    assert right == 7
    assert right.dtype == torch.float32
    assert not right.requires_grad


def tiny(micro_batches: int = 1) -> Supervised:
    recipe = TINY.replace(mixup=0.8, cutmix=1.0, label_smoothing=0.1, dropout=False)
    return task(recipe, read_digits(), seed=1, device=torch.device("cpu"), micro_batches=micro_batches)


def test_a_step_follows_the_gradient_of_the_mean_over_the_batch() -> None:
    trained = tiny()
    (one,) = islice(trained.batches(0), 1)
    assert one.mixed_in is not None
    twin = tiny().model
    wanted = truth(one, 0.1, 10).float()
    expected = functional.cross_entropy(twin(one.images), wanted)
    expected.backward()
    losses = trained.step(0, one)
    torch.testing.assert_close(losses["loss"], expected.detach())
    for (name, a), b in zip(trained.model.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, atol=1e-6, rtol=1e-4, msg=name)


def test_micro_batches_of_a_mixed_batch_give_the_same_update() -> None:
    whole, split = tiny(), tiny(micro_batches=5)  # 48 does not divide by 5
    for number, one in enumerate(islice(whole.batches(0), 3)):
        first, second = whole.step(number, one), split.step(number, one)
        torch.testing.assert_close(first["loss"], second["loss"])
        assert torch.equal(first["accuracy"], second["accuracy"])
    for (name, a), b in zip(whole.model.named_parameters(), split.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6), name
