"""What every classifier of pictures can show of itself: a page for each view.

A landmark's own `look` lists them among its own views, and has what only one paper has: what its filters are, its line
in the curves.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from matplotlib.figure import Figure
from torch import Tensor, nn

from epochal.engine.classify import probabilities
from epochal.engine.probe import activations
from epochal.engine.scene import Scene
from epochal.measure.accuracy import confusion as confusion_counts
from epochal.measure.accuracy import top_classes
from epochal.measure.confusion import most_confused, recalls
from epochal.measure.occlusion import occlusion_map
from epochal.measure.plane import laid_out
from epochal.view import confusion as table
from epochal.view import feature_maps, filters, grid, layers, occlusion, plane
from epochal.view.mosaic import Panel
from epochal.view.sheet import notice

# How many pictures a view is made of; more would say the same and take longer.
MAPPED = 2_000
OCCLUDED, MOST_GIVEN = 6, 24
WORST, PAIRS = 24, 20


# The views that need to know nothing of the network but its answers.
VIEWS = {
    "answers": "pictures with the network's answer and the truth",
    "occlusion": "what each answer rests on: how it changes when a part of the picture is hidden",
    "mistakes": "the held-out pictures that the network is most wrong about",
    "confusion": "which classes are taken for which",
}
# Those of them, and of all classifiers' others, that show pictures of one's own.
OF_PICTURES = ("features", "answers", "occlusion")


def of_answers(view: str, scene: Scene) -> Figure:
    """One of `VIEWS`.

    Raises:
        InputFault: there is no picture to look at.
    """
    return {"answers": answers, "occlusion": occluded, "mistakes": mistakes, "confusion": confusion}[view](scene)


def first_weights(scene: Scene, *, columns: int = 1, most: int | None = None) -> Figure:
    """The weights of the first layer as pictures: the kernels of a convolution, or what each dense unit sees.

    Args:
        scene: the network.
        columns: into how many parts the kernels fall.
        most: how many are shown at most.
    """
    first = next(m for m in scene.classifier.model.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    weights = first.weight.detach().cpu().float()
    if isinstance(first, nn.Linear):
        weights = weights.view(len(weights), -1, scene.classifier.crop, scene.classifier.crop)
    if weights.shape[1] == 3 and scene.is_gray:
        # Gray pictures show a kernel the same value three times: it answers to the sum of its three weights, and the
        # colours it was born with are never corrected.
        weights = weights.sum(1, keepdim=True)
    return filters.filter_grid(weights[:most].numpy(), columns=columns)


def features(scene: Scene, layer: str | None, telling: Sequence[str]) -> Figure:
    """What one layer, or each of the `telling` layers, answers to the first picture.

    Raises:
        InputFault: the layer is unknown, or there is no picture to look at.
    """
    picture = scene.pictures[0][0]
    image, shown = scene.input_of([picture]), scene.seen(picture)
    if layer is None:
        outputs = activations(scene.classifier.model, image, telling)
        return layers.layer_overview(shown, {name: output[0].numpy() for name, output in outputs.items()})
    output = activations(scene.classifier.model, image, [layer])[layer]
    return feature_maps.feature_maps(shown, output[0].numpy(), layer)


def answers(scene: Scene) -> Figure:
    """Pictures with the network's answer and the truth."""
    scores = scene.answer([picture for picture, _ in scene.pictures])
    best = top_classes(scores, 1)[:, 0].tolist()
    said = [
        grid.Answer(scene.classifier.classes[place], float(scores[row, place]), truth or None)
        for row, (place, (_, truth)) in enumerate(zip(best, scene.pictures, strict=True))
    ]
    return grid.answer_grid([scene.seen(picture) for picture, _ in scene.pictures], said)


def occluded(scene: Scene) -> Figure:
    """Where the answers to some pictures come from."""
    model, classes = scene.classifier.model, scene.classifier.classes
    crop, precision = scene.classifier.crop, scene.classifier.precision
    square = max(2, round(crop / 4))
    cases = []
    pictures, which = _unsure(scene)
    for picture, truth in pictures:
        image = scene.input_of([picture])
        shares = probabilities(model, image, crop=crop, precision=precision)[0]
        best = int(top_classes(shares[None], 1)[0, 0])

        def probability(images: Float[Tensor, "B 3 C C"], best: int = best) -> Float[Tensor, " B"]:
            return probabilities(model, images, crop=crop, precision=precision)[:, best]

        drops = occlusion_map(probability, image[0], square, steps=min(15, crop)).cpu().numpy()
        said = grid.Answer(classes[best], float(shares[best]), truth or None)
        cases.append(occlusion.Occluded(scene.seen(picture), said, drops))
    return occlusion.occlusion_page(cases, square, which)


def _unsure(scene: Scene) -> tuple[list[tuple[Panel, str]], str]:
    """The pictures given; or some of the held-out ones whose answers are least sure, as those can be moved."""
    pictures = scene.pictures
    if scene.given or len(pictures) <= OCCLUDED:
        return list(pictures[:MOST_GIVEN]), ""
    sure = scene.answer([picture for picture, _ in pictures]).max(1).values
    least = sorted(sure.argsort(stable=True)[:OCCLUDED].tolist())
    which = f"Shown are the {OCCLUDED} of {len(pictures)} held-out pictures whose answers are least sure."
    return [pictures[place] for place in least], which


def mistakes(scene: Scene) -> Figure:
    """The held-out pictures that are most confidently taken for something else."""
    said = scene.classified
    best = top_classes(said.probabilities, 1)[:, 0]
    sure = said.probabilities.gather(1, best[:, None])[:, 0].masked_fill(best == said.labels, -1.0)
    order = sure.argsort(descending=True, stable=True)[:WORST]
    worst = order[sure[order] >= 0].tolist()
    wrong, judged = int((best != said.labels).sum()), len(best)
    if not worst:
        return notice("The worst mistakes", f"The network is right about all of {judged:,} held-out pictures.")
    answers = [
        grid.Answer(
            scene.classifier.classes[int(best[row])],
            float(said.probabilities[row, best[row]]),
            scene.classifier.classes[int(said.labels[row])],
        )
        for row in worst
    ]
    pictures = [scene.seen(scene.held_out.picture(int(scene.judged[row]))) for row in worst]
    shown = "" if len(worst) == wrong else f"; the {len(worst)} that the network is most sure of"
    return grid.answer_grid(
        pictures, answers, "The worst mistakes", f"{wrong:,} of {judged:,} held-out pictures are taken wrongly{shown}"
    )


def confusion(scene: Scene) -> Figure:
    """Which classes are taken for which: a table, or the worst pairs of many classes."""
    said, classes = scene.classified, scene.classifier.classes
    counts = confusion_counts(top_classes(said.probabilities, 1)[:, 0], said.labels, len(classes)).numpy()
    if len(classes) <= table.MOST:
        return table.confusion_table(counts, recalls(counts), classes)
    pairs = [(classes[p.truth], classes[p.said], p.count, p.share) for p in most_confused(counts, PAIRS)]
    return table.confusion_pairs(pairs, int(counts.trace()), int(counts.sum()), len(classes))


def embedding(scene: Scene, layer: str) -> Figure:
    """Held-out pictures, laid out by what a dense layer answers to them."""
    chosen = scene.chosen(MAPPED)
    parts = [activations(scene.classifier.model, images, [layer])[layer] for _, images in scene.batches(chosen)]
    places = laid_out(torch.cat(parts).flatten(1).numpy())
    pictures = [scene.seen(scene.held_out.picture(int(place))) for place in chosen]
    return plane.picture_map(places, scene.held_out.labels[chosen], pictures, scene.classifier.classes, layer)
