"""Experiments and finished runs made by hand: what the lab works with, without a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.tiny import TINY

from epochal.core.claim import Arm, Claim, EpochsTo, ErrorRate, Less, Ratio, Tuning
from epochal.core.run import Run
from epochal.lab.experiment import Experiment
from epochal.lab.jobs import Job
from epochal.landmarks.alexnet import CARD

ENVIRONMENT = {
    "python": "3.11.7",
    "epochal": "0.1.0",
    "torch": "2.13.0",
    "system": "Linux x86_64",
    "processor": "a processor",
    "cores": 2,
    "threads": 1,
    "accelerator": None,
    "fast_bf16": True,
    "commit": "0123456789ab",
}

# Two arms with a rate of their own, as the claim of Section 3.1 has them.
RATES = Tuning(setting="lr", values=(0.1, 0.2), by="train_top1", changes={"epochs": 1.0}, seconds=7.0)
FASTER = Claim(
    name="faster",
    says="the one is faster than the other",
    source="Section 3.1",
    reported="6 times",
    label="N",
    metric=EpochsTo(name="train_top1", level=0.75),
    arms=(
        Arm(name="one", recipe=TINY, tuning=RATES, seconds=20.0),
        Arm(name="other", recipe=TINY.replace(activation="tanh"), tuning=RATES, seconds=60.0),
    ),
    expectations=(Ratio(arm="other", over="one", least=3.0),),
    data="digits",
    seeds=(0, 1, 2),
    sd=0.1,
    budget="at most 40 epochs",
)
# Three arms; the last one is measured otherwise on the runs of the first.
BETTER = Claim(
    name="better",
    says="the base has less error than without dropout",
    source="Section 4.2",
    reported="no number",
    label="S",
    metric=ErrorRate(),
    arms=(
        Arm(name="base", recipe=TINY, seconds=20.0),
        Arm(name="without", recipe=TINY.replace(dropout=False), seconds=20.0),
        Arm(name="ten crops", recipe=TINY, metric=ErrorRate(crops=10), seconds=20.0),
    ),
    expectations=(Less(arm="base", than="without"),),
    data="digits",
    seeds=(0, 1),
    sd=0.5,
    budget="two epochs",
)


def experiment(claim: Claim) -> Experiment:
    return Experiment.of("alexnet", claim)


def evaluations(*values: float, name: str = "train_top1", every: float = 1.0) -> list[dict[str, Any]]:
    """The rows of a log in which a metric has these values, one after each epoch."""
    return [
        {"kind": "evaluation", "step": 30 * place, "epoch": every * place, "seconds": 1.0, "top1": value, name: value}
        for place, value in enumerate(values, 1)
    ]


def made_run(
    folder: Path, job: Job, rows: list[dict[str, Any]] | None = None, *, top1: float = 0.9, **changes: Any
) -> Run:
    """The run of a job as `epochal train` would have left it; `changes` go into its record."""
    rows = evaluations(top1) if rows is None else rows
    last = rows[-1] if rows else {}
    results = {name: value for name, value in last.items() if name not in ("kind", "step", "epoch", "seconds")}
    record = {
        "status": "finished",
        "landmark": job.landmark,
        "landmark_version": CARD.version,
        "recipe_name": "custom",
        "recipe": job.recipe.model_dump(mode="json"),
        "data": job.data,
        "data_digest": "d" * 64,
        "classes": [str(digit) for digit in range(10)],
        "seed": job.seed,
        "device": "cpu",
        "precision": "fp32",
        "environment": ENVIRONMENT,
        "stretches": [],
        "results": {**results, "top1": top1},
        "seconds": 30.0,
        **changes,
    }
    run = Run.create(folder, "made", record)
    for row in rows:
        run.log(row)
    return run
