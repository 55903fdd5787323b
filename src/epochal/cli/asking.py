"""Commands that ask a trained run."""

from __future__ import annotations

from typing import Annotated, Any

import typer

import epochal
from epochal.cli.app import Data, Device, Json, Offline, Set, app
from epochal.console import Console

Asked = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run's path or name, or `latest`; an exported folder; with --weights, a landmark."
    ),
]
TheirWeights = Annotated[
    str | None, typer.Option("--weights", help="A file of weights, of this program or another, for the landmark.")
]


@app.command("evaluate", epilog="Example: epochal evaluate latest --crops 10")
def evaluate(
    run: Asked,
    weights: TheirWeights = None,
    overrides: Set = None,
    data: Data = None,
    crops: Annotated[int, typer.Option("--crops", help="1 (centre) or 10 (the paper's protocol).")] = 1,
    split: Annotated[str, typer.Option("--split", help="held-out or train.")] = "held-out",
    analogies: Annotated[
        list[str] | None,
        typer.Option("--analogies", help="For word vectors: a file like questions-words.txt, or word-eval; repeat it."),
    ] = None,
    pairs: Annotated[
        list[str] | None,
        typer.Option("--pairs", help="For word vectors: a file of judged word pairs, or word-eval; repeat it."),
    ] = None,
    device: Device = "auto",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Measure a run on held-out pictures."""
    console = Console(json)
    with console.waiting("evaluating"):
        result = epochal.evaluate(
            run,
            weights=weights,
            overrides=overrides or [],
            data=data,
            crops=crops,
            split=split,
            analogies=analogies or [],
            pairs=pairs or [],
            device=device,
            offline=offline,
        )
    console.result(result)
    for row in result["account"]:
        console.note(row)
    for note in result["notes"]:
        console.warn(note)
    if result["gives"] == "word vectors":
        _words(console, result)
        return
    step = "" if result["step"] is None else f", step {result['step']}"
    console.line(
        f"top-1 {result['top1']:.2%}, top-5 {result['top5']:.2%}, loss {result['loss']:.4f} on {result['pictures']:,} "
        f"pictures ({result['split']}, {epochal.counted(result['crops'], 'crop')}){step}"
    )


def _words(console: Console, result: dict[str, Any]) -> None:
    """What word vectors are worth."""
    for name in ("loss", "train_loss"):
        if name in result:
            console.line(f"{name.replace('_', ' ')} {result[name]:.4f}")
    by = [method for method in ("3CosAdd", "3CosMul") if method in result]
    if by:
        console.line(f"analogies among the first {result['restrict']:,} words:\n")
        console.table(
            ("section", *by, "seen"),
            [
                (
                    name,
                    *("-" if row["accuracy"] is None else f"{result[one][name]['accuracy']:.2%}" for one in by),
                    f"{row['seen']:,} of {row['total']:,}",
                )
                for name, row in result[by[0]].items()
            ],
        )
    if "pairs" in result:
        console.line()
        console.table(
            ("pairs", "Spearman", "seen"),
            [
                (name, "-" if row["spearman"] is None else f"{row['spearman']:.4f}", f"{row['seen']} of {row['total']}")
                for name, row in result["pairs"].items()
            ],
        )


@app.command("predict", epilog="Example: epochal predict latest photo.jpg holiday/ '*.png' -")
def predict(
    run: Asked,
    inputs: Annotated[
        list[str],
        typer.Argument(metavar="INPUT...", help="Files, folders, patterns, or - for stdin; words, or sums of words."),
    ],
    weights: TheirWeights = None,
    overrides: Set = None,
    top: Annotated[int, typer.Option("--top", help="How many classes, or words, to name.")] = 5,
    include_inputs: Annotated[
        bool, typer.Option("--include-inputs", help="Words: let those of the input be answers too.")
    ] = False,
    crops: Annotated[int, typer.Option("--crops", help="1 (centre) or 10 (the paper's protocol).")] = 1,
    device: Device = "auto",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Say what is in pictures. Exits with 2 if one of them cannot be read; the others are still answered."""
    console = Console(json)
    with console.waiting("looking"):
        predictions = epochal.predict(
            run,
            inputs,
            weights=weights,
            overrides=overrides or [],
            top=top,
            include_inputs=include_inputs,
            crops=crops,
            device=device,
            offline=offline,
        )
    console.result(
        [
            {
                "source": p.source,
                "classes": [{"name": name, p.measure: share} for name, share in p.classes],
                "fault": p.fault,
            }
            for p in predictions
        ]
    )
    for p in predictions:
        if p.fault:
            for line in p.fault.splitlines():
                console.warn(line)
            continue
        console.line(console.safe(p.source))
        for name, share in p.classes:
            shown = f"{share:7.2%}" if p.measure == "probability" else f"{share:7.4f}"
            console.line(f"  {shown}  {console.safe(name)}")
    if any(p.fault for p in predictions):
        raise typer.Exit(2)
