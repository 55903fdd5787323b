"""Writing ONNX, and checking that the file answers as the network does before it is called done.

The file is traced with two inputs and checked with one, three and five: a size that was frozen in the tracing shows
there. Needs the extra `onnx`.

https://onnx.ai
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from epochal.core.durable import disk_fault, flush_file, flush_folder
from epochal.core.fault import Fault, InputFault

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
TRACED = 2
CHECKED = (1, 3, 5)
# The largest difference to torch, over the largest number that torch gives.
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Agreement:
    """How well the file agreed with the network.

    Attributes:
        batches: the numbers of inputs it was tried with.
        difference: the largest difference, over the largest number that torch gives.
    """

    batches: tuple[int, ...]
    difference: float


def write_onnx(
    path: Path, model: nn.Module, examples: Tensor, outputs: Sequence[str], metadata: dict[str, str]
) -> Agreement:
    """Write a network with one input, `image`, whose first dimension is free; check the file with onnxruntime.

    Args:
        path: where; an old file is replaced once the new one was checked.
        model: in evaluation mode, on the CPU; gives a tuple of tensors.
        examples: at least five inputs to trace and check with.
        outputs: the names of what the model gives.
        metadata: texts to keep in the file.

    Raises:
        InputFault: the extra `onnx` is not installed.
        Fault: the file does not answer as the network; it was not kept.
        DiskFault: the disk is full or refuses.
    """
    _require_packages()
    partial = path.with_name(f".{os.getpid()}.partial.onnx")
    try:
        with _quiet(), torch.no_grad():
            program: Any = torch.onnx.export(
                model,
                (examples[:TRACED],),
                dynamo=True,
                verbose=False,
                input_names=["image"],
                output_names=list(outputs),
                dynamic_shapes=({0: torch.export.Dim("batch")},),
            )
            program.model.metadata_props.update(metadata)
            program.save(partial, external_data=False)
        agreement = _checked(partial, model, examples)
        flush_file(partial)
        os.replace(partial, path)
        flush_folder(path.parent)
    except OSError as error:
        raise disk_fault(error, path) from error
    finally:
        partial.unlink(missing_ok=True)
    return agreement


@torch.no_grad()
def _checked(path: Path, model: nn.Module, examples: Tensor) -> Agreement:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    for count in CHECKED:
        images = examples[:count]
        answers = session.run(None, {"image": images.numpy()})
        for expected, answer in zip(model(images), answers, strict=True):
            given = torch.from_numpy(answer)
            if given.shape != expected.shape:
                raise _disagreement(f"for {count} images it gives {tuple(given.shape)}, not {tuple(expected.shape)}")
            # The least number above zero, should a network answer nothing but zeros.
            scale = max(float(expected.abs().max()), torch.finfo(torch.float32).tiny)
            worst = max(worst, float((given - expected).abs().max()) / scale)
    if not worst <= TOLERANCE:  # written this way round, NaN is refused as well
        raise _disagreement(f"it differs from the network by {worst:.2g} of the largest answer")
    return Agreement(CHECKED, worst)


def _disagreement(what: str) -> Fault:
    return Fault(
        f"the ONNX file was not kept: in onnxruntime {what}",
        expected=f"the network's answers, to {TOLERANCE:g}",
        remedy="export with other versions of onnx, onnxscript and onnxruntime, and tell the authors",
    )


def _require_packages() -> None:
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise InputFault(
            f"ONNX needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            expected=f"the extra `onnx`: {', '.join(PACKAGES)}",
            remedy="pip install 'epochal[onnx]'",
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter tells its progress, its own deprecations and faults of packages that are not used here."""
    level = logging.getLogger("torch.onnx").level
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.getLogger("torch.onnx").setLevel(level)
