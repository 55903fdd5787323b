"""What are weights worth on other pictures? Fine-tuning, frozen features and training from scratch, side by side."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

from epochal.core.fault import InputFault, nearest, printable
from epochal.core.recipe import Recipe
from epochal.core.report import Report, silent
from epochal.core.run import Run
from epochal.data.source import open_data
from epochal.data.specification import shown
from epochal.engine.distributed import together
from epochal.lab.experiment import check_seeds
from epochal.lab.judge import interval
from epochal.lab.report import made, write
from epochal.lab.ways import WAYS, Bench, Changes
from epochal.verbs import catalogue
from epochal.verbs.start import given, identity
from epochal.verbs.weights import Source
from epochal.view.save import save
from epochal.view.transfer import transfer_chart

_HARDWARE = ("processor", "cores", "threads", "accelerator", "torch", "python", "system", "epochal")


@dataclass(frozen=True)
class Transfer:
    """What came of a comparison.

    Attributes:
        rows: a way each, as the record has them: `way`, `mean` (held-out top-1), `seconds`, `epochs`, `frozen`,
            `trained_parameters`, and `against_scratch`: `difference`, `low`, `high` (95 %, paired by seed).
        runs: the runs of each way, in the order of the seeds; each can be evaluated, looked into and exported.
        record: where the record was written.
        picture: where the chart was written.
    """

    rows: tuple[dict[str, Any], ...]
    runs: dict[str, tuple[Run, ...]]
    record: Path
    picture: Path


def finetune(
    landmark: str,
    *,
    weights: Source,
    data: str,
    ways: Sequence[str] = WAYS,
    recipe: str | Recipe | None = None,
    overrides: Sequence[str] = (),
    scratch: Sequence[str] = (),
    freeze: Sequence[str] = ("body",),
    head: str = "auto",
    seeds: int = 1,
    device: str = "auto",
    workers: int | None = None,
    micro_batches: int = 1,
    runs: Path | str | None = None,
    out: Path | str = "results",
    offline: bool = False,
    report: Report = silent,
) -> Transfer:
    """Learn other pictures from given weights in several ways; write a record and a chart.

    What a stopped call has done is used by the next one.

    Args:
        landmark: its name, such as `alexnet`.
        weights: what to begin with: a run, an exported folder, a file, or what `read_weights` has read.
        data: the pictures to learn, such as `imagefolder:PATH`.
        ways: `fine-tuned` trains all layers, `frozen` keeps some, `scratch` begins with drawn weights.
        recipe: how to train from scratch; the other ways take its rate for a drawn last layer and a third of it for
            layers that are good already. If None: as the weights' own network was trained, for 10 epochs.
        overrides: settings to change in all ways, as `name=value`.
        scratch: settings to change in training from scratch only.
        freeze: the layers that `frozen` keeps: their names, `convolutions`, or `body` (all but the last).
        head: `new` draws the last layer, `kept` takes it over too; `auto` keeps it if the classes are the same.
        seeds: how many seeds each way gets, counted from 0.
        device: auto, cpu, cuda, cuda:N or mps.
        workers: processes that decode pictures; None: one per core, at most 4.
        micro_batches: into how many parts to split each batch to save memory.
        runs: the folder of the runs.
        out: the folder of the records.
        offline: never download.
        report: is shown how it goes, and each row of every training's log.

    Raises:
        InputFault: a name, a value, the weights or the data cannot be used.
        Interrupted: a signal came; everything is saved, and the same call goes on.
        NonFiniteFault: a loss or gradient was not finite.
    """
    check_seeds(seeds)
    _check_ways(ways, freeze)
    source = given(weights, landmark, offline=offline)
    bench = Bench(
        landmark=landmark,
        weights=source,
        identity=identity(source),
        data=open_data(data, offline=offline),
        folder=Path(runs) if runs is not None else catalogue.runs_folder(),
        head=head,
        device=device,
        options={"workers": workers, "micro_batches": micro_batches, "offline": offline},
    )
    recipes = bench.recipes(Changes(recipe, tuple(overrides), tuple(scratch), tuple(freeze)))
    place = made(Path(out) / landmark)
    found: dict[str, list[Run]] = {way: [] for way in ways}
    for seed in range(seeds):
        for way, done in found.items():
            done.append(bench.run(way, recipes[way], seed, report))
    rows = [_row(way, recipes[way], bench.sizes(recipes[way]), done) for way, done in found.items()]
    _compare(rows)
    changed = {"all": list(overrides), "scratch": list(scratch)}
    record = _record(bench, rows, [run for done in found.values() for run in done], changed)
    stem = f"transfer_{_stem(record['data'])}"
    written = write(record, place, stem)
    drawn = save(transfer_chart(record), place / f"{stem}.png")
    return Transfer(tuple(rows), {way: tuple(done) for way, done in found.items()}, written, drawn)


def _check_ways(ways: Sequence[str], freeze: Sequence[str]) -> None:
    for way in ways:
        if way not in WAYS:
            raise InputFault(f"there is no way {printable(way)!r}", expected=nearest(way, WAYS))
    if not ways or ("frozen" in ways and not freeze):
        raise InputFault(
            "`frozen` has no layer to keep" if ways else "no way was given",
            expected="layers such as body" if ways else f"some of {', '.join(WAYS)}",
        )
    with together() as group:
        if group.size > 1:
            raise InputFault(
                f"{group.size} processes cannot compare ways side by side",
                expected="one process",
                remedy="several can fine-tune together: `epochal.train(..., weights=...)` under torchrun",
            )


def _stem(data: str) -> str:
    """A part of a file's name, from the words that name the data."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", data.rpartition(":")[2]).strip("-.") or "data"


def _row(way: str, recipe: Recipe, sizes: tuple[int, int], runs: Sequence[Run]) -> dict[str, Any]:
    """What came of a way."""
    records = [run.record() for run in runs]
    mean, low, high = interval([record["results"]["top1"] for record in records])
    settings = recipe.model_dump(mode="json")
    return {
        "way": way,
        "mean": mean,
        "low": low,
        "high": high,
        "seconds": fmean(record["seconds"] for record in records),
        "epochs": settings["epochs"],
        "frozen": settings["freeze"],
        "trained_parameters": sizes[0],
        "parameters": sizes[1],
        "recipe": settings,
        "runs": [_of_run(run, record) for run, record in zip(runs, records, strict=True)],
    }


def _of_run(run: Run, record: dict[str, Any]) -> dict[str, Any]:
    return {
        **{name: record[name] for name in ("seed", "seconds", "results")},
        "date": record["created"],
        "commit": record["environment"]["commit"],
        "evaluations": [
            {name: value for name, value in row.items() if name != "kind"}
            for row in run.metrics()
            if row.get("kind") == "evaluation"
        ],
    }


def _compare(rows: list[dict[str, Any]]) -> None:
    """Add to each row how far it is above training from scratch, paired by seed."""
    base = next((row for row in rows if row["way"] == "scratch"), None)
    if base is None:
        return
    theirs = [run["results"]["top1"] for run in base["runs"]]
    for row in rows:
        if row is not base:
            own = [run["results"]["top1"] for run in row["runs"]]
            difference, low, high = interval([a - b for a, b in zip(own, theirs, strict=True)])
            row["against_scratch"] = {"difference": difference, "low": low, "high": high}


def _record(bench: Bench, rows: list[dict[str, Any]], runs: list[Run], changed: dict[str, list[str]]) -> dict[str, Any]:
    """All that a reader needs to believe the numbers and to have them again; no path of the machine."""
    records = [run.record() for run in runs]
    start = next((record["start"] for record in records if record.get("start")), bench.identity)
    machines: list[dict[str, Any]] = []
    for record in records:
        machine = {name: record["environment"].get(name) for name in _HARDWARE} | {"precision": record["precision"]}
        if machine not in machines:
            machines.append(machine)
    data = shown(bench.data.name)
    return {
        "metric": "held-out top-1, centre crop",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": f"epochal finetune {bench.landmark} --weights {start['source']} --data {data}",
        "landmark": bench.landmark,
        "landmark_version": records[0]["landmark_version"],
        "data": data,
        "data_digest": bench.data.digest,
        "data_note": bench.data.note,
        "classes": list(bench.data.classes),
        "train": len(bench.data.train),
        "held_out": len(bench.data.held_out),
        "weights": start,
        "changed": changed,
        "seeds": sorted({record["seed"] for record in records}),
        "commits": sorted({str(record["environment"]["commit"]) for record in records}),
        "hardware": machines,
        "rows": rows,
    }
