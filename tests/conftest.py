"""What every test can rely on: the markers' conditions, runs in a folder of their own, torchvision that imports."""

from __future__ import annotations

import os
from pathlib import Path

# The tests' networks are tiny: a second thread costs them more than it saves, and the last bits of a sum depend on how
# many there are. Children inherit it. Must come before torch.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

# torchvision's wheel does not import beside a CPU build of torch until these operators are known.
if torch.version.cuda is None:
    _OPERATORS = torch.library.Library("torchvision", "DEF")
    for _name in ("nms", "qnms"):
        _OPERATORS.define(f"{_name}(Tensor a, Tensor b, float c) -> Tensor")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out tests whose data or device is not here."""
    for item in items:
        if item.get_closest_marker("real_data") and not os.environ.get("EPOCHAL_DATA"):
            item.add_marker(pytest.mark.skip(reason="EPOCHAL_DATA is not set"))
        if item.get_closest_marker("gpu") and not torch.cuda.is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@pytest.fixture(autouse=True)
def _own_folders(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test writes into the checkout, nor downloads, nor depends on the user's data but those that ask for it."""
    if not request.node.get_closest_marker("real_data"):
        monkeypatch.delenv("EPOCHAL_DATA", raising=False)
    monkeypatch.setenv("EPOCHAL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("EPOCHAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)
