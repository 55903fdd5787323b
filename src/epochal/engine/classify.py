"""Running a trained classifier over pictures: scores, accuracy, loss."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.nn import functional

from epochal.engine.device import autocast
from epochal.measure.accuracy import top_k_accuracy
from epochal.measure.crops import averaged_softmax, centre_crop, ten_crops


@dataclass(frozen=True)
class Classified:
    """What a classifier said of some pictures.

    Attributes:
        probabilities: a row per picture; with ten crops, their average (AlexNet, Section 4.1).
        labels: the true classes.
    """

    probabilities: Float[Tensor, "N K"]
    labels: Int64[Tensor, " N"]

    def metrics(self) -> dict[str, float]:
        """Top-1 and top-5 accuracy in [0, 1], and the mean cross-entropy in nats."""
        loss = functional.nll_loss(self.probabilities.clamp_min(1e-12).log(), self.labels)
        return {
            "top1": top_k_accuracy(self.probabilities, self.labels, 1),
            "top5": top_k_accuracy(self.probabilities, self.labels, 5),
            "loss": float(loss),
        }


@torch.no_grad()
def probabilities(
    model: nn.Module, images: Float[Tensor, "B 3 S S"], *, crop: int, ten: bool = False, precision: str = "fp32"
) -> Float[Tensor, "B K"]:
    """The class probabilities of centred pictures, from their centre crop or averaged over ten crops.

    The model's mode is put back afterwards.
    """
    training = model.training
    model.eval()

    def forward(view: Float[Tensor, "B 3 C C"]) -> Float[Tensor, "B K"]:
        with autocast(images.device, precision):
            return model(view.contiguous(memory_format=torch.channels_last)).float()  # type: ignore[no-any-return]

    try:
        return averaged_softmax(forward, ten_crops(images, crop) if ten else [centre_crop(images, crop)])
    finally:
        model.train(training)


def classify(
    model: nn.Module,
    batches: Iterable[tuple[Float[Tensor, "_ 3 S S"], Int64[Tensor, " _"]]],
    *,
    crop: int,
    ten: bool = False,
    precision: str = "fp32",
) -> Classified:
    """Run the model over labelled pictures, without touching its weights, its mode or any generator."""
    scores, labels = [], []
    for images, classes in batches:
        scores.append(probabilities(model, images, crop=crop, ten=ten, precision=precision))
        labels.append(classes)
    return Classified(torch.cat(scores), torch.cat(labels))
