"""The command line: parses, calls the public API, prints. It knows nothing else of the package.

A file for each group of commands; importing it registers them, in the order in which the help lists them.
"""

from epochal.cli import catalogue, training, transfer, asking, looking, lab, exchange, data  # noqa: F401, I001
from epochal.cli.app import main

__all__ = ["main"]
