"""How the command line speaks: results on standard output, everything else on standard error.

With `--json` one JSON value is all that standard output gets. Of several processes that torchrun has started, the first
one speaks: it tells what goes wrong in the others too.
"""

from __future__ import annotations

import json as encoder
import math
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NoReturn

import epochal

# A progress line that is no terminal's is printed at most this often.
_PLAIN_SECONDS = 10.0


class Console:
    """Prints for people, or for programs.

    Args:
        json: print results as JSON and nothing else.

    Attributes:
        silent: this process is not the first one of several.
    """

    def __init__(self, json: bool) -> None:
        self.json = json
        self.silent = os.environ.get("WORLD_SIZE", "1") != "1" and os.environ.get("RANK", "0") != "0"

    def result(self, value: Any) -> None:
        """The command's result, for programs."""
        if self.json and not self.silent:
            _print(encoder.dumps(_finite(value), indent=2, ensure_ascii=True, allow_nan=False, default=str))

    def line(self, text: str = "") -> None:
        """A line for people."""
        if not self.json and not self.silent:
            _print(text)

    def warn(self, text: str) -> None:
        """A line about something that is not as it should be."""
        print(self.safe(text, 2000), file=sys.stderr)

    def note(self, text: str) -> None:
        """A line about how it goes; not a result."""
        print(self.safe(text, 1000), file=sys.stderr, flush=True)

    def fault(self, fault: epochal.Fault) -> None:
        """Tell what went wrong, what was expected and what to do."""
        if self.json:
            told = {"what": fault.what, "expected": fault.expected, "to_do": fault.remedy, "exit_code": fault.exit_code}
            self.result({"fault": told})
        if self.silent:
            return
        for number, line in enumerate(str(fault).splitlines()):
            print(("epochal: " if number == 0 else "  ") + self.safe(line, 2000), file=sys.stderr)

    @staticmethod
    def safe(text: str, limit: int = 300) -> str:
        """Text from data, with nothing in it that a terminal would obey."""
        return epochal.printable(text, limit)

    def path(self, path: object) -> None:
        """A path, whole, on a line of its own."""
        self.line(self.safe(str(path), 10_000))

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns, for people; wide cells are wrapped in a terminal."""
        if self.json:
            return
        from rich.console import Console as Rich
        from rich.table import Table
        from rich.text import Text

        # Where the output is a file or a pipe, lines are kept whole so that they can be searched.
        rich = Rich() if sys.stdout.isatty() else Rich(width=4000)
        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, name in enumerate(head):
            table.add_column(name, overflow="fold", no_wrap=number == 0)
        for row in rows:
            table.add_row(*(Text(self.safe(cell, 1000)) for cell in row))
        with rich.capture() as capture:
            rich.print(table)
        _print("\n".join(line.rstrip() for line in capture.get().splitlines()))

    def card(self, card: epochal.Landmark, recipes: dict[str, epochal.Recipe], settings: list[dict[str, Any]]) -> None:
        """A landmark's card, recipes and settings."""
        paper = card.paper
        self.line(f"{card.name}: {paper.title}\n{', '.join(paper.authors)}; {paper.venue} {paper.year}\n{paper.url}\n")
        self.line(f"{card.idea}\n")
        self.table(("preset", "parameters"), [(name, f"{count:,}") for name, count in card.presets.items()])
        self.line("\nWhere implementations differ from the paper:\n")
        self.table(
            ("who", "where", "the paper", "instead"),
            [(d.who, d.where, d.paper, f"{d.instead} ({d.why})" if d.why else d.instead) for d in card.deviations],
        )
        self.line("\nSettings, for `--set name=value`, with their source in the paper:\n")
        self.table(("setting", "meaning", "source"), [(s["name"], s["meaning"], s["source"]) for s in settings])
        self.line("\nRecipes, for `--recipe name`, and the settings they have:\n")
        rows = [(s["name"], *(recipe.written(s["name"]) or "-" for recipe in recipes.values())) for s in settings]
        self.table(("setting", *recipes), rows)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """Show in a terminal that something goes on."""
        if self.json or not sys.stderr.isatty():
            yield
            return
        from rich.console import Console as Rich

        with Rich(stderr=True).status(what):
            yield


def _print(text: str) -> None:
    try:
        print(text)
    except BrokenPipeError:
        leave_quietly()


def leave_quietly() -> NoReturn:
    """Whoever read the output wants no more of it (`| head -1`): nothing is wrong, and there is nobody to tell."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(141)


def _finite(value: Any) -> Any:
    """The value with null for what JSON has no number for: NaN and the infinities."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {name: _finite(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_finite(inner) for inner in value]
    return value


class Progress:
    """Shows a training's rows as they come: a bar in a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Any = None
        self._task: Any = None
        self._steps = 0
        self._printed = 0.0
        self._first: tuple[int, float] | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, row: dict[str, Any]) -> None:
        """Take a row of the log."""
        match row["kind"]:
            case "begin":
                self._begin(row)
            case "resumed":
                self._say(f"going on from step {row['step']}")
                self._advance(row["step"], "")
            case "note":
                self._say(self._console.safe(row["text"]))
            case "step":
                text = f"loss {row['loss']:.4f}  lr {row['lr']:.3g}  {_pace(row)}"
                self._advance(row["step"], text)
            case "evaluation":
                metrics = {k: v for k, v in row.items() if k not in ("kind", "step", "epoch", "seconds")}
                shown = "  ".join(f"{name} {value:.4f}" for name, value in metrics.items())
                self._say(f"epoch {row['epoch']:6.2f}  step {row['step']:6d}  {row['seconds']:7.1f} s  {shown}")

    def _begin(self, row: dict[str, Any]) -> None:
        self._steps = row["steps"]
        self._say(self._console.safe(row["run"], 10_000))
        self._say(
            f"{row['size']}; {epochal.counted(row['steps'], 'step')} ({epochal.counted(row['epochs'], 'epoch')}) "
            f"on {row['device']} in {row['precision']}"
        )
        if row["note"]:
            self._say(self._console.safe(row["note"], 1000))
        if sys.stderr.isatty():
            self._bar = _bar()
            self._task = self._bar.add_task("", total=self._steps, text="")
            self._bar.start()

    def _advance(self, step: int, text: str) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=step, text=text)
        elif text and time.monotonic() - self._printed > _PLAIN_SECONDS:
            self._printed = time.monotonic()
            self._say(f"step {step:6d} of {self._steps}  {text}{self._left(step)}")

    def _left(self, step: int) -> str:
        """How long it will take from here, judged by how long it took since the first row."""
        now = time.monotonic()
        first, began = self._first = self._first or (step, now)
        if step <= first:
            return ""
        return f"  {duration((now - began) / (step - first) * (self._steps - step))} left"

    def _say(self, text: str) -> None:
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            print(text, file=sys.stderr, flush=True)


def _pace(row: dict[str, Any]) -> str:
    """How fast it goes: in words where a step is so many words, else in steps."""
    if "step_words" in row:
        return f"{row['steps_per_second'] * row['step_words'] / 1e6:.3f} M words/s"
    return f"{row['steps_per_second']:.1f} steps/s"


def duration(seconds: float) -> str:
    """A time span in the unit that people would take."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _bar() -> Any:
    from rich.console import Console as Rich
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    return Bar(
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        console=Rich(stderr=True),
    )
