"""What there is to look at, and to measure, in a run: its newest good checkpoint, as its landmark's views take it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from epochal.core.run import Run
from epochal.data.source import open_data
from epochal.verbs.launch import default_workers
from epochal.verbs.trained import load_classifier
from epochal.verbs.vectors import find_vectors


def scene_of(
    run: Run,
    *,
    images: Sequence[Path | str] = (),
    words: Sequence[str] = (),
    device: str = "auto",
    offline: bool = False,
) -> Any:
    """A landmark's scene: a network with the data it was trained on, or word vectors.

    Args:
        run: the run.
        images: picture files of one's own.
        words: words to show, of word vectors.
        device: where to compute.
        offline: never download.

    Raises:
        InputFault: the run or a picture cannot be read, or a word has no vector.
    """
    record = run.record()
    make = import_module(f"epochal.landmarks.{record['landmark']}.look").scene
    if (asked := find_vectors(run)) is not None:
        return make(asked.vectors, words)
    trained, _, _ = load_classifier(run, device)
    opened = partial(open_data, record["data"], offline=offline)
    return make(trained, [Path(image) for image in images], opened, default_workers())
