"""What can be seen in a trained AlexNet: its filters, its feature maps, its answers, its training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from matplotlib.figure import Figure
from torch import nn

from epochal.core.fault import InputFault
from epochal.data.images import Picture
from epochal.engine.classifier import Classifier
from epochal.engine.probe import activations
from epochal.landmarks.alexnet.recipe import AlexNetRecipe
from epochal.measure.accuracy import top_classes
from epochal.measure.crops import centre_crop
from epochal.view import curves, feature_maps, filters, grid, layers

# The paper's top-5 accuracy on the ImageNet 2012 test set with seven networks: 15.3 % error (Table 2).
PAPER_TOP5 = (0.847, "paper, ImageNet test, top-5: 84.7 %")

VIEWS = {
    "filters": "the kernels of the first layer (the paper's Figure 3)",
    "features": "what every layer, or one (--layer), answers to a picture",
    "answers": "pictures with the network's answer and the truth",
    "curves": "loss and accuracy over the training",
}


def look(
    view: str,
    classifier: Classifier,
    recipe: AlexNetRecipe,
    metrics: list[dict[str, Any]],
    pictures: Sequence[tuple[Picture, str]],
    layer: str | None = None,
) -> Figure:
    """One view of a trained network.

    Args:
        view: a name in `VIEWS`.
        classifier: the network.
        recipe: how it was trained.
        metrics: the rows of the run's log.
        pictures: pictures with their class names ("" where unknown); `features` shows the first.
        layer: the layer to show, for `features`.

    Raises:
        InputFault: the layer is unknown, or there is no picture to look at.
    """
    if view == "filters":
        return _filters(classifier, recipe)
    if view == "curves":
        wants_line = recipe.network in ("paper", "source", "torchvision") and len(classifier.classes) == 1000
        return curves.training_curves(metrics, reference=PAPER_TOP5 if wants_line else None)
    if not pictures:
        raise InputFault(f"the view {view!r} needs a picture", remedy="name one with --image")
    if view == "features":
        return _features(classifier, pictures[0][0], layer)
    return _answers(classifier, pictures)


def _filters(classifier: Classifier, recipe: AlexNetRecipe) -> Figure:
    kernels = next(m for m in classifier.model.modules() if isinstance(m, nn.Conv2d)).weight.detach().cpu().float()
    columns = recipe.columns if recipe.network in ("paper", "source", "scaled") else 1
    mean = classifier.statistics.mean
    if torch.equal(mean[..., 0], mean[..., 1]) and torch.equal(mean[..., 0], mean[..., 2]):
        # Gray pictures show a kernel the same value three times: it answers to the sum of its three weights, and the
        # colours it was born with are never corrected.
        kernels = kernels.sum(1, keepdim=True)
    return filters.filter_grid(kernels.numpy(), columns=columns)


def _features(classifier: Classifier, picture: Picture, layer: str | None) -> Figure:
    image = centre_crop(classifier.prepare([picture]), classifier.crop)
    shown = _visible(classifier, picture)
    if layer is None:
        # A rectifier's output is what a layer says; its convolution and its norm would repeat it.
        names = [name for name, m in classifier.model.named_modules() if not list(m.children())]
        telling = [name for name in names if name.startswith(("relu", "features", "fc8"))] or names
        outputs = activations(classifier.model, image, telling)
        return layers.layer_overview(shown, {name: output[0].numpy() for name, output in outputs.items()})
    output = activations(classifier.model, image, [layer])[layer]
    return feature_maps.feature_maps(shown, output[0].numpy(), layer)


def _visible(classifier: Classifier, picture: Picture) -> UInt8[np.ndarray, "S S 3"]:
    """The part of the picture that the network sees, as it was before the mean was subtracted."""
    pixels = torch.from_numpy(classifier.framed(picture)).permute(2, 0, 1)[None]
    size = min(classifier.crop, classifier.stored_size)
    return centre_crop(pixels, size)[0].permute(1, 2, 0).contiguous().numpy()


def _answers(classifier: Classifier, pictures: Sequence[tuple[Picture, str]]) -> Figure:
    scores = classifier.answer([picture for picture, _ in pictures])
    best = top_classes(scores, 1)[:, 0].tolist()
    answers = [
        grid.Answer(classifier.classes[place], float(scores[row, place]), truth or None)
        for row, (place, (_, truth)) in enumerate(zip(best, pictures, strict=True))
    ]
    return grid.answer_grid([_visible(classifier, picture) for picture, _ in pictures], answers)
