"""Learning on an accelerator: thousands of centres at a time, their negatives shared in groups.

Everything is drawn and windowed on the device. A word's neighbours are the same rows shifted by one to `window` places,
so that a batch gathers each row once and adds to it once; negatives are shared by a group of centres, which makes them
products of matrices. A batch's changes are all made from the vectors as they were before it.

A frequent word has thousands of changes in one batch. Each would be right alone; their sum goes far beyond the loss's
minimum, and the vectors run away. So a row whose changes weigh more than it can bear gets its mean change and not their
sum: `bearable`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torch.nn.functional import logsigmoid

from epochal.core.fault import InputFault
from epochal.landmarks.word2vec.learner import Learned, stream
from epochal.landmarks.word2vec.model import Word2Vec
from epochal.landmarks.word2vec.recipe import Word2VecRecipe
from epochal.landmarks.word2vec.sampling import kept, noise
from epochal.landmarks.word2vec.text import Text

# Centres in a batch, at least and at most; in between, this part of the text. More are faster, and make more of the
# changes from vectors that are out of date, which short texts cannot afford.
LEAST, MOST, PART = 256, 16384, 500
# Centres that share their negatives, and how many negatives they share.
GROUP, NEGATIVES = 64, 64
# Up to which sum of rates, one for each word predicted or not, a row's changes of a batch are added up.
BEARABLE = 5.0


@dataclass(frozen=True)
class Drawn:
    """What a batch is about, all chance in it settled.

    Attributes:
        rows: the words that were kept, one after another.
        sentence: which sentence each is in.
        reach: how far each looks as a centre.
        negatives: for each group of centres, the words from the noise.
    """

    rows: Int64[Tensor, " n"]
    sentence: Int64[Tensor, " n"]
    reach: Int64[Tensor, " n"]
    negatives: Int64[Tensor, "groups K"]

    def seen(self, offset: int) -> Bool[Tensor, " m"]:
        """Whether each word but the last `offset` looks as far as the word so many places on, in its sentence."""
        return (self.sentence[:-offset] == self.sentence[offset:]) & (self.reach[:-offset] >= offset)

    def seen_back(self, offset: int) -> Bool[Tensor, " m"]:
        """The same in the other direction: whether each word but the first `offset` looks back so far."""
        return (self.sentence[:-offset] == self.sentence[offset:]) & (self.reach[offset:] >= offset)


def update(
    input: Float[Tensor, "V D"],
    output: Float[Tensor, "V D"],
    drawn: Drawn,
    window: int,
    negative: int,
    rate: float,
    *,
    cbow: bool,
    root: bool = False,
    most: float = BEARABLE,
) -> tuple[Float64[Tensor, ""], Int64[Tensor, ""]]:
    """Change both matrices by a batch's gradient; return the summed loss and how many words were predicted.

    Args:
        input: the vectors that are kept.
        output: the other vectors.
        drawn: the batch.
        window: the largest distance.
        negative: how many negatives a predicted word has; those of its group stand for them.
        rate: the learning rate; 0 changes nothing.
        cbow: predict the centre from the mean of the words around it.
        root: take their sum over the square root of their number instead of their mean.
        most: the sum of rates that a row bears.
    """
    count, rows = len(drawn.rows), drawn.rows
    pairs = [(offset, drawn.seen(offset), drawn.seen_back(offset)) for offset in range(1, min(window, count - 1) + 1)]
    around = torch.zeros(count, device=rows.device)
    for offset, forward, back in pairs:
        around[:-offset] += forward
        around[offset:] += back
    outer = output[rows]
    if cbow:
        least = around.clamp(min=1)
        part = (1 / (least.sqrt() if root else least))[:, None]
        centre = _neighbours(input[rows], pairs) * part
        predicted = (around > 0).float()
        scores = (centre * outer).sum(1)
        loss = -(logsigmoid(scores) * predicted).double().sum()
        g = (rate * (1 - torch.sigmoid(scores)) * predicted)[:, None]
        error, outer_change = g * outer, g * centre
        seen_from = predicted
    else:
        centre, predicted = input[rows], around
        error, outer_change = torch.zeros_like(centre), torch.zeros_like(centre)
        loss = torch.zeros((), dtype=torch.float64, device=rows.device)
        for offset, forward, back in pairs:
            for ours, theirs, mask in (
                (slice(None, -offset), slice(offset, None), forward),
                (slice(offset, None), slice(None, -offset), back),
            ):
                scores = (centre[ours] * outer[theirs]).sum(1)
                loss -= (logsigmoid(scores) * mask).double().sum()
                g = (rate * (1 - torch.sigmoid(scores)) * mask)[:, None]
                error[ours] += g * outer[theirs]
                outer_change[theirs] += g * centre[ours]
        seen_from = _spread(torch.ones_like(around)[:, None], pairs)[:, 0]
    noise_loss, noise_error, noise_change = _against_noise(output, centre, drawn.negatives, predicted * negative, rate)
    if rate > 0:
        error, weight = error + noise_error, predicted * (1 + negative)
        if cbow:
            error, weight = _spread(error * part, pairs), _spread(weight[:, None] * part, pairs)[:, 0]
        noisy = _grouped(predicted * (negative / NEGATIVES)).sum(1, keepdim=True).expand_as(drawn.negatives).flatten()
        places, weights = torch.cat([rows, drawn.negatives.flatten()]), torch.cat([seen_from, noisy])
        change = torch.cat([outer_change, noise_change]) * bearable(places, weights, rate, most, len(output))
        output.index_add_(0, places, change)
        input.index_add_(0, rows, error * bearable(rows, weight, rate, most, len(input)))
    return loss + noise_loss, predicted.sum().long()


def bearable(
    places: Int64[Tensor, " m"], weights: Float[Tensor, " m"], rate: float, most: float, rows: int
) -> Float[Tensor, "m 1"]:
    """Which part of each change is made: all of it, but where a row's changes together weigh too much.

    Args:
        places: the row that each change is of.
        weights: how many words, predicted or not, each change stands for.
        rate: the learning rate.
        most: the sum of rates that a row bears.
        rows: how many rows there are.
    """
    summed = weights.new_zeros(rows).index_add_(0, places, weights * rate)
    return (1 / (summed / most).clamp(min=1))[places][:, None]


def _neighbours(values: Float[Tensor, "n D"], pairs: list[tuple[int, Tensor, Tensor]]) -> Float[Tensor, "n D"]:
    """For each centre, the sum of the values around it."""
    summed = torch.zeros_like(values)
    for offset, forward, back in pairs:
        summed[:-offset] += values[offset:] * forward[:, None]
        summed[offset:] += values[:-offset] * back[:, None]
    return summed


def _spread(values: Float[Tensor, "n D"], pairs: list[tuple[int, Tensor, Tensor]]) -> Float[Tensor, "n D"]:
    """For each word, the sum of the values of the centres that look at it: the transpose of `_neighbours`."""
    summed = torch.zeros_like(values)
    for offset, forward, back in pairs:
        summed[offset:] += values[:-offset] * forward[:, None]
        summed[:-offset] += values[offset:] * back[:, None]
    return summed


def _grouped(values: Float[Tensor, n * rest]) -> Float[Tensor, "groups size *rest"]:
    """Values of centres by the groups that share negatives; the last group is filled up with zeros."""
    groups = -(-len(values) // GROUP)
    room = values.new_zeros(groups * GROUP - len(values), *values.shape[1:])
    return torch.cat([values, room]).view(groups, GROUP, *values.shape[1:])


def _against_noise(
    output: Float[Tensor, "V D"],
    centre: Float[Tensor, "n D"],
    negatives: Int64[Tensor, "groups K"],
    weight: Float[Tensor, " n"],
    rate: float,
) -> tuple[Float64[Tensor, ""], Float[Tensor, "n D"], Float[Tensor, "m D"]]:
    """The loss of the negatives, the change of the centres, and that of the negatives' rows.

    Args:
        output: the other vectors.
        centre: the input of each centre.
        negatives: the words from the noise of each group.
        weight: how many negatives each centre should have.
        rate: the learning rate.
    """
    grouped, weights = _grouped(centre), _grouped(weight)[:, :, None] / negatives.shape[1]
    outer = output[negatives]
    scores = grouped @ outer.transpose(1, 2)
    loss = -(logsigmoid(-scores) * weights).double().sum()
    g = -rate * torch.sigmoid(scores) * weights
    dimension = centre.shape[1]
    return loss, (g @ outer).view(-1, dimension)[: len(centre)], (g.transpose(1, 2) @ grouped).view(-1, dimension)


def sentences(lines: Int64[Tensor, " n"], most: int) -> Int64[Tensor, " n"]:
    """The sentence of each word: its line, or a part of it of so many words."""
    if not len(lines):
        return lines
    numbers = torch.arange(len(lines), device=lines.device)
    is_first = torch.ones_like(lines, dtype=torch.bool)
    is_first[1:] = lines[1:] != lines[:-1]
    place = numbers - torch.cummax(torch.where(is_first, numbers, 0), 0).values
    return torch.cumsum(place % most == 0, 0)


class BatchedLearner:
    """Learns in batches on a device.

    Args:
        recipe: how to learn.
        text: what from.
        model: what learns; its matrices lie on the device in the meantime.
        seed: decides all that is drawn.
        device: where to compute.

    Raises:
        InputFault: the recipe has no form for batches.
    """

    def __init__(self, recipe: Word2VecRecipe, text: Text, model: Word2Vec, seed: int, device: torch.device) -> None:
        if recipe.form != "modern" or recipe.objective != "negative-sampling":
            raise InputFault(
                f"form={recipe.form} with {recipe.objective} cannot be trained on {device}",
                expected="form=modern with negative-sampling, which has batches; the CPU for all others",
                remedy="--device cpu",
            )
        self.recipe, self.text, self.model, self.seed, self.device = recipe, text, model, seed, device
        counts = text.vocabulary.counts
        drawn = noise(counts, recipe.power)
        probabilities = kept(counts, text.vocabulary.total, recipe.sample, source=False)
        self._rows, self._keep = self._sent(text.rows).long(), self._sent(probabilities)
        self._share, self._other = self._sent(drawn.share.astype(np.float64) / 2.0**32), self._sent(drawn.other).long()
        self.batch = min(MOST, max(LEAST, len(text.tokens) // PART))
        self.push()

    def _sent(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.device)

    def push(self) -> None:
        """Take the model's matrices to the device."""
        dimension = self.model.dimension
        self.input = self._sent(self.model.input[:, :dimension])
        self.output = self._sent(self.model.output[:, :dimension])
        if self.device.type == "cpu":  # the device's own, and not the model's
            self.input, self.output = self.input.clone(), self.output.clone()

    def pull(self) -> None:
        """Bring them back."""
        self.model.input[:, : self.model.dimension] = self.input.cpu().numpy()
        self.model.output[:, : self.model.dimension] = self.output.cpu().numpy()

    def learn(self, epoch: int, stretches: Sequence[int], rates: Sequence[float]) -> Learned:
        """Learn from the stretches, each with its rate; a rate of 0 measures and changes nothing."""
        generator = torch.Generator(self.device).manual_seed(stream(self.seed, epoch, stretches[0]) >> 1)
        parts = [np.asarray(self.text.tokens[slice(*self.text.stretch(number))]) for number in stretches]
        # Where a stretch ends a sentence ends too.
        tokens = self._sent(np.concatenate([np.append(part, 0) for part in parts]).astype(np.int64))
        sentence = torch.cumsum(tokens == 0, 0)
        rows = self._rows[tokens]
        draws = torch.rand(len(rows), generator=generator, device=self.device)
        is_kept = (rows >= 0) & (tokens != 0)
        is_kept &= draws < self._keep[rows.clamp(min=0)]
        rows = rows[is_kept]
        sentence = sentences(sentence[is_kept], self.recipe.sentence)
        loss = torch.zeros((), dtype=torch.float64, device=self.device)
        predicted = torch.zeros((), dtype=torch.int64, device=self.device)
        window = self.recipe.window
        for first in range(0, len(rows), self.batch):
            # The words before and after are seen, and look at nothing themselves.
            begin, last = max(0, first - window), min(len(rows), first + self.batch)
            part, end = slice(begin, min(len(rows), last + window)), first - begin + self.batch
            drawn = self._drawn(rows[part], sentence[part], generator)
            drawn.reach[: first - begin] = 0
            drawn.reach[end:] = 0
            rate = rates[min(len(rates) - 1, first * len(rates) // len(rows))]
            cbow, root = self.recipe.architecture == "cbow", self.recipe.takes_root()
            more = update(self.input, self.output, drawn, window, self.recipe.negative, rate, cbow=cbow, root=root)
            loss, predicted = loss + more[0], predicted + more[1]
        return Learned(float(loss), int(predicted))

    def _drawn(self, rows: Tensor, sentence: Tensor, generator: torch.Generator) -> Drawn:
        count, device = len(rows), self.device
        reach = torch.randint(1, self.recipe.window + 1, (count,), generator=generator, device=device)
        shape = (-(-count // GROUP), NEGATIVES)
        places = torch.randint(0, len(self._share), shape, generator=generator, device=device)
        rest = torch.rand(shape, generator=generator, device=device, dtype=torch.float64)
        return Drawn(rows, sentence, reach, torch.where(rest < self._share[places], places, self._other[places]))
