"""The experiments that landmarks declare. No torch is imported here."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from epochal import landmarks
from epochal.core.claim import Ablation, Claim
from epochal.core.fault import InputFault


def _declared(landmark: str) -> ModuleType:
    landmarks.load(landmark)
    name = f"epochal.landmarks.{landmark}.claims"
    if find_spec(name) is None:
        raise InputFault(f"{landmark} declares no claims", expected="a landmark with claims")
    return import_module(name)


def claims(landmark: str) -> tuple[Claim, ...]:
    """A landmark's claims, as declared before any run.

    Raises:
        InputFault: no landmark has that name, or it declares none.
    """
    found: tuple[Claim, ...] = _declared(landmark).CLAIMS
    return found


def ablation(landmark: str) -> Ablation:
    """A landmark's ablation, as declared before any run.

    Raises:
        InputFault: no landmark has that name, or it declares none.
    """
    found: Ablation = _declared(landmark).ABLATION
    return found
