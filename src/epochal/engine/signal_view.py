"""The signal of a run as a picture: what was recorded, or what its newest checkpoint answers now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.figure import Figure

from epochal.engine.scene import Scene
from epochal.engine.signal import signals
from epochal.view.signal import signal_page

# How many held-out pictures the newest checkpoint is asked about.
ASKED = 128


def signal(scene: Scene, metrics: Sequence[Mapping[str, Any]], layer: str | None = None) -> Figure:
    """Percentiles of every layer's responses and gradients.

    Args:
        scene: the network and its pictures; asked only if the run recorded nothing.
        metrics: the rows of the run's log.
        layer: the one layer to show over time, with some of its units.

    Raises:
        InputFault: the network has no such layer, or its data is not there any more.
    """
    if any(row.get("kind") == "signal" for row in metrics):
        return signal_page(metrics, layer)
    chosen = scene.chosen(ASKED)
    _, images = next(iter(scene.batches(chosen, ASKED)))
    classifier = scene.classifier
    labels = torch.from_numpy(scene.held_out.labels[chosen]).to(classifier.device)
    found = signals(classifier.model, images.to(classifier.device), labels, precision=classifier.precision)
    note = (
        f"Taken from the newest checkpoint, on {len(chosen)} held-out pictures: nothing was recorded while it trained "
        "(epochal train ... --signal-every 100)."
    )
    return signal_page([{"kind": "signal", "step": 0, "layers": found}], layer, note=note)
