"""How much each layer changes the signal: the deviation of its responses (Section 4.2, Figure 7).

A response is what a 3 x 3 layer answers after its normalisation and before rectifier or addition. The paper finds that
residual networks have smaller responses than plain ones, and the deeper of them smaller ones still: each layer then
has little to add to what goes around it.
"""

from __future__ import annotations

import math

from torch import nn

from epochal.engine.probe import activations
from epochal.engine.scene import Scene

# How many held-out pictures are looked at, and how many at a time: a thousand layers fit into memory then.
PICTURES = 1_000
_BATCH = 32


def normalisations(model: nn.Module) -> list[str]:
    """The names of what normalises the 3 x 3 layers, in the order of the layers."""
    three = [name for name, m in model.named_modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    # A block's conv2 is normalised by its bn2.
    return ["bn".join(name.rsplit("conv", 1)) for name in three]


def deviations(scene: Scene) -> dict[str, float]:
    """The standard deviation of each 3 x 3 layer's responses to held-out pictures, over pictures, maps and places.

    Raises:
        InputFault: the data cannot be opened any more.
    """
    model = scene.classifier.model
    names = normalisations(model)
    sums, squares, count = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0), dict.fromkeys(names, 0)
    for _, images in scene.batches(scene.chosen(PICTURES), _BATCH):
        for name, output in activations(model, images, names).items():
            wide = output.double()
            sums[name] += float(wide.sum())
            squares[name] += float(wide.square().sum())
            count[name] += output.numel()
    return {name: math.sqrt(max(0.0, squares[name] / count[name] - (sums[name] / count[name]) ** 2)) for name in names}
