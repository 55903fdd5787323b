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
    from epochal.core.claim import Claim
    from epochal.core.fault import Fault, InputFault, printable
    from epochal.core.landmark import Landmark
    from epochal.core.recipe import Recipe
    from epochal.core.report import counted
    from epochal.core.run import Run
    from epochal.core.verdict import Verdict
    from epochal.data.source import open_data
    from epochal.interop.weights import Weights, load_into
    from epochal.lab.ablate import ablate, plan_ablation
    from epochal.lab.check import check, plan_check
    from epochal.lab.plan import Plan
    from epochal.lab.table import ablation, claims
    from epochal.lab.transfer import Transfer, finetune
    from epochal.verbs.catalogue import chronology, describe, find_run, landmark, recipe, recipes, runs
    from epochal.verbs.compare import Comparison, compare
    from epochal.verbs.data import check_data, list_data, show_data
    from epochal.verbs.demo import demo
    from epochal.verbs.doctor import doctor
    from epochal.verbs.evaluate import evaluate
    from epochal.verbs.export import export
    from epochal.verbs.look import look
    from epochal.verbs.predict import predict
    from epochal.verbs.resume import resume
    from epochal.verbs.train import train
    from epochal.verbs.vectors import load_vectors
    from epochal.verbs.weights import from_pretrained, read_weights

__version__ = "0.1.0"

_HOME = {
    "Claim": "core.claim",
    "Comparison": "verbs.compare",
    "Fault": "core.fault",
    "InputFault": "core.fault",
    "Landmark": "core.landmark",
    "Plan": "lab.plan",
    "Recipe": "core.recipe",
    "Run": "core.run",
    "Transfer": "lab.transfer",
    "Verdict": "core.verdict",
    "Weights": "interop.weights",
    "ablate": "lab.ablate",
    "ablation": "lab.table",
    "check": "lab.check",
    "check_data": "verbs.data",
    "chronology": "verbs.catalogue",
    "claims": "lab.table",
    "compare": "verbs.compare",
    "counted": "core.report",
    "demo": "verbs.demo",
    "describe": "verbs.catalogue",
    "doctor": "verbs.doctor",
    "evaluate": "verbs.evaluate",
    "export": "verbs.export",
    "find_run": "verbs.catalogue",
    "finetune": "lab.transfer",
    "from_pretrained": "verbs.weights",
    "landmark": "verbs.catalogue",
    "list_data": "verbs.data",
    "load_into": "interop.weights",
    "load_vectors": "verbs.vectors",
    "look": "verbs.look",
    "open_data": "data.source",
    "plan_ablation": "lab.ablate",
    "plan_check": "lab.check",
    "predict": "verbs.predict",
    "printable": "core.fault",
    "read_weights": "verbs.weights",
    "recipe": "verbs.catalogue",
    "recipes": "verbs.catalogue",
    "resume": "verbs.resume",
    "runs": "verbs.catalogue",
    "show_data": "verbs.data",
    "train": "verbs.train",
}

__all__ = [
    "Claim",
    "Comparison",
    "Fault",
    "InputFault",
    "Landmark",
    "Plan",
    "Recipe",
    "Run",
    "Transfer",
    "Verdict",
    "Weights",
    "ablate",
    "ablation",
    "check",
    "check_data",
    "chronology",
    "claims",
    "compare",
    "counted",
    "demo",
    "describe",
    "doctor",
    "evaluate",
    "export",
    "find_run",
    "finetune",
    "from_pretrained",
    "landmark",
    "list_data",
    "load_into",
    "load_vectors",
    "look",
    "open_data",
    "plan_ablation",
    "plan_check",
    "predict",
    "printable",
    "read_weights",
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
