"""Write the generated parts of the documentation, or with --check say whether they are current.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`. Numbers come from the records in results/
and from the code itself, so none is typed in by hand.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import typer.main

import epochal
from epochal.cli.app import app

ROOT = Path(__file__).resolve().parent.parent
FILES = ("README.md", "docs/guide/commands.md", "docs/landmarks/alexnet.md", "src/epochal/landmarks/alexnet/README.md")
BLOCK = re.compile(r"(<!-- generated: ([a-z0-9 -]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def read(name: str) -> dict | None:
    """A record of results/, if it is there."""
    path = ROOT / "results" / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def spread(values: list[float]) -> str:
    """Mean and standard deviation of fractions, in per cent."""
    if len(values) == 1:
        return f"{values[0]:.1%}"
    return f"{statistics.mean(values):.1%} ± {100 * statistics.stdev(values):.1f}"


def runs_table() -> str:
    """Every recorded training: what it reached, in what time, on what."""
    rows = []
    for path in sorted((ROOT / "results").glob("*/*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if "runs" not in record:
            continue
        runs = record["runs"]
        first = runs[0]
        hardware = first["hardware"]
        rows.append(
            [
                f"`{re.sub(r' --seed [0-9]+$', '', first['command'])}`",
                str(len(runs)),
                spread([run["results"]["top1"] for run in runs]),
                f"{statistics.mean(run['seconds'] for run in runs) / 60:.1f} min",
                f"{hardware['accelerator'] or hardware['processor']}, {hardware['threads']} threads",
                ", ".join(sorted({run["commit"] for run in runs})),
            ]
        )
    return table(["command", "seeds", "held-out top-1", "time a run", "hardware", "commit"], rows)


def races_table() -> str:
    """Every recorded race: ours over the peer's, measured alternately in one run."""
    rows = []
    for path in sorted((ROOT / "results" / "benchmarks").glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        for race in record["races"]:
            low, high = race["range"]
            rows.append(
                [
                    race["what"],
                    race["peer"],
                    f"**{race['ratio']:.2f}×** ({low:.2f} to {high:.2f})",
                    f"`{record['command']}`",
                ]
            )
    return table(["what", "against", "ratio, median (range)", "command"], rows)


def settings_table() -> str:
    """Every setting of AlexNet's recipe with its meaning and source, and what each recipe makes of it."""
    recipes = epochal.recipes("alexnet")
    rows = []
    for row in next(iter(recipes.values())).settings():
        values = [str(getattr(recipe, row["name"])) for recipe in recipes.values()]
        rows.append([f"`{row['name']}`", *values, row["meaning"], row["source"]])
    return table(["setting", *recipes, "meaning", "source"], rows)


def deviations_table() -> str:
    """Where presets and libraries differ from the paper as printed."""
    card = epochal.landmark("alexnet")
    rows = [[d.who, d.where, d.paper, d.instead, d.why] for d in card.deviations]
    return table(["who", "where", "the paper", "instead", "why"], rows)


def presets_table() -> str:
    """The networks and their exact parameter counts."""
    return table(
        ["network", "parameters"], [[n, f"{count:,}"] for n, count in epochal.landmark("alexnet").presets.items()]
    )


def commands() -> str:
    """The help of every command."""
    parts = []

    def describe(command, path: str) -> None:
        context = command.make_context(path, ["--help"], resilient_parsing=True)
        context.info_name = path
        help_text = command.get_help(context)
        if not hasattr(command, "commands"):
            parts.append(f"## {path}\n\n```\n{help_text.strip()}\n```\n")
        for name, sub in getattr(command, "commands", {}).items():
            describe(sub, f"{path} {name}")

    describe(typer.main.get_command(app), "epochal")
    return "\n".join(line.rstrip() for line in "\n".join(parts).splitlines()) + "\n"


PARTS: dict[str, Callable[[], str]] = {
    "runs": runs_table,
    "races": races_table,
    "alexnet settings": settings_table,
    "alexnet deviations": deviations_table,
    "alexnet presets": presets_table,
    "commands": commands,
}


def main() -> None:
    """Write, or check."""
    stale = []
    for name in FILES:
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        after = BLOCK.sub(lambda match: match[1] + "\n" + PARTS[match[2]]() + "\n" + match[3], before)
        if after != before:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(after, encoding="utf-8")
    if "--check" in sys.argv and stale:
        sys.exit(f"not current: {', '.join(stale)}; run `make docs`")
    print("written: " + ", ".join(stale) if stale else "current")


if __name__ == "__main__":
    main()
