"""Hand a trained run on: its weights as a file, a folder for the Hub, or a network in ONNX."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from epochal import landmarks as table
from epochal.core.durable import disk_fault
from epochal.core.fault import InputFault, nearest, printable
from epochal.core.run import Run
from epochal.engine.classifier import Classifier
from epochal.interop.hub_folder import write_hub_folder
from epochal.interop.model_card import model_card
from epochal.interop.onnx_file import CHECKED, write_onnx
from epochal.interop.safetensors_file import write_safetensors
from epochal.interop.vectors_file import FORMATS, write_vectors
from epochal.interop.vectors_file import described as described_texts
from epochal.measure.crops import centre_crop
from epochal.verbs import catalogue
from epochal.verbs.described import Described, config, facts, metadata, preparation
from epochal.verbs.trained import load_classifier
from epochal.verbs.vectors import Asked, find_vectors, refuse_options


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the file or folder.
        format: safetensors, hub or onnx.
        bytes: its size.
        tensors: how many tensors of the network it holds.
        preparation: how a picture must be prepared for it, step by step, in words.
        notes: what a person should know.
    """

    path: Path
    format: str
    bytes: int
    tensors: int
    preparation: tuple[str, ...]
    notes: tuple[str, ...]


def export(
    run: Run | Path | str, format: str = "safetensors", *, out: Path | str | None = None, layout: str = "ours"
) -> Exported:
    """Write a run's newest good checkpoint for others.

    Args:
        run: its path, its name in the runs folder, or `latest`; or a file of word vectors.
        format: `safetensors` (the weights), `hub` (a folder with weights, preparation and a card, that
            `from_pretrained` reads back) or `onnx` (the network from pixels to probabilities, checked in onnxruntime).
            For word vectors: `safetensors`, `word2vec` (text), `word2vec-bin` or `projector` (a folder with
            vectors.tsv and metadata.tsv).
        out: the file or folder to make; named after the run, in the current folder, if None.
        layout: whose names and conventions the weights shall have, for safetensors: `ours`, or another that the
            landmark writes: `torchvision` (alexnet, resnet), `akamaster` (resnet), `scaled` (dropout).

    Raises:
        InputFault: the run cannot be used, something is in the way, or a package is missing.
        Fault: the ONNX file did not answer as the network.
        DiskFault: the disk is full or refuses.
    """
    asked = find_vectors(run)
    if asked is not None:
        refuse_options(asked, {"--layout": layout != "ours"})
        return _export_vectors(asked, format, out)
    if format not in _WRITERS:
        raise InputFault(f"there is no format {printable(format)!r}", expected=nearest(format, _WRITERS))
    if layout != "ours" and format != "safetensors":
        raise InputFault(f"--layout {printable(layout)} goes with --format safetensors", expected="--layout ours")
    found = catalogue.find_run(run)
    ending, write = _WRITERS[format]
    path = Path(out) if out is not None else Path(f"{found.name}{ending}")
    _check_place(path)
    classifier, step, passed_over = load_classifier(found, "cpu")
    record = found.record()
    recipe = table.load(record["landmark"]).RECIPE.parse(record["recipe"])
    model = Described(record, recipe, classifier, step)
    notes = write(path, model, layout)
    size = sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
    told = preparation(model, onnx=format == "onnx")
    return Exported(path, format, size, len(model.tensors), told, (*passed_over, *notes))


def _export_vectors(asked: Asked, format: str, out: Path | str | None) -> Exported:
    """Write word vectors; a file's too, so that one format becomes another."""
    if format not in FORMATS:
        raise InputFault(f"word vectors have no format {printable(format)!r}", expected=nearest(format, FORMATS))
    stem = asked.run.name if asked.run is not None else Path(asked.vectors.name).stem
    path = Path(out) if out is not None else Path(f"{stem}{_VECTOR_ENDINGS[format]}")
    _check_place(path)
    said: dict[str, object] = {"step": asked.step}
    if asked.run is not None:
        record = asked.run.record()
        said |= {name: record.get(name) for name in ("landmark", "landmark_version", "recipe_name", "recipe", "seed")}
    notes = write_vectors(path, asked.vectors, format, described_texts(said))
    size = sum(file.stat().st_size for file in path.iterdir()) if path.is_dir() else path.stat().st_size
    words, dimension = asked.vectors.matrix.shape
    told = f"{words:,} words, {dimension} numbers each"
    return Exported(path, format, size, 1, (), (told, *asked.notes, *notes))


def _check_place(path: Path) -> None:
    if os.path.lexists(path):
        raise InputFault(
            f"there is something at {printable(str(path))} already",
            expected="a place where nothing is, as nothing is overwritten",
            remedy="name another with --out, or remove it first",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        if isinstance(error, OSError) and not isinstance(error, FileExistsError | NotADirectoryError):
            raise disk_fault(error, path) from error
        raise InputFault(f"nothing can be written at {printable(str(path))}", expected="a path in a folder") from None


def _write_safetensors(path: Path, model: Described, layout: str) -> tuple[str, ...]:
    exchange = import_module(f"epochal.landmarks.{model.record['landmark']}.exchange")
    if layout not in exchange.WRITTEN:
        raise InputFault(f"no layout to write is called {printable(layout)!r}", expected=" or ".join(exchange.WRITTEN))
    tensors, recipe = exchange.in_layout(layout, model.tensors, model.recipe)
    write_safetensors(path, tensors, metadata(model, layout=layout, recipe=recipe))
    if layout == "ours":
        return ()
    return (f"the weights are in the layout {layout}; pictures are prepared as told here, not as is usual there",)


def _write_hub(path: Path, model: Described, layout: str) -> tuple[str, ...]:
    card = model_card(facts(model))
    write_hub_folder(path, config(model), model.tensors, model.classifier.statistics.tensors(), card)
    return ()


def _write_onnx(path: Path, model: Described, layout: str) -> tuple[str, ...]:
    classifier = model.classifier
    answering = Answering(classifier).eval()
    generator = torch.Generator().manual_seed(0)
    shape = (max(CHECKED), 3, classifier.crop, classifier.crop)
    examples = torch.randint(0, 256, shape, generator=generator).float()
    texts = {**metadata(model), "preparation": "; ".join(preparation(model, onnx=True))}
    texts.pop("mean_picture", None)  # the graph has it
    agreement = write_onnx(path, answering, examples, ("logits", "probabilities"), texts)
    tried = ", ".join(map(str, agreement.batches))
    return (
        f"checked in onnxruntime with {tried} pictures: it agrees to {agreement.difference:.1g} of the largest answer",
    )


_VECTOR_ENDINGS = {"word2vec": ".txt", "word2vec-bin": ".bin", "safetensors": ".safetensors", "projector": "-projector"}
_WRITERS: dict[str, tuple[str, Callable[[Path, Described, str], tuple[str, ...]]]] = {
    "safetensors": (".safetensors", _write_safetensors),
    "hub": ("-hub", _write_hub),
    "onnx": (".onnx", _write_onnx),
}


class Answering(nn.Module):
    """A classifier from pixels to probabilities, in float32: it centres, divides and answers.

    Args:
        classifier: the network and its preparation.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        mean = classifier.statistics.mean.permute(2, 0, 1)[None]
        self.register_buffer("mean", centre_crop(mean, classifier.crop).contiguous())
        self.register_buffer("scale", torch.tensor(classifier.pixel_scale))
        self.model = classifier.model

    def forward(self, image: Float[Tensor, "B 3 C C"]) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B K"]]:
        """The scores and the probabilities of the classes.

        Args:
            image: RGB from 0 to 255, the centre of the picture.
        """
        logits = self.model((image - self.mean) / self.scale)
        return logits, torch.softmax(logits, 1)
