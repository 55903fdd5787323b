"""The words that name data: `cifar10`, or a kind and a path such as `imagefolder:photos`. Nothing is opened here."""

from __future__ import annotations

import os
from pathlib import Path


def lasting(spec: str) -> str:
    """A specification that still means the same from another folder."""
    kind, colon, path = spec.partition(":")
    return f"{kind}:{Path(os.path.expanduser(path)).resolve()}" if colon else spec


def shown(spec: str) -> str:
    """A specification without the path that only one machine has: the folder's own name is enough for a reader."""
    kind, colon, path = spec.partition(":")
    return f"{kind}:{Path(path).name}" if colon else kind
