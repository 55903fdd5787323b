"""epochal: the landmark papers of deep learning, 2012 to 2018, as software that people use.

>>> import epochal
>>> run = epochal.train("alexnet", recipe="small", data="cifar10")
>>> epochal.evaluate(run)["top1"]
>>> epochal.look(run, "filters")[0].figure

Nothing that needs torch is imported before it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from epochal.core.fault import Fault, InputFault, printable
    from epochal.core.landmark import Landmark
    from epochal.core.recipe import Recipe
    from epochal.core.run import Run
    from epochal.data.source import open_data
    from epochal.verbs.catalogue import chronology, describe, find_run, landmark, recipe, recipes, runs
    from epochal.verbs.data import check_data, list_data, show_data
    from epochal.verbs.demo import demo
    from epochal.verbs.doctor import doctor
    from epochal.verbs.evaluate import evaluate
    from epochal.verbs.look import look
    from epochal.verbs.predict import predict
    from epochal.verbs.train import resume, train

__version__ = "0.1.0"

_HOME = {
    "Fault": "core.fault",
    "InputFault": "core.fault",
    "Landmark": "core.landmark",
    "Recipe": "core.recipe",
    "Run": "core.run",
    "check_data": "verbs.data",
    "chronology": "verbs.catalogue",
    "demo": "verbs.demo",
    "describe": "verbs.catalogue",
    "doctor": "verbs.doctor",
    "evaluate": "verbs.evaluate",
    "find_run": "verbs.catalogue",
    "landmark": "verbs.catalogue",
    "list_data": "verbs.data",
    "look": "verbs.look",
    "open_data": "data.source",
    "predict": "verbs.predict",
    "printable": "core.fault",
    "recipe": "verbs.catalogue",
    "recipes": "verbs.catalogue",
    "resume": "verbs.train",
    "runs": "verbs.catalogue",
    "show_data": "verbs.data",
    "train": "verbs.train",
}

__all__ = [
    "Fault",
    "InputFault",
    "Landmark",
    "Recipe",
    "Run",
    "check_data",
    "chronology",
    "demo",
    "describe",
    "doctor",
    "evaluate",
    "find_run",
    "landmark",
    "list_data",
    "look",
    "open_data",
    "predict",
    "printable",
    "recipe",
    "recipes",
    "resume",
    "runs",
    "show_data",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'epochal' has no attribute {name!r}")
    value = getattr(import_module(f"epochal.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
