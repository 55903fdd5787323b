"""ONNX: kept only if onnxruntime gives the network's answers at sizes it was not traced with."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from epochal.core.fault import Fault, InputFault
from epochal.interop import onnx_file
from epochal.interop.onnx_file import CHECKED, TOLERANCE, TRACED, write_onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
EXAMPLES = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3))

    def forward(self, image: Tensor) -> tuple[Tensor]:
        return (self.layers(image),)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, nn.Module, Any]:
    torch.manual_seed(0)
    model, path = Small().eval(), tmp_path_factory.mktemp("onnx") / "small.onnx"
    return path, model, write_onnx(path, model, EXAMPLES, ["logits"], {"landmark": "alexnet"})


def test_it_answers_as_the_network_at_any_number_of_pictures(written: tuple[Path, nn.Module, Any]) -> None:
    path, model, agreement = written
    assert agreement.difference <= TOLERANCE
    assert TRACED not in agreement.batches
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for count in (1, 2, 9):
        images = torch.randn(count, 3, 8, 8)
        (logits,) = session.run(["logits"], {"image": images.numpy()})
        torch.testing.assert_close(torch.from_numpy(logits), model(images)[0].detach(), rtol=1e-5, atol=1e-5)


def test_it_says_what_it_is(written: tuple[Path, nn.Module, Any]) -> None:
    content = onnx.load(written[0])
    onnx.checker.check_model(content)
    assert {entry.key: entry.value for entry in content.metadata_props}["landmark"] == "alexnet"
    assert content.opset_import[0].version >= 18
    assert [one.name for one in content.graph.input] == ["image"]
    assert content.graph.input[0].type.tensor_type.shape.dim[0].dim_param


def test_nothing_is_left_beside_it(written: tuple[Path, nn.Module, Any]) -> None:
    assert [path.name for path in written[0].parent.iterdir()] == ["small.onnx"]


def test_a_file_that_answers_otherwise_is_not_kept(tmp_path: Path) -> None:
    """A network that counts its calls answers another thing each time; the traced one cannot."""

    class Fickle(Small):
        def forward(self, image: Tensor) -> tuple[Tensor]:
            exporting = torch.compiler.is_exporting()
            return (self.layers(image) + (0.0 if exporting else 0.01),)

    with pytest.raises(Fault, match="was not kept: in onnxruntime it differs") as fault:
        write_onnx(tmp_path / "f.onnx", Fickle().eval(), EXAMPLES, ["logits"], {})
    assert fault.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", onnx_file.PACKAGES)
def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == missing else found(name, *more)
    )
    with pytest.raises(InputFault, match=f"ONNX needs {missing}, which is not installed") as fault:
        write_onnx(tmp_path / "f.onnx", Small(), EXAMPLES, ["logits"], {})
    assert "epochal[onnx]" in fault.value.remedy
    assert list(tmp_path.iterdir()) == []


def test_the_examples_suffice_for_every_check() -> None:
    assert max(CHECKED) <= len(EXAMPLES)
