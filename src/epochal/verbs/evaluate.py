"""Measure a trained run on held-out pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from epochal.core.fault import InputFault, printable
from epochal.core.run import Run
from epochal.data.images import Pictures
from epochal.data.source import open_data
from epochal.verbs import catalogue
from epochal.verbs.train import default_workers
from epochal.verbs.trained import load_classifier


def evaluate(
    run: Run | Path | str,
    *,
    data: str | None = None,
    crops: int = 1,
    split: str = "held-out",
    device: str = "auto",
    offline: bool = False,
) -> dict[str, Any]:
    """Top-1 and top-5 accuracy and mean loss of a run's newest good checkpoint.

    Args:
        run: its path, its name in the runs folder, or `latest`.
        data: another data set with the same classes; the run's own if None.
        crops: 1 for the centre crop, 10 for the paper's ten-crop average (Section 4.1).
        split: `held-out` or `train`.
        device: where to compute.
        offline: never download.

    Raises:
        InputFault: the run or the data cannot be used, or their classes differ.
    """
    if crops not in (1, 10):
        raise InputFault(f"crops cannot be {crops}", expected="1 (centre) or 10 (the paper's protocol)")
    if split not in ("held-out", "train"):
        raise InputFault(f"there is no split {printable(split)!r}", expected="held-out or train")
    found = catalogue.find_run(run)
    classifier, step, passed_over = load_classifier(found, device)
    opened = open_data(data or found.record()["data"], offline=offline)
    if not classifier.knows(opened):
        raise InputFault(
            f"the classes of {printable(opened.name)} are not those of the run {found.name}",
            expected=", ".join(printable(name, 30) for name in classifier.classes[:10]),
            remedy="evaluate on data with the same class names in the same order",
        )
    chosen = opened.held_out if split == "held-out" else opened.train
    workers = 0 if isinstance(chosen, Pictures) else default_workers()
    result = classifier.examine(chosen, ten=crops == 10, workers=workers)
    return {
        "run": str(found.folder),
        "step": step,
        "data": opened.name,
        "split": split,
        "pictures": len(chosen),
        "crops": crops,
        **result.metrics(),
        "notes": list(passed_over),
    }
