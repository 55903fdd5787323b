"""What a classifier's step minimises."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from epochal.data.feed import Batch


@dataclass(frozen=True)
class CrossEntropy:
    """The cross-entropy between what a network says and the true classes, in nats.

    Attributes:
        smoothing: the share of the truth that is spread evenly over all classes (Szegedy et al. 2016, Section 7).
    """

    smoothing: float = 0.0

    def __call__(self, logits: Float[Tensor, "B K"], batch: Batch) -> Float[Tensor, ""]:
        """The sum over the pictures; of mixed pictures, each class counts by its share of the picture."""
        loss = self._sum(logits, batch.labels)
        if batch.mixed_in is None:
            return loss
        return batch.share * loss + (1.0 - batch.share) * self._sum(logits, batch.mixed_in)

    def _sum(self, logits: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(logits, labels, reduction="sum", label_smoothing=self.smoothing)


CROSS_ENTROPY = CrossEntropy()


def right_answers(logits: Float[Tensor, "B K"], batch: Batch) -> Float[Tensor, ""]:
    """How many pictures got their own class as the first answer."""
    return (logits.detach().argmax(1) == batch.labels).sum().to(torch.float32)
