"""A landmark on its embedded data: trains in about a minute and shows itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from epochal.core.report import Report, silent
from epochal.core.run import Run
from epochal.verbs import catalogue
from epochal.verbs.evaluate import evaluate
from epochal.verbs.look import Look, look
from epochal.verbs.train import train


@dataclass(frozen=True)
class Demo:
    """What the demo did.

    Attributes:
        run: the finished run.
        top1: accuracy on held-out pictures, from 0 to 1; None for a landmark that learns no pictures.
        answer: what came of it, in a sentence.
        looks: the pictures it made of itself.
        next_commands: what to try now.
    """

    run: Run
    top1: float | None
    answer: str
    looks: tuple[Look, ...]
    next_commands: tuple[str, ...]


def demo(landmark: str = "alexnet", *, runs: Path | str | None = None, report: Report = silent) -> Demo:
    """Train a landmark's smoke recipe on its embedded data, measure it, and draw every view of it.

    Raises:
        InputFault: no landmark has that name.
    """
    catalogue.landmark(landmark)
    run = train(landmark, recipe="smoke", runs=runs, report=report)
    measured = evaluate(run)
    looks = tuple(look(run))
    folder = run.folder
    if catalogue.landmark(landmark).gives == "word vectors":
        return Demo(run, None, f"{landmark} has a held-out loss of {measured['loss']:.4f}.", looks, _next_words(run))
    top1 = measured["top1"]
    return Demo(
        run,
        top1,
        f"{landmark} gets {top1:.1%} of the held-out pictures right.",
        looks,
        (
            f"epochal look {folder} features --layer conv2",
            f"epochal evaluate {folder} --crops 10",
            f"epochal train {landmark} --recipe small --data imagefolder:PATH/TO/YOUR/PICTURES",
            f"epochal show {landmark}",
        ),
    )


def _next_words(run: Run) -> tuple[str, ...]:
    """What to try with word vectors."""
    folder, landmark = run.folder, run.record()["landmark"]
    return (
        f"epochal predict {folder} class",
        f"epochal export {folder} --format word2vec --out vectors.txt",
        f"epochal train {landmark} --recipe small --data text:PATH/TO/YOUR/TEXT",
        f"epochal show {landmark}",
    )
