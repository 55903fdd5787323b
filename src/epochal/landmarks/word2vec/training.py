"""The training of word vectors (a `Task`): a step is some stretches of the text, learned from and added up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from epochal.core.fault import InputFault, NonFiniteFault
from epochal.data.corpus import let_go
from epochal.data.vocabulary import Vocabulary
from epochal.engine.checkpoint import Snapshot
from epochal.engine.device import LESS_TEXT
from epochal.landmarks.word2vec.learner import Learned, Learner, falling
from epochal.landmarks.word2vec.model import Word2Vec
from epochal.landmarks.word2vec.recipe import Word2VecRecipe
from epochal.landmarks.word2vec.text import Text

# The epoch whose draws measure: far beyond those that train.
_MEASURING = 1 << 40
# An epoch has so many steps at least, where its stretches suffice: between steps a run is logged, saved, interrupted.
_STEPS = 10


@dataclass(frozen=True)
class Stretches:
    """What a step learns from.

    Attributes:
        epoch: how often the text has been gone through before.
        first: the first of the stretches, by its place among those that are learned from.
        last: the one after the last.
    """

    epoch: int
    first: int
    last: int


class Training:
    """Word vectors in training.

    Args:
        recipe: how to learn.
        text: what from.
        model: what learns.
        learner: does it.
        device: where.
    """

    if_memory_runs_out = LESS_TEXT

    def __init__(
        self, recipe: Word2VecRecipe, text: Text, model: Word2Vec, learner: Learner, device: torch.device
    ) -> None:
        if not len(text.train):
            raise InputFault(
                f"the text has {len(text.tokens):,} words: all of it would be held out",
                expected="more text",
                remedy="--set held_out=0, or a smaller --set stretch=...",
            )
        self.recipe, self.text, self.model, self.learner, self.device = recipe, text, model, learner, device
        self._per_step = max(1, min(recipe.step // text.longest, len(text.train) // _STEPS))
        self.steps_per_epoch = -(-len(text.train) // self._per_step)
        self.steps = max(1, round(recipe.epochs * self.steps_per_epoch))
        self.evaluate_every = max(1, round(recipe.evaluate_epochs * self.steps_per_epoch))
        whole, parts = divmod(self.steps, self.steps_per_epoch)
        # How many stretches all steps have together, and how many words one has on the average.
        self._stretches = whole * len(text.train) + min(parts * self._per_step, len(text.train))
        self._step_words = float(np.diff(text.bounds)[text.train].sum() / self.steps_per_epoch)
        # Of the epoch under way, and the mean of the last whole one.
        self._so_far = Learned(0.0, 0)
        self._train_loss: float | None = None
        self._bad_step: int | None = None

    def size(self) -> str:
        """What is learned from, in words."""
        vocabulary = self.text.vocabulary
        held = len(self.text.held_out) / max(1, len(self.text.train) + len(self.text.held_out))
        return (
            f"{len(vocabulary):,} words that occur {vocabulary.total:,} times in {len(self.text.tokens):,}; "
            f"{held:.1%} of the text held out"
        )

    def batches(self, start: int) -> Iterator[Stretches]:
        """The stretches of each step from `start` on."""
        for number in range(start, self.steps):
            epoch, part = divmod(number, self.steps_per_epoch)
            first = part * self._per_step
            yield Stretches(epoch, first, min(first + self._per_step, len(self.text.train)))

    def step(self, number: int, batch: Stretches) -> dict[str, Tensor]:
        """Learn from the stretches; the loss is that of each word predicted, before the change that it made."""
        stretches = self.text.train[batch.first : batch.last]
        done = self._done(batch.epoch, batch.first + np.arange(len(stretches)))
        learned = self.learner.learn(batch.epoch, stretches.tolist(), falling(self.recipe, done.tolist()))
        if not np.isfinite(learned.loss):
            self._bad_step = number
        self._so_far = Learned(self._so_far.loss + learned.loss, self._so_far.predicted + learned.predicted)
        if (number + 1) % self.steps_per_epoch == 0:
            self._end_epoch(is_last=number + 1 >= self.steps)
        let_go(self.text.tokens)
        return {"loss": torch.tensor(learned.mean, dtype=torch.float64)}

    def _done(self, epoch: int, places: Int64[np.ndarray, " n"]) -> Float64[np.ndarray, " n"]:
        """Which share of the training is done before each of these stretches of an epoch."""
        done: Float64[np.ndarray, " n"] = (epoch * len(self.text.train) + places) / self._stretches
        return done

    def _end_epoch(self, *, is_last: bool) -> None:
        """Note the mean loss; an epoch in which subsampling left nothing to predict has none, and the next may have."""
        if self._so_far.predicted:
            self._train_loss = self._so_far.mean
        elif self._train_loss is None and (is_last or self.recipe.sample == 0):
            thinned = self.recipe.sample > 0
            raise InputFault(
                "nothing was learned: no two words of the vocabulary stand in one sentence"
                + (f" of those that sample={self.recipe.sample:g} leaves" if thinned else ""),
                expected="sentences with at least two words of the vocabulary",
                remedy="--set sample=0, longer lines, or --set min_count=1"
                if thinned
                else "longer lines, or a lower min_count",
            )
        self._so_far = Learned(0.0, 0)

    def rates(self, number: int) -> dict[str, float]:
        """The learning rate at a step's beginning, and how many words a step has on the average."""
        epoch, part = divmod(number, self.steps_per_epoch)
        (rate,) = falling(self.recipe, self._done(epoch, np.array([part * self._per_step])).tolist())
        return {"lr": rate, "step_words": self._step_words}

    def evaluate(self) -> dict[str, float]:
        """The mean loss of a predicted word on the held-out text, and in the last whole epoch (or so far in the first).

        Both are sums in float64 over the words predicted; where none was, there is no mean. That of the epoch is before
        each change.
        """
        held_out = self.text.held_out.tolist()
        learned = self.learner.learn(_MEASURING, held_out, [0.0] * len(held_out)) if held_out else Learned(0.0, 0)
        train = self._so_far.mean if self._train_loss is None else self._train_loss
        found = {"loss": learned.mean} if learned.predicted else {}
        return found | ({"train_loss": train} if self._train_loss is not None or self._so_far.predicted else {})

    def observe(self, metrics: dict[str, float]) -> None:
        """Nothing reacts to an evaluation."""

    def trouble(self) -> NonFiniteFault | None:
        """Name the step whose loss was not finite."""
        if self._bad_step is None:
            return None
        return NonFiniteFault(
            f"step {self._bad_step}: the loss is not finite (learning rate {self.recipe.lr:g})",
            expected="finite numbers",
            remedy="train again with a lower learning rate (--set lr=...)",
        )

    def state(self) -> Snapshot:
        """Both matrices, the vocabulary, and the sums of the epoch under way."""
        self.learner.pull()
        return (
            Snapshot({name: torch.from_numpy(rows) for name, rows in self._matrices().items()}).prefixed("model")
            | vocabulary_snapshot(self.text.vocabulary).prefixed("vocabulary")
            | Snapshot(
                {},
                {"loss": self._so_far.loss, "predicted": self._so_far.predicted, "train_loss": self._train_loss},
            ).prefixed("epoch")
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a state.

        Raises:
            InputFault: the state is of another vocabulary or dimension.
        """
        if vocabulary_of(snapshot.under("vocabulary")).words != self.text.vocabulary.words:
            raise InputFault("the checkpoint is of another vocabulary", expected="the text of the run as it was")
        for name, rows in self._matrices().items():
            stored = snapshot.tensors[f"model.{name}"].numpy()
            if stored.shape != rows.shape:
                raise InputFault(f"the matrix {name} is of shape {stored.shape}", expected=f"{rows.shape}")
            rows[:] = stored
        self.learner.push()
        epoch = snapshot.under("epoch").values
        self._so_far = Learned(float(epoch["loss"]), int(epoch["predicted"]))
        self._train_loss = None if epoch["train_loss"] is None else float(epoch["train_loss"])

    def _matrices(self) -> dict[str, np.ndarray]:
        dimension = self.model.dimension
        return {"input": self.model.input[:, :dimension], "output": self.model.output[:, :dimension]}


def vocabulary_snapshot(vocabulary: Vocabulary) -> Snapshot:
    """The vocabulary as tensors: the words in UTF-8, a line each, and their counts."""
    text = "\n".join(vocabulary.words).encode()
    return Snapshot(
        {
            "words": torch.from_numpy(np.frombuffer(text, np.uint8).copy()),
            "counts": torch.from_numpy(vocabulary.counts.astype(np.int64)),
        }
    )


def vocabulary_of(snapshot: Snapshot) -> Vocabulary:
    """The vocabulary of a checkpoint.

    Raises:
        ValueError: words and counts do not fit together.
    """
    words = tuple(snapshot.tensors["words"].numpy().tobytes().decode("utf-8").split("\n"))
    counts = snapshot.tensors["counts"].numpy()
    if len(words) != len(counts):
        raise ValueError(f"{len(words)} words with {len(counts)} counts")
    return Vocabulary(words, counts)
