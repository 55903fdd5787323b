"""Write the generated parts of the documentation, or with --check say whether they are current.

A generated part stands between `<!-- generated: NAME -->` and `<!-- end -->`. Numbers come from the records in results/
and from the code itself, so none is typed in by hand.
"""

from __future__ import annotations

import json
import re
import statistics
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import typer.main

import epochal
from epochal.cli.app import app
from epochal.landmarks import CHRONOLOGY

ROOT = Path(__file__).resolve().parent.parent
FILES = (
    "README.md",
    "docs/results.md",
    "docs/guide/commands.md",
    *(f"docs/landmarks/{name}.md" for name in CHRONOLOGY),
    *(f"src/epochal/landmarks/{name}/README.md" for name in CHRONOLOGY),
)
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
    """Every race at its newest record: ours over the peer's, measured alternately in one run."""
    paths = sorted((ROOT / "results" / "benchmarks").glob("*.json"))
    newest: dict[str, tuple[str, list[str]]] = {}
    for record in (json.loads(path.read_text(encoding="utf-8")) for path in paths):
        for race in record["races"]:
            low, high = race["range"]
            ratio = f"**{race['ratio']:.2f}×** ({low:.2f} to {high:.2f})"
            row = [race["what"], race["peer"], ratio, f"`{record['command']}`"]
            if race["what"] not in newest or newest[race["what"]][0] < record["date"]:
                newest[race["what"]] = (record["date"], row)
    return table(["what", "against", "ratio, median (range)", "command"], [row for _, row in newest.values()])


def vectors_race_table() -> str:
    """The race of word vectors against gensim: speed, worth, time to a file, memory, and what was to be shown."""
    record = read("benchmarks/word2vec")
    if record is None:
        return "Not run yet.\n"
    rows = []
    for contender, rounds in record["rounds"].items():
        mean = {key: statistics.mean(row[key] for row in rounds) for key in rounds[0]}
        speed = record["words"] * mean["epochs"] / statistics.median(row["training"] for row in rounds) / 1e6
        worth = [f"{mean['all']:.1%}", f"{mean['semantic']:.1%}", f"{mean['spearman']:.3f}"]
        memory = f"{mean['megabytes']:.0f} ({mean['libraries']:.0f})"
        rows.append([contender, f"{mean['epochs']:.0f}", f"{speed:.2f}", *worth, f"{mean['whole']:.0f}", memory])
    head = ["", "epochs", "M words/s", "analogies", "semantic", "WS-353", "s to a file", "peak MB (libraries)"]
    shown = "".join(f"- {'met' if is_met else '**missed**'}: {what}\n" for what, is_met in record["targets"].items())
    where = record["environment"]
    machine = where["accelerator"] or f"{where['processor']}, {where['cores']} cores"
    facts = f"`{record['command']}`, commit {where['commit']}; {machine}.\n"
    floor = record["floor"]
    least = (
        f"The floor of skip-gram at this machine's own speeds: {floor['flops a word'] / 1e3:.1f} thousand operations "
        f"and {floor['bytes a word'] / 1e3:.1f} kB a word, so {floor['words/s by arithmetic'] / 1e6:.1f} M words/s by "
        f"arithmetic and {floor['words/s by memory'] / 1e6:.1f} by memory; {floor['part of the floor reached']:.0%} of "
        "the lower one is reached.\n"
    )
    return f"{table(head, rows)}\n{shown}\n{least}\n{facts}"


def settings_table(name: str) -> str:
    """Every setting of a landmark's recipes with its meaning and source, and what each recipe makes of it."""
    recipes = epochal.recipes(name)
    rows = []
    for row in next(iter(recipes.values())).settings():
        values = [str(getattr(recipe, row["name"])) for recipe in recipes.values()]
        rows.append([f"`{row['name']}`", *values, row["meaning"], row["source"]])
    return table(["setting", *recipes, "meaning", "source"], rows)


def deviations_table(name: str) -> str:
    """Where presets and libraries differ from the paper as printed."""
    card = epochal.landmark(name)
    rows = [[d.who, d.where, d.paper, d.instead, d.why] for d in card.deviations]
    return table(["who", "where", "the paper", "instead", "why"], rows)


def presets_table(name: str) -> str:
    """The networks and their exact parameter counts."""
    counts = epochal.landmark(name).presets
    return table(["network", "parameters"], [[preset, f"{count:,}"] for preset, count in counts.items()])


def measured(record: dict) -> str:
    """What was measured of a claim, with its interval."""
    parts = []
    for finding in record["verdict"]["findings"]:
        ends = "" if None in (finding["low"], finding["high"]) else f" ({finding['low']:.2f} to {finding['high']:.2f})"
        parts.append(
            f"{finding['what']}: {finding['estimate']:.2f}{ends}" + (f"; {finding['why']}" * bool(finding["why"]))
        )
    return "; ".join(parts)


def hardware(record: dict) -> str:
    """What an experiment ran on."""
    return ", ".join(
        sorted(
            {f"{one['accelerator'] or one['processor']}, {one['threads']} threads a run" for one in record["hardware"]}
        )
    )


def claims_table(name: str) -> str:
    """Every claim of a landmark: what the paper says, what came of it here."""
    rows = []
    for claim in epochal.claims(name):
        record = read(f"{name}/claims/{claim.name}")
        if record is None:
            rows.append([f"`{claim.name}`", claim.says, claim.reported, "not measured here", claim.label, "", "", ""])
            continue
        answer = f"**{record['verdict']['answer']}**" + (" (changed)" if record["changed"] else "")
        ran = [str(len(record["seeds"])), f"{record['seconds_a_run'] / 60:.1f} min a run; {hardware(record)}"]
        rows.append([f"`{claim.name}`", claim.says, claim.reported, measured(record), claim.label, answer, *ran])
    return table(
        ["claim", "the paper says", "it reports", "ours, 95 % interval", "label", "verdict", "seeds", "on"], rows
    )


def landmarks_table() -> str:
    """Every landmark with its paper, and what came of the paper's claims."""
    rows = []
    for name in CHRONOLOGY:
        card = epochal.landmark(name)
        records = [read(f"{name}/claims/{claim.name}") for claim in epochal.claims(name)]
        answers = Counter(record["verdict"]["answer"] for record in records if record)
        answers["not measured here"] = records.count(None)
        words = {"holds": "hold", "fails": "fail", "undecided": "undecided", "not measured here": "not measured here"}
        told = ", ".join(f"{answers[answer]} {word}" for answer, word in words.items() if answers[answer])
        title = (ROOT / "docs" / "landmarks" / f"{name}.md").read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        paper = f"[{card.paper.title}]({card.paper.url}), {card.paper.venue}"
        rows.append([f"[**{title}**](docs/landmarks/{name}.md)", str(card.year), paper, told])
    return table(["landmark", "year", "paper", "its claims"], rows)


def verdicts_table() -> str:
    """The claims that were put to the test here, of all landmarks."""
    rows = []
    for name in CHRONOLOGY:
        for claim in epochal.claims(name):
            record = read(f"{name}/claims/{claim.name}")
            if record is not None:
                answer = f"**{record['verdict']['answer']}**" + (" (changed)" if record["changed"] else "")
                told = [claim.says, claim.reported, measured(record), claim.label, answer, str(len(record["seeds"]))]
                rows.append([f"`{name}/{claim.name}`", *told])
    return table(["claim", "the paper says", "it reports", "ours, 95 % interval", "label", "verdict", "seeds"], rows)


def claims_in_detail(name: str) -> str:
    """Every claim with its test, its caveats and its picture."""
    parts = []
    for claim in epochal.claims(name):
        record = read(f"{name}/claims/{claim.name}")
        lines = [f"### `{claim.name}`: {claim.says}", ""]
        lines.append(f"{claim.source}; label {claim.label}. The paper reports: {claim.reported}. Here: {claim.budget}.")
        expected = "; ".join(expectation.says() for expectation in claim.expectations)
        lines[-1] += f" Expected: {expected} ({claim.metric.says})."
        if claim.notes:
            lines += ["", *(f"- {note}" for note in claim.notes)]
        if record is None:
            lines += ["", f"Not measured here. `epochal check {name}/{claim.name} --plan` says what it would take."]
        else:
            changed = f" with {', '.join(record['changed'])}" if record["changed"] else ""
            lines += ["", f"`{record['command']}`{changed}, commits {', '.join(record['commits'])}: "]
            lines[-1] += f"{measured(record)}: **{record['verdict']['answer']}**."
            for arm in record["arms"]:
                if arm["tuned"]:
                    edge = ", at the edge of those tried" if arm["at_edge"] else ""
                    lines[-1] += f" {arm['arm']}: {', '.join(f'{k} = {v:g}' for k, v in arm['tuned'].items())}{edge}."
            lines += ["", f"![{claim.says}](../../results/{name}/claims/{claim.name}.png)"]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def ablation_table(name: str) -> str:
    """What each change does to the error."""
    record = read(f"{name}/ablation")
    if record is None:
        return f"Not measured here. `epochal ablate {name} --plan` says what it would take.\n"
    rows = []
    for row in record["rows"]:
        ends = f"{row['low']:+.2f} to {row['high']:+.2f}" if row.get("low") is not None else ""
        rows.append([row["arm"], row["group"], f"{row['mean']:.2f} %", f"{row.get('difference', 0.0):+.2f}", ends])
    ran = f"{len(record['seeds'])} seeds, {record['data']}; {record['budget']}. {hardware(record)}, "
    ran += f"{record['seconds_a_run']:.0f} s a run; commits {', '.join(record['commits'])}."
    head = ["change", "", record["metric"], "against the base, points", "95 % interval, paired by seed"]
    picture = f"![What each change does to the error](../../results/{name}/ablation.png)"
    return f"`{record['command']}`: {ran}\n\n{table(head, rows)}\n{picture}\n"


def transfer_table(name: str) -> str:
    """What a landmark's weights are worth on other pictures: every recorded comparison."""
    parts = []
    for path in sorted((ROOT / "results" / name).glob("transfer_*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        rows = []
        for row in record["rows"]:
            known = [row["mean"], row["low"], row["high"]]
            shown = f"{known[0]:.1%}" + (f" ({known[1]:.1%} to {known[2]:.1%})" if known[1] is not None else "")
            gain = row.get("against_scratch")
            points = "" if gain is None else f"{100 * gain['difference']:+.1f}"
            if gain is not None and gain["low"] is not None:
                points += f" ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"
            learned = f"{row['trained_parameters']:,}"
            rows.append([row["way"], shown, points, f"{row['seconds']:.0f} s", f"{row['epochs']:g}", learned])
        head = ["way", "held-out top-1, 95 %", "above scratch, points", "time a run", "epochs", "numbers learned"]
        told = f"`{record['command']}`: {record['train']:,} training and {record['held_out']:,} held-out pictures, "
        told += f"{len(record['seeds'])} seeds; {hardware(record)}; commits {', '.join(record['commits'])}."
        picture = f"![Ways to learn the same pictures](../results/{name}/{path.stem}.png)"
        parts.append(f"{told}\n\n{table(head, rows)}\n{picture}\n")
    return "\n".join(parts) or "Not measured here.\n"


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
    "word2vec race": vectors_race_table,
    "landmarks": landmarks_table,
    "verdicts": verdicts_table,
    **{f"{name} claims": partial(claims_table, name) for name in CHRONOLOGY},
    **{f"{name} claims in detail": partial(claims_in_detail, name) for name in CHRONOLOGY},
    **{f"{name} ablation": partial(ablation_table, name) for name in CHRONOLOGY},
    **{f"{name} transfer": partial(transfer_table, name) for name in CHRONOLOGY},
    **{f"{name} settings": partial(settings_table, name) for name in CHRONOLOGY},
    **{f"{name} deviations": partial(deviations_table, name) for name in CHRONOLOGY},
    **{f"{name} presets": partial(presets_table, name) for name in CHRONOLOGY},
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
