"""Measure a trained run on held-out pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from epochal.core.fault import InputFault, printable
from epochal.core.run import Run
from epochal.data.source import open_data
from epochal.data.subset import in_memory, with_fewer
from epochal.verbs import catalogue
from epochal.verbs.launch import default_workers
from epochal.verbs.trained import Trained, find_trained
from epochal.verbs.vector_measures import evaluate_vectors
from epochal.verbs.vectors import ON_CPU, find_vectors, refuse_options
from epochal.verbs.weights import Source


def evaluate(
    run: Run | Path | str,
    *,
    weights: Source | None = None,
    overrides: Sequence[str] = (),
    data: str | None = None,
    crops: int = 1,
    split: str = "held-out",
    analogies: Sequence[Path | str] = (),
    pairs: Sequence[Path | str] = (),
    device: str = "auto",
    offline: bool = False,
) -> dict[str, Any]:
    """Top-1 and top-5 accuracy and mean loss of a run's newest good checkpoint, or of weights from elsewhere.

    Word vectors, a run's or a file's, are measured by analogies and pairs; without either, by the run's held-out loss.

    Args:
        run: its path, its name in the runs folder, or `latest`; an exported folder; with weights, a landmark's name; a
            file of word vectors.
        weights: weights for that landmark: a file, an exported folder, a run, or what `read_weights` has read.
        overrides: settings of the network that the weights do not tell, as `name=value`.
        data: a data set with the same classes; if None, the run's own.
        crops: 1 for the centre crop, 10 for the paper's ten-crop average (Section 4.1).
        split: `held-out`, or `train`: of a run's own data, named or not, the pictures that it learned from.
        analogies: for word vectors: files such as questions-words.txt, or `word-eval`.
        pairs: for word vectors: files of judged pairs, or `word-eval`.
        device: where to compute.
        offline: never download.

    Raises:
        InputFault: the run, the weights or the data cannot be used, or their classes differ.
    """
    if crops not in (1, 10):
        raise InputFault(f"crops cannot be {crops}", expected="1 (centre) or 10 (the paper's protocol)")
    if split not in ("held-out", "train"):
        raise InputFault(f"there is no split {printable(split)!r}", expected="held-out or train")
    asked_vectors = find_vectors(run) if weights is None else None
    if asked_vectors is not None:
        given = {"--data": data is not None, "--split": split != "held-out", "--crops": crops != 1}
        refuse_options(asked_vectors, given | {"--set": bool(overrides), "--device": device not in ON_CPU})
        return evaluate_vectors(asked_vectors, analogies, pairs, offline=offline)
    if weights is not None and (analogies or pairs):
        catalogue.require_network(str(run), "load weights into")
    if analogies or pairs:
        raise InputFault(f"{printable(str(run))} has no word vectors", expected="analogies and pairs only for those")
    # Weights need not name their classes: then they are those of the data.
    opened = None if data is None else open_data(data, offline=offline)
    asked = find_trained(run, weights=weights, overrides=overrides, data=opened, device=device, offline=offline)
    if opened is None:
        opened = open_data(_own_data(asked), offline=offline)
    if not asked.classifier.knows(opened):
        raise InputFault(
            f"the classes of {printable(opened.name)} are not those of {asked.name}",
            expected=", ".join(printable(name, 30) for name in asked.classifier.classes[:10]),
            remedy="evaluate on data with the same class names in the same order",
        )
    if asked.subset is not None and (data is None or opened.digest == asked.digest):
        opened = with_fewer(opened, *asked.subset)
    chosen = opened.held_out if split == "held-out" else opened.train
    workers = 0 if in_memory(chosen) else default_workers()
    result = asked.classifier.examine(chosen, ten=crops == 10, workers=workers)
    return {
        "run": asked.name,
        "gives": "classifier",
        "step": asked.step,
        "data": opened.name,
        "split": split,
        "pictures": len(chosen),
        "crops": crops,
        **result.metrics(),
        "account": list(asked.account),
        "notes": list(asked.notes),
    }


def _own_data(asked: Trained) -> str:
    if asked.data is None:
        raise InputFault(f"{asked.name} does not say what it learned from", expected="data to measure it on (--data)")
    return asked.data
