"""word2vec as a training: batches against autograd, phrases by their formula, the text's split, its losses."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import TINY_WORDS
from torch.nn.functional import logsigmoid

import epochal
from epochal.core.fault import InputFault, NonFiniteFault
from epochal.data.corpus import read_corpus
from epochal.data.text import open_text
from epochal.landmarks.word2vec import batched
from epochal.landmarks.word2vec.batched import BatchedLearner, Drawn, update
from epochal.landmarks.word2vec.model import word2vec
from epochal.landmarks.word2vec.phrases import joined
from epochal.landmarks.word2vec.text import read_text
from epochal.landmarks.word2vec.train import task

CPU = torch.device("cpu")


def drawn_batch(count: int, words: int) -> Drawn:
    generator = torch.Generator().manual_seed(1)
    return Drawn(
        rows=torch.randint(0, words, (count,), generator=generator),
        sentence=torch.arange(count) // 7,
        reach=torch.randint(1, 4, (count,), generator=generator),
        negatives=torch.randint(0, words, (-(-count // batched.GROUP), batched.NEGATIVES), generator=generator),
    )


def slow_loss(input: torch.Tensor, output: torch.Tensor, drawn: Drawn, negative: int, cbow: bool) -> torch.Tensor:
    """The loss of a batch, a pair at a time."""
    loss = torch.zeros((), dtype=torch.float64)
    for i, row in enumerate(drawn.rows.tolist()):
        reach = int(drawn.reach[i])
        near = [
            j
            for j in range(max(0, i - reach), min(len(drawn.rows), i + reach + 1))
            if j != i and drawn.sentence[j] == drawn.sentence[i]
        ]
        if not near:
            continue
        rows = drawn.rows[near]
        noise = output[drawn.negatives[i // batched.GROUP]]
        if cbow:
            h = input[rows].mean(0)
            loss -= logsigmoid(h @ output[row]) + negative * logsigmoid(-(noise @ h)).mean()
        else:
            h = input[row]
            loss -= logsigmoid(output[rows] @ h).sum() + len(near) * negative * logsigmoid(-(noise @ h)).mean()
    return loss


@pytest.mark.parametrize("cbow", [False, True])
def test_a_batch_goes_down_the_gradient_that_autograd_finds(cbow: bool) -> None:
    words, rate = 30, 0.1
    generator = torch.Generator().manual_seed(2)
    input, output = (torch.randn(words, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    drawn = drawn_batch(100, words)
    leaves = [matrix.clone().requires_grad_() for matrix in (input, output)]
    expected = slow_loss(*leaves, drawn, 5, cbow)
    gradients = torch.autograd.grad(expected, leaves)
    before = [input.clone(), output.clone()]
    measured, _ = update(input, output, drawn, 3, 5, 0.0, cbow=cbow)
    assert torch.equal(input, before[0]), "a rate of 0 changes nothing"
    loss, predicted = update(input, output, drawn, 3, 5, rate, cbow=cbow)
    assert float(loss) == float(measured) == pytest.approx(float(expected), rel=1e-5)
    assert int(predicted) > 50
    for matrix, old, gradient in zip((input, output), before, gradients, strict=True):
        torch.testing.assert_close(matrix, old - rate * gradient, atol=1e-6, rtol=1e-5)


def test_batches_learn_what_the_compiled_loops_learn() -> None:
    data = open_text("topics")
    recipe = TINY_WORDS.replace(dimension=16, epochs=6.0, step=20_000)
    ours = task(recipe, data, seed=0, device=CPU)
    other = task(recipe, data, seed=0, device=CPU)
    other.learner = BatchedLearner(recipe, other.text, other.model, 0, CPU)
    first = ours.evaluate()["loss"]
    for one in (ours, other):
        for number, batch in enumerate(one.batches(0)):
            one.step(number, batch)
    losses = [ours.evaluate()["loss"], other.evaluate()["loss"]]
    assert max(losses) < 0.75 * first
    assert losses[0] == pytest.approx(losses[1], rel=0.06)
    state = other.state()
    other.step(0, next(other.batches(0)))
    other.restore(state)
    assert torch.equal(other.state().tensors["model.input"], state.tensors["model.input"])


@pytest.mark.parametrize("changes", [{"form": "paper"}, {"form": "source"}, {"objective": "hierarchical-softmax"}])
def test_what_has_no_batches_is_refused_on_a_device(changes: dict) -> None:
    recipe = TINY_WORDS.replace(**changes)
    text = read_text(recipe, open_text("topics"))
    with pytest.raises(InputFault, match="cannot be trained on"):
        BatchedLearner(recipe, text, word2vec(recipe, len(text.vocabulary), 0), 0, torch.device("meta"))


@pytest.mark.parametrize(
    "changes",
    [
        {"form": form, "architecture": architecture, "objective": objective}
        for form in ("paper", "source", "modern")
        for architecture in ("skip-gram", "cbow")
        for objective in ("negative-sampling", "hierarchical-softmax")
    ],
    ids=lambda changes: " ".join(changes.values()),
)
def test_every_form_learns(changes: dict) -> None:
    training = task(TINY_WORDS.replace(epochs=3.0, **changes), open_text("topics"), seed=0, device=CPU)
    first = training.evaluate()["loss"]
    for number, batch in enumerate(training.batches(0)):
        training.step(number, batch)
    done = training.evaluate()
    assert done["loss"] < 0.9 * first
    assert math.isfinite(done["train_loss"])


def test_the_first_loss_is_that_of_vectors_that_know_nothing() -> None:
    training = task(TINY_WORDS, open_text("topics"), seed=0, device=CPU)
    # Each word predicted comes with 5 negatives; the outputs are zero, every probability is a half.
    assert training.evaluate()["loss"] == pytest.approx(6 * math.log(2), rel=1e-6)


def test_losses_of_an_epoch_add_up_and_survive_a_checkpoint() -> None:
    data = open_text("topics")
    straight, stopped = (task(TINY_WORDS, data, seed=1, device=CPU) for _ in range(2))
    half = straight.steps_per_epoch // 2
    for number, batch in enumerate(straight.batches(0)):
        straight.step(number, batch)
    for number, batch in enumerate(stopped.batches(0)):
        if number == half:
            break
        stopped.step(number, batch)
    resumed = task(TINY_WORDS, data, seed=1, device=CPU)
    resumed.restore(stopped.state())
    for number, batch in enumerate(resumed.batches(half), half):
        resumed.step(number, batch)
    assert resumed.evaluate() == straight.evaluate()


def test_several_threads_learn_the_same_stretches() -> None:
    losses = []
    for threads in (1, 3):
        training = task(TINY_WORDS.replace(threads=threads, step=5000), open_text("topics"), seed=0, device=CPU)
        for number, batch in enumerate(training.batches(0)):
            training.step(number, batch)
        losses.append(training.evaluate()["train_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=0.02)


def test_a_rate_that_is_too_high_stops_the_run_and_names_the_step(tmp_path: Path) -> None:
    recipe = TINY_WORDS.replace(lr=10.0, epochs=20.0, dimension=64)
    training = task(recipe, open_text("topics"), seed=0, device=CPU)
    training.model.input[:] = 1e38
    training.model.output[:] = 1e38
    training.step(0, next(training.batches(0)))
    found = training.trouble()
    assert isinstance(found, NonFiniteFault)
    assert "step 0" in found.what


def test_what_is_held_out_is_never_learned_from() -> None:
    text = read_text(TINY_WORDS.replace(held_out=0.1), open_text("topics"))
    assert not set(text.train) & set(text.held_out)
    assert len(text.train) + len(text.held_out) == len(text.bounds) - 1
    assert len(text.held_out) / (len(text.bounds) - 1) == pytest.approx(0.1, abs=0.01)
    assert not len(read_text(TINY_WORDS.replace(held_out=0.0), open_text("topics")).held_out)


def test_the_vocabulary_is_what_the_recipe_asks_for(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("b a b c b a d\n" * 3)
    data = open_text(f"text:{tmp_path}/text")
    recipe = TINY_WORDS.replace(min_count=6)
    assert read_text(recipe, data).vocabulary.words == ("b", "a")
    assert read_text(recipe.replace(form="source"), data).vocabulary.words == ("</s>", "b", "a")
    assert read_text(recipe.replace(min_count=1, most_words=3), data).vocabulary.words == ("b", "a", "c")
    (tmp_path / "words").write_text("a 1\nd\nzebra 3\n")
    assert read_text(recipe.replace(vocabulary=str(tmp_path / "words")), data).vocabulary.words == ("a", "d")
    half = read_text(recipe.replace(min_count=1, most_text=8), data)
    assert (len(half.tokens), half.vocabulary.counts.tolist()) == (8, [3, 2, 1, 1])


def test_words_that_stand_together_are_joined_by_word2phrases_score(tmp_path: Path) -> None:
    lines = ["new york is large", "new york new cars", "old york new ideas", "new york is new york city"] * 3
    (tmp_path / "text").write_text("\n".join(lines) + "\n")
    corpus = read_corpus(open_text(f"text:{tmp_path}/text"))
    counts = {word: int(count) for word, count in zip(corpus.types, corpus.counts, strict=True)}
    words = sum(count for word, count in counts.items() if word != "</s>" and count >= 2) + counts["</s>"]
    score = (12 - 2) / counts["new"] / counts["york"] * words
    for threshold, is_joined in ((score * 0.999, True), (score * 1.001, False)):
        found = joined(corpus, discount=2, threshold=threshold, min_count=2)
        assert ("new_york" in found.types and found.counts[found.types.index("new_york")] == 12) == is_joined
        assert found.counts.sum() == corpus.counts.sum() - 12 * is_joined or not is_joined
    text = [found.types[number] for number in found.tokens]
    assert text.count("</s>") == counts["</s>"], "no phrase crosses a line"


def test_the_vectors_of_a_run_are_a_layer_of_torch(tmp_path: Path) -> None:
    run = epochal.train("word2vec", recipe=TINY_WORDS, device="cpu", runs=tmp_path)
    vectors = epochal.load_vectors(run)
    assert vectors.matrix.shape == (len(vectors.words), TINY_WORDS.dimension)
    layer = vectors.embedding()
    word = vectors.words[7]
    np.testing.assert_array_equal(layer(torch.tensor([vectors.place(word)]))[0].numpy(), vectors[word])
    assert not layer.weight.requires_grad
    assert vectors.counts is not None
    assert vectors.counts[0] == vectors.counts.max()
    for format in ("word2vec", "word2vec-bin", "safetensors"):
        done = epochal.export(run, format, out=tmp_path / format)
        again = epochal.load_vectors(done.path)
        assert again.words == vectors.words
        np.testing.assert_array_equal(again.matrix, vectors.matrix)


@pytest.mark.real_data
def test_a_quarter_of_wikipedia_teaches_some_grammar(tmp_path: Path) -> None:
    recipe = epochal.recipe("word2vec", "small").replace(epochs=1.0, most_text=4_000_000, dimension=64, threads=1)
    run = epochal.train("word2vec", recipe=recipe, data="wiki", device="cpu", runs=tmp_path)
    found = epochal.evaluate(run, analogies=["word-eval"], pairs=["word-eval"])
    assert found["3CosAdd"]["all"]["accuracy"] > 0.01
    assert found["pairs"]["EN-MTurk-771"]["spearman"] > 0.15
