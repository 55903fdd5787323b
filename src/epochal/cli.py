"""The command line: reads arguments, calls the public API, prints. It knows nothing else of the package."""

from __future__ import annotations

import io
import os
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

import epochal
from epochal.console import Console, Progress, leave_quietly

app = typer.Typer(
    name="epochal",
    help="The landmark papers of deep learning, 2012 to 2018: train them on your own data and look inside.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data_app = typer.Typer(help="Look at data before training on it.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(data_app, name="data")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A landmark, such as alexnet.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda, cuda:N or mps.")]
Offline = Annotated[bool, typer.Option("--offline", help="Never download.")]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run's path or name, or `latest`.")]
Data = Annotated[
    str | None,
    typer.Option("--data", help="digits, mnist, fashion-mnist, cifar10, imagenette, imagefolder:PATH or parquet:PATH."),
]


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.", is_eager=True)] = False,
) -> None:
    """Options that go before the command."""
    if version:
        print(epochal.__version__)
        raise typer.Exit


@app.command("list", epilog="Example: epochal list")
def list_landmarks(json: Json = False) -> None:
    """List the landmarks."""
    cards = epochal.chronology()
    console = Console(json)
    console.result([card.model_dump(mode="json") for card in cards])
    console.table(
        ("name", "year", "paper", "idea"), [(c.name, str(c.paper.year), c.paper.title, c.idea) for c in cards]
    )


@app.command("show", epilog="Example: epochal show alexnet")
def show(name: Name, json: Json = False) -> None:
    """Show a landmark: paper, networks, settings, recipes."""
    card, recipes = epochal.landmark(name), epochal.recipes(name)
    console = Console(json)
    settings = next(iter(recipes.values())).settings()
    console.result(
        {
            **card.model_dump(mode="json"),
            "recipes": {label: recipe.model_dump(mode="json") for label, recipe in recipes.items()},
            "settings": settings,
        }
    )
    console.card(card, recipes, settings)


@app.command("demo", epilog="Example: epochal demo")
def demo(name: Name = "alexnet", json: Json = False) -> None:
    """Train a landmark in about a minute, and see what it learned."""
    console = Console(json)
    with Progress(console) as progress:
        done = epochal.demo(name, report=progress)
    console.result(
        {
            "run": str(done.run.folder),
            "top1": done.top1,
            "pictures": [str(one.path) for one in done.looks],
            "next": list(done.next_commands),
        }
    )
    console.line(f"\n{name} gets {done.top1:.1%} of the held-out pictures right.\n\nIts pictures:")
    for one in done.looks:
        console.path(one.path)
    console.line("\nNext:")
    for command in done.next_commands:
        console.path(_as_called(command))


def _as_called(command: str) -> str:
    """A command as it works from here: `make demo` runs a program that is not on the path."""
    program = Path(sys.argv[0])
    if program.name != "epochal" or not program.exists() or shutil.which("epochal"):
        return command
    return os.path.relpath(program) + command.removeprefix("epochal")


@app.command("train", epilog="Example: epochal train alexnet --recipe small --data cifar10 --set lr=0.02 --seed 1")
def train(
    name: Name,
    recipe: Annotated[str, typer.Option("--recipe", help="One of the landmark's recipes.")] = "small",
    data: Data = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="A setting, as name=value; repeat it.")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Decides weights, order, augmentation and dropout.")] = 0,
    device: Device = "auto",
    workers: Annotated[int | None, typer.Option("--workers", help="Processes that decode pictures.")] = None,
    micro_batches: Annotated[int, typer.Option("--micro-batches", help="Split each batch to save memory.")] = 1,
    memory_gb: Annotated[
        float | None, typer.Option("--memory-gb", help="Data larger than this is read from disk in each epoch.")
    ] = None,
    save_every: Annotated[int | None, typer.Option("--save-every", help="Steps between checkpoints.")] = None,
    runs: Annotated[Path | None, typer.Option("--runs", help="The folder to make the run in.")] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Train a landmark."""
    console = Console(json)
    with Progress(console) as progress:
        run = epochal.train(
            name,
            recipe=recipe,
            data=data,
            overrides=overrides or [],
            seed=seed,
            device=device,
            workers=workers,
            micro_batches=micro_batches,
            memory_gigabytes=memory_gb,
            save_steps=save_every,
            offline=offline,
            runs=runs,
            report=progress,
        )
    _finished(console, run)


@app.command("resume", epilog="Example: epochal resume latest")
def resume(
    run: RunName,
    device: Annotated[str | None, typer.Option("--device", help="Another device than before.")] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Another number of processes that decode.")] = None,
    micro_batches: Annotated[int | None, typer.Option("--micro-batches", help="Another split of each batch.")] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Go on with a run that stopped, to the same bits."""
    console = Console(json)
    with Progress(console) as progress:
        done = epochal.resume(
            run, device=device, workers=workers, micro_batches=micro_batches, offline=offline, report=progress
        )
    _finished(console, done)


def _finished(console: Console, run: epochal.Run) -> None:
    record = run.record()
    console.result({"run": str(run.folder), "seconds": record["seconds"], **record["results"]})
    shown = ", ".join(f"{name} {value:.4f}" for name, value in record["results"].items())
    console.line(f"finished in {record['seconds']:.0f} s: {shown}")
    console.path(run.folder)
    console.path(f"next: epochal look {run.folder}")


@app.command("runs", epilog="Example: epochal runs --json")
def list_runs(
    folder: Annotated[Path | None, typer.Option("--runs", help="The folder to look in.")] = None, json: Json = False
) -> None:
    """List the runs."""
    console = Console(json)
    rows = [epochal.describe(run) for run in epochal.runs(folder)]
    console.result(rows)
    if not rows:
        console.line("there are no runs yet: `epochal train alexnet` makes one")
        return
    console.table(
        ("run", "recipe", "data", "seed", "status", "top1"),
        [
            (
                r["run"],
                str(r["recipe"]),
                str(r["data"]),
                str(r["seed"]),
                r["status"],
                f"{(r['results'] or {}).get('top1', float('nan')):.4f}" if r["results"] else "",
            )
            for r in rows
        ],
    )


@app.command("evaluate", epilog="Example: epochal evaluate latest --crops 10")
def evaluate(
    run: RunName,
    data: Data = None,
    crops: Annotated[int, typer.Option("--crops", help="1 (centre) or 10 (the paper's protocol).")] = 1,
    split: Annotated[str, typer.Option("--split", help="held-out or train.")] = "held-out",
    device: Device = "auto",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Measure a run on held-out pictures."""
    console = Console(json)
    with console.waiting("evaluating"):
        result = epochal.evaluate(run, data=data, crops=crops, split=split, device=device, offline=offline)
    console.result(result)
    for note in result["notes"]:
        console.warn(note)
    console.line(
        f"top-1 {result['top1']:.2%}, top-5 {result['top5']:.2%}, loss {result['loss']:.4f} on {result['pictures']:,} "
        f"pictures ({result['split']}, {result['crops']} crop{'s' if crops > 1 else ''}), step {result['step']}"
    )


@app.command("predict", epilog="Example: epochal predict latest photo.jpg holiday/ '*.png' -")
def predict(
    run: RunName,
    inputs: Annotated[list[str], typer.Argument(metavar="INPUT...", help="Files, folders, patterns, or - for stdin.")],
    top: Annotated[int, typer.Option("--top", help="How many classes to name.")] = 5,
    crops: Annotated[int, typer.Option("--crops", help="1 (centre) or 10 (the paper's protocol).")] = 1,
    device: Device = "auto",
    json: Json = False,
) -> None:
    """Say what is in pictures. Exits with 2 if one of them cannot be read; the others are still answered."""
    console = Console(json)
    with console.waiting("looking"):
        predictions = epochal.predict(run, inputs, top=top, crops=crops, device=device)
    console.result(
        [
            {
                "source": p.source,
                "classes": [{"name": name, "probability": share} for name, share in p.classes],
                "fault": p.fault,
            }
            for p in predictions
        ]
    )
    for p in predictions:
        if p.fault:
            console.warn(p.fault)
            continue
        console.line(console.safe(p.source))
        for name, share in p.classes:
            console.line(f"  {share:7.2%}  {console.safe(name)}")
    if any(p.fault for p in predictions):
        raise typer.Exit(2)


@app.command("look", epilog="Example: epochal look latest features --layer conv2 --image photo.jpg")
def look(
    run: RunName,
    view: Annotated[
        str | None, typer.Argument(help="filters, features, answers or curves; all of them if left out.")
    ] = None,
    image: Annotated[list[str] | None, typer.Option("--image", help="A picture to look at; repeat it.")] = None,
    layer: Annotated[str | None, typer.Option("--layer", help="The layer to show, for features.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="A PNG file, or a folder.")] = None,
    device: Device = "auto",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Draw what a run has learned, as PNG files."""
    console = Console(json)
    with console.waiting("drawing"):
        looks = epochal.look(run, view, images=image or [], layer=layer, out=out, device=device, offline=offline)
    console.result([{"view": one.view, "path": str(one.path)} for one in looks])
    for one in looks:
        console.path(one.path)


@app.command("doctor", epilog="Example: epochal doctor")
def doctor(json: Json = False) -> None:
    """Say whether all is here that a training needs."""
    console = Console(json)
    findings = epochal.doctor()
    console.result(findings)
    for name, value in findings.items():
        if name != "troubles":
            console.line(f"{name:16} {', '.join(map(str, value)) if isinstance(value, list) else value}")
    for trouble in findings["troubles"]:
        console.warn(trouble)
    if not findings["troubles"]:
        console.line("all is well")


@data_app.command("list", epilog="Example: epochal data list")
def data_list(json: Json = False) -> None:
    """List the data sets that have a name, and whether they are here."""
    console = Console(json)
    sets = epochal.list_data()
    console.result([vars(one) | {"looked_for": [str(place) for place in one.looked_for]} for one in sets])
    console.table(
        ("name", "what", "train", "held out", "terms", "here"),
        [(s.name, s.what, f"{s.train:,}", f"{s.held_out:,}", s.terms, s.found or "no") for s in sets],
    )


@data_app.command("check", epilog="Example: epochal data check imagefolder:photos")
def data_check(
    spec: Annotated[str, typer.Argument(help="A data set, such as imagefolder:PATH.")],
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Name every picture that cannot be read or is treated specially. Exits with 2 if one cannot be read."""
    console = Console(json)
    with console.waiting("reading every picture"):
        report = epochal.check_data(spec, offline=offline)
    console.result(report.as_json())
    console.line(str(report))
    if not report.usable:
        raise typer.Exit(2)


@data_app.command("show", epilog="Example: epochal data show cifar10 --out cifar10.png")
def data_show(
    spec: Annotated[str, typer.Argument(help="A data set, such as cifar10.")],
    split: Annotated[str, typer.Option("--split", help="train or held-out.")] = "train",
    count: Annotated[int, typer.Option("--count", help="How many pictures.")] = 60,
    seed: Annotated[int, typer.Option("--seed", help="Which selection.")] = 0,
    out: Annotated[Path | None, typer.Option("--out", help="The PNG file to write.")] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Draw a selection of a data set's pictures with their classes."""
    console = Console(json)
    with console.waiting("drawing"):
        shown = epochal.show_data(spec, split=split, count=count, seed=seed, out=out, offline=offline)
    console.result(
        {
            "path": str(shown.path),
            "train": shown.train,
            "held_out": shown.held_out,
            "classes": list(shown.classes),
            "note": shown.note,
        }
    )
    console.line(f"{shown.train:,} training and {shown.held_out:,} held-out pictures, {len(shown.classes)} classes")
    if shown.note:
        console.line(console.safe(shown.note))
    console.path(shown.path)


def main() -> None:
    """Run the command line; a fault is told without a traceback and gives its exit code."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by the caller (`>&-`)
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 (for the rest of the process)
        elif isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            # What a terminal's character set lacks is shown as an escape instead of ending the command.
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            app(standalone_mode=True)
        finally:
            sys.stdout.flush()
    except epochal.Fault as fault:
        Console(json="--json" in sys.argv).fault(fault)
        sys.exit(fault.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        leave_quietly()
