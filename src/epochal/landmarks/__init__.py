"""The table of contents: one folder per paper, in the order of their publication."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from epochal.core.fault import InputFault, nearest, printable

CHRONOLOGY = ("dropout", "alexnet", "word2vec", "batchnorm", "resnet")


def load(name: str) -> ModuleType:
    """The landmark's package: its card, recipes and, imported only when used, everything that needs torch.

    Raises:
        InputFault: no landmark has that name.
    """
    if name not in CHRONOLOGY:
        raise InputFault(
            f"no landmark is called {printable(name)!r}",
            expected=nearest(name, CHRONOLOGY),
            remedy="`epochal list` shows them",
        )
    return import_module(f"epochal.landmarks.{name}")
