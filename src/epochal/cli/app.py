"""The application that the commands register on, the options that many of them share, and the way in."""

from __future__ import annotations

import io
import os
import sys
from typing import Annotated

import typer

import epochal
from epochal.console import Console, leave_quietly

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
Set = Annotated[list[str] | None, typer.Option("--set", help="A setting, as name=value; repeat it.")]
Data = Annotated[
    str | None,
    typer.Option("--data", help="digits, mnist, fashion-mnist, cifar10, imagenette, imagefolder:PATH or parquet:PATH."),
]


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
