"""How often a classifier is right: the rank of the true class, top-k accuracy, confusion counts.

Everything follows from one number per sample: how many classes score above the true one. Classes with equal scores rank
in their own order, so a network that says the same for every class is credited with its first class only, as `argmax`
would do. A score that is not a number ranks last, and a sample with one never counts as right.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from epochal.core.fault import InputFault


def true_class_rank(scores: Float[Tensor, "N K"], labels: Int64[Tensor, " N"]) -> Int64[Tensor, " N"]:
    """How many classes come before the true one: 0 is right at the first guess, K is never right.

    Args:
        scores: logits or probabilities; only their order matters.
        labels: the true classes.

    Raises:
        InputFault: a label is no class of these scores.
    """
    _check_labels(labels, scores.shape[1])
    truth = scores.gather(1, labels[:, None])
    earlier = torch.arange(scores.shape[1], device=scores.device) < labels[:, None]
    before = (scores > truth) | ((scores == truth) & earlier)
    return before.sum(dim=1).masked_fill(scores.isnan().any(dim=1), scores.shape[1])


def correct_in_top_k(scores: Float[Tensor, "N K"], labels: Int64[Tensor, " N"], k: int) -> int:
    """The number of samples whose true class is among the k best; k is capped by the number of classes.

    Raises:
        InputFault: k is below 1, or a label is no class of these scores.
    """
    rank = true_class_rank(scores, labels)
    return int((rank < _capped(k, scores.shape[1])).sum())


def top_k_accuracy(scores: Float[Tensor, "N K"], labels: Int64[Tensor, " N"], k: int = 1) -> float:
    """The fraction of samples whose true class is among the k best; k is capped by the number of classes.

    Raises:
        InputFault: there are no samples, k is below 1, or a label is no class of these scores.
    """
    if len(labels) == 0:
        raise InputFault("the accuracy of no samples is not defined", expected="at least one sample")
    return correct_in_top_k(scores, labels, k) / len(labels)


def top_classes(scores: Float[Tensor, "N K"], k: int = 5) -> Int64[Tensor, "N best"]:
    """The k best classes of each sample, best first, by the same order as `true_class_rank`.

    Raises:
        InputFault: k is below 1.
    """
    known = scores.masked_fill(scores.isnan(), -torch.inf)
    return known.argsort(dim=1, descending=True, stable=True)[:, : _capped(k, scores.shape[1])]


def confusion(predicted: Int64[Tensor, " N"], labels: Int64[Tensor, " N"], classes: int) -> Int64[Tensor, "K K"]:
    """Counts of (true class, predicted class) pairs: rows are the truth, columns the prediction.

    Raises:
        InputFault: a label or a prediction is no class.
    """
    _check_labels(labels, classes)
    _check_labels(predicted, classes)
    return torch.bincount(labels * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def _capped(k: int, classes: int) -> int:
    if k < 1:
        raise InputFault(f"top-{k} accuracy does not exist", expected="k of at least 1")
    return min(k, classes)


# A label outside the range would otherwise fail deep inside a gather, on a GPU without saying where.
def _check_labels(labels: Int64[Tensor, " N"], classes: int) -> None:
    wrong = (labels < 0) | (labels >= classes)
    if bool(wrong.any()):
        place = int(wrong.to(torch.int8).argmax())
        raise InputFault(
            f"label {int(labels[place])} of sample {place} is no class",
            expected=f"a number from 0 to {classes - 1}",
        )
