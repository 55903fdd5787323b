"""A process that does one job: `python -m epochal.lab.worker`.

It reads the job from standard input and tells on standard output how it goes: one line of JSON for each row of the
training's log, and a last one that says what came of it. The exit code is that of `epochal train`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

import torch

from epochal import landmarks as table
from epochal.core.fault import Fault
from epochal.verbs.resume import resume
from epochal.verbs.train import train


def tell(row: dict[str, Any]) -> None:
    """Write a row for the process that waits for it; if there is none any more, save and stop."""
    try:
        print(json.dumps(row, default=str), flush=True)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (to the end of the process)
        os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Do the job on standard input."""
    order = json.loads(sys.stdin.readline())
    torch.set_num_threads(order["threads"])
    try:
        if order["resume"] is not None:
            run = resume(order["resume"], offline=order["offline"], report=tell)
        else:
            run = train(
                order["landmark"],
                recipe=table.load(order["landmark"]).RECIPE.parse(order["recipe"]),
                data=order["data"],
                seed=order["seed"],
                device=order["device"],
                workers=order["workers"],
                signal_steps=order["signal_steps"],
                offline=order["offline"],
                runs=order["runs"],
                report=tell,
            )
    except Fault as fault:
        tell(
            {
                "kind": "fault",
                "what": fault.what,
                "expected": fault.expected,
                "remedy": fault.remedy,
                "exit_code": fault.exit_code,
            }
        )
        return fault.exit_code
    tell({"kind": "done", "run": str(run.folder)})
    return 0


if __name__ == "__main__":
    sys.exit(main())
