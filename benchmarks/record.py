"""Turn finished runs into a committed record: python benchmarks/record.py OUT.json RUN [RUN ...].

A record holds what a reader needs to believe and repeat a number: command, recipe, seed, commit, data digest, hardware,
time and result of each run. Nothing is typed in by hand.
"""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import epochal

KEPT = ("landmark", "landmark_version", "recipe_name", "recipe", "data_digest", "seed", "device", "micro_batches")
HARDWARE = ("processor", "cores", "threads", "accelerator", "fast_bf16", "torch", "python", "system", "epochal")


def record(run: epochal.Run) -> dict:
    """One run as plain values, without a path of the machine it ran on."""
    told = run.record()
    if told["status"] != "finished":
        sys.exit(f"{run.name} is not finished: it is {run.status()}")
    kind, _, path = told["data"].partition(":")
    data = f"{kind}:{Path(path).name}" if path else kind
    changed = epochal.recipe(told["landmark"], told["recipe_name"].rstrip("+")).model_dump(mode="json")
    settings = [f"--set {name}={value}" for name, value in told["recipe"].items() if changed.get(name) != value]
    command = ["epochal train", told["landmark"], "--recipe", told["recipe_name"].rstrip("+"), "--data", data]
    return {
        "command": " ".join([*command, *settings, "--seed", str(told["seed"])]),
        "commit": told["environment"]["commit"],
        "date": told["created"],
        "data": data,
        **{name: told[name] for name in KEPT},
        "hardware": {name: told["environment"][name] for name in HARDWARE},
        "seconds": told["seconds"],
        "results": told["results"],
        "evaluations": [
            {name: value for name, value in row.items() if name != "kind"}
            for row in run.metrics()
            if row.get("kind") == "evaluation"
        ],
    }


def main() -> None:
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    out = Path(sys.argv[1])
    runs = [record(epochal.find_run(name)) for name in sys.argv[2:]]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"runs": runs}, indent=1) + "\n", encoding="utf-8")
    print(f"{out}: {len(runs)} runs: {shlex.join(str(run['results'].get('top1')) for run in runs)}")


if __name__ == "__main__":
    main()
