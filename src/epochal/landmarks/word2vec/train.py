"""From a recipe to a training, and from a checkpoint to vectors."""

from __future__ import annotations

import torch

from epochal.core.fault import InputFault
from epochal.core.report import Report, silent
from epochal.data.text import TextData
from epochal.engine import random
from epochal.engine.checkpoint import Snapshot
from epochal.interop.vectors import Vectors
from epochal.landmarks.word2vec.batched import BatchedLearner
from epochal.landmarks.word2vec.learner import CompiledLearner, Learner
from epochal.landmarks.word2vec.model import word2vec
from epochal.landmarks.word2vec.recipe import Word2VecRecipe
from epochal.landmarks.word2vec.text import read_text
from epochal.landmarks.word2vec.training import Training, vocabulary_of


def task(
    recipe: Word2VecRecipe,
    data: TextData,
    *,
    seed: int,
    device: torch.device,
    workers: int = 0,
    micro_batches: int = 1,
    resident_bytes: int = 0,
    report: Report = silent,
) -> Training:
    """The training that the recipe describes, at its first step.

    Args:
        recipe: what is trained, and how.
        data: the text.
        seed: decides first vectors, windows, and all that is drawn.
        device: the CPU, or an accelerator, which takes large batches.
        workers: of no use here: the text is read by the threads that learn.
        micro_batches: likewise.
        resident_bytes: likewise: the text is mapped from the disk.
        report: is told how the numbering of the text goes.

    Raises:
        InputFault: the text cannot be used, or the device has no way for the recipe.
        DiskFault: the cache folder cannot be written to.
    """
    random.seed_everything(seed)
    text = read_text(recipe, data, report)
    model = word2vec(recipe, len(text.vocabulary), seed)
    threads = torch.get_num_threads() if recipe.threads is None else recipe.threads
    learner: Learner
    if device.type == "cpu":
        learner = CompiledLearner(recipe, text, model, seed, threads)
    else:
        learner = BatchedLearner(recipe, text, model, seed, device)
    return Training(recipe, text, model, learner, device)


def vectors(recipe: Word2VecRecipe, snapshot: Snapshot) -> Vectors:
    """The vectors of a checkpoint's task.

    Raises:
        InputFault: the checkpoint is of another recipe.
    """
    vocabulary = vocabulary_of(snapshot.under("vocabulary"))
    matrix = snapshot.tensors["model.input"].numpy()
    if matrix.shape != (len(vocabulary), recipe.dimension):
        raise InputFault(
            f"the vectors are of shape {matrix.shape}",
            expected=f"({len(vocabulary)}, {recipe.dimension}), as the recipe",
        )
    return Vectors(vocabulary.words, matrix, vocabulary.counts)
