"""Top-k accuracy and confusion counts against slow, obvious counting."""

import numpy as np
import pytest
import torch

from epochal.core.fault import InputFault
from epochal.measure.accuracy import confusion, correct_in_top_k, top_classes, top_k_accuracy, true_class_rank


def slow_top_k(scores: torch.Tensor, labels: torch.Tensor, k: int) -> float:
    hits = 0
    for row, label in zip(scores.tolist(), labels.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda c: (-row[c], c))
        hits += label in order[:k]
    return hits / len(labels)


@pytest.mark.parametrize("k", [1, 2, 5, 7])
def test_top_k_agrees_with_sorting_one_row_at_a_time(k):
    generator = torch.Generator().manual_seed(k)
    scores = torch.randn(300, 7, generator=generator)
    scores[::3] = scores[::3].round()  # many ties
    labels = torch.randint(0, 7, (300,), generator=generator)
    assert top_k_accuracy(scores, labels, k) == slow_top_k(scores, labels, k)


def test_the_first_guess_agrees_with_argmax():
    scores = torch.randn(500, 10, generator=torch.Generator().manual_seed(0))
    labels = torch.randint(0, 10, (500,), generator=torch.Generator().manual_seed(1))
    assert top_k_accuracy(scores, labels) == int((scores.argmax(1) == labels).sum()) / 500


def test_k_is_capped_by_the_number_of_classes():
    scores = torch.randn(20, 3, generator=torch.Generator().manual_seed(0))
    assert top_k_accuracy(scores, torch.zeros(20, dtype=torch.int64), 5) == 1.0
    assert top_classes(scores, 5).shape == (20, 3)


def test_equal_scores_credit_the_first_class_only():
    scores = torch.zeros(4, 4)
    labels = torch.arange(4)
    assert true_class_rank(scores, labels).tolist() == [0, 1, 2, 3]
    assert top_k_accuracy(scores, labels, 1) == 0.25


@pytest.mark.parametrize("k", [1, 3, 10])
def test_a_network_that_says_nan_is_never_right(k):
    scores = torch.full((5, 3), float("nan"))
    assert correct_in_top_k(scores, torch.zeros(5, dtype=torch.int64), k) == 0
    scores[:, 1:] = 1.0
    assert correct_in_top_k(scores, torch.ones(5, dtype=torch.int64), k) == 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_type_of_the_scores_does_not_matter(dtype):
    scores = torch.tensor([[0.0, 2.0, 1.0], [3.0, 1.0, 2.0]], dtype=dtype)
    assert true_class_rank(scores, torch.tensor([2, 0])).tolist() == [1, 0]


def test_the_best_classes_come_in_the_order_of_the_ranks():
    scores = torch.tensor([[1.0, 3.0, 3.0, 2.0], [float("nan"), 0.0, -1.0, 5.0]])
    assert top_classes(scores, 3).tolist() == [[1, 2, 3], [3, 1, 2]]
    for place in range(4):
        label = top_classes(scores, 4)[0, place : place + 1]
        assert true_class_rank(scores[:1], label).tolist() == [place]


def test_confusion_counts_truth_by_rows():
    counts = confusion(torch.tensor([0, 1, 1, 2, 0]), torch.tensor([0, 0, 1, 2, 2]), 3)
    assert counts.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_confusion_agrees_with_counting_pairs():
    generator = np.random.default_rng(0)
    labels, predicted = generator.integers(0, 6, 400), generator.integers(0, 6, 400)
    slow = np.zeros((6, 6), dtype=int)
    for truth, guess in zip(labels, predicted, strict=True):
        slow[truth, guess] += 1
    assert np.array_equal(confusion(torch.from_numpy(predicted), torch.from_numpy(labels), 6).numpy(), slow)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_named_with_its_place(label):
    labels = torch.tensor([0, 1, label, 2])
    with pytest.raises(InputFault, match=f"label {label} of sample 2") as caught:
        top_k_accuracy(torch.zeros(4, 3), labels)
    assert "0 to 2" in caught.value.expected
    with pytest.raises(InputFault, match="of sample 2"):
        confusion(labels, torch.zeros(4, dtype=torch.int64), 3)


def test_no_samples_and_no_k_are_refused():
    with pytest.raises(InputFault, match="no samples"):
        top_k_accuracy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(InputFault, match="top-0"):
        top_k_accuracy(torch.zeros(1, 3), torch.zeros(1, dtype=torch.int64), 0)
