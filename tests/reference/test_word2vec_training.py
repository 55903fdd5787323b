"""word2vec as a training: batches against autograd, phrases by their formula, the text's split, its losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import TINY_WORDS
from torch.nn.functional import logsigmoid

import epochal
from epochal.core.fault import InputFault, NonFiniteFault
from epochal.data.corpus import Corpus
from epochal.data.numbering import read_corpus
from epochal.data.text import open_text
from epochal.landmarks.word2vec import batched, phrases
from epochal.landmarks.word2vec.batched import BatchedLearner, Drawn, update
from epochal.landmarks.word2vec.learner import CompiledLearner, Learned
from epochal.landmarks.word2vec.model import word2vec
from epochal.landmarks.word2vec.phrases import joined
from epochal.landmarks.word2vec.text import read_text
from epochal.landmarks.word2vec.train import task
from epochal.landmarks.word2vec.training import Training

CPU = torch.device("cpu")


def drawn_batch(count: int, words: int) -> Drawn:
    generator = torch.Generator().manual_seed(1)
    return Drawn(
        rows=torch.randint(0, words, (count,), generator=generator),
        sentence=torch.arange(count) // 7,
        reach=torch.randint(1, 4, (count,), generator=generator),
        negatives=torch.randint(0, words, (-(-count // batched.GROUP), batched.NEGATIVES), generator=generator),
    )


def slow_loss(
    input: torch.Tensor, output: torch.Tensor, drawn: Drawn, negative: int, cbow: bool, root: bool
) -> torch.Tensor:
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
            h = input[rows].sum(0) / (len(near) ** 0.5 if root else len(near))
            loss -= logsigmoid(h @ output[row]) + negative * logsigmoid(-(noise @ h)).mean()
        else:
            h = input[row]
            loss -= logsigmoid(output[rows] @ h).sum() + len(near) * negative * logsigmoid(-(noise @ h)).mean()
    return loss


@pytest.mark.parametrize(("cbow", "root"), [(False, False), (True, False), (True, True)])
def test_a_batch_goes_down_the_gradient_that_autograd_finds(cbow: bool, root: bool) -> None:
    words, rate = 30, 0.1
    generator = torch.Generator().manual_seed(2)
    input, output = (torch.randn(words, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    drawn = drawn_batch(100, words)
    leaves = [matrix.clone().requires_grad_() for matrix in (input, output)]
    expected = slow_loss(*leaves, drawn, 5, cbow, root)
    gradients = torch.autograd.grad(expected, leaves)
    before = [input.clone(), output.clone()]
    measured, _ = update(input, output, drawn, 3, 5, 0.0, cbow=cbow, root=root)
    assert torch.equal(input, before[0]), "a rate of 0 changes nothing"
    loss, predicted = update(input, output, drawn, 3, 5, rate, cbow=cbow, root=root, most=math.inf)
    assert float(loss) == float(measured) == pytest.approx(expected.item(), rel=1e-5)
    assert int(predicted) > 50
    for matrix, old, gradient in zip((input, output), before, gradients, strict=True):
        torch.testing.assert_close(matrix, old - rate * gradient, atol=1e-6, rtol=1e-5)


def test_a_row_with_too_many_changes_gets_a_part_of_each() -> None:
    places, weights = torch.tensor([0, 1, 0, 2]), torch.tensor([30.0, 4.0, 70.0, 10.0])
    expected = torch.tensor([[0.5], [1.0], [0.5], [1.0]])
    assert torch.allclose(batched.bearable(places, weights, 0.1, 5.0, 4), expected)
    assert torch.equal(batched.bearable(places, weights, 0.1, math.inf, 4), torch.ones(4, 1))


@pytest.mark.parametrize("architecture", ["skip-gram", "cbow"])
def test_batches_learn_what_the_compiled_loops_learn(architecture: str) -> None:
    recipe = TINY_WORDS.replace(dimension=16, epochs=10.0, step=20_000, architecture=architecture)
    ours, other = (task(recipe, open_text("topics"), seed=0, device=CPU) for _ in range(2))
    other.learner = BatchedLearner(recipe, other.text, other.model, 0, CPU)
    first = ours.evaluate()["loss"]
    for one in (ours, other):
        for number, batch in enumerate(one.batches(0)):
            one.step(number, batch)
    other.learner.pull()
    # Both are measured by the same loops, on the same windows and noise.
    losses = [one.evaluate()["loss"] for one in (ours, with_learner(other, ours.learner))]
    assert max(losses) < 0.8 * first
    assert losses[1] < 1.02 * losses[0]


def with_learner(training: Training, learner: CompiledLearner) -> Training:
    """The training with the compiled loops, on its own model."""
    training.learner = CompiledLearner(learner.recipe, learner.text, training.model, learner.seed, 1)
    return training


def test_the_state_of_a_training_in_batches_is_taken_up_again() -> None:
    training = task(TINY_WORDS, open_text("topics"), seed=0, device=CPU)
    training.learner = BatchedLearner(TINY_WORDS, training.text, training.model, 0, CPU)
    batches = training.batches(0)
    training.step(0, next(batches))
    state = training.state()
    training.step(1, next(batches))
    training.restore(state)
    assert torch.equal(training.state().tensors["model.input"], state.tensors["model.input"])


def test_batches_see_over_their_edges_and_learn_every_pair_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With windows of one the pairs are known: all neighbours in a sentence, both ways."""
    recipe = TINY_WORDS.replace(window=1, sample=0.0, held_out=0.0, sentence=40)
    text = read_text(recipe, open_text("topics"))
    tokens = np.asarray(text.tokens[slice(*text.stretch(3))])
    expected = 0
    for line in "".join("\n" if t == 0 else "w" if text.rows[t] >= 0 else "" for t in tokens).split("\n"):
        parts = [len(line[begin : begin + 40]) for begin in range(0, len(line), 40)]
        expected += sum(2 * (part - 1) for part in parts)
    for batch in (7, 50, 10_000):
        monkeypatch.setattr(batched, "LEAST", batch)
        learner = BatchedLearner(recipe, text, word2vec(recipe, len(text.vocabulary), 0), 0, CPU)
        assert learner.learn(0, [3], [0.01]).predicted == expected


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
    # Noise is told from words at once; the tree must tell each word from all others, in the same time.
    lr, part = (0.05, 0.9) if changes["objective"] == "negative-sampling" else (0.2, 0.97)
    training = task(TINY_WORDS.replace(epochs=3.0, lr=lr, **changes), open_text("topics"), seed=0, device=CPU)
    first = training.evaluate()["loss"]
    for number, batch in enumerate(training.batches(0)):
        training.step(number, batch)
    done = training.evaluate()
    assert done["loss"] < part * first
    assert math.isfinite(done["train_loss"])


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "paper", "shared": 4},
        {"objective": "hierarchical-softmax", "shared": 4},
        {"average": "mean"},
        {"form": "source", "architecture": "cbow", "average": "root"},
    ],
)
def test_a_setting_that_would_change_nothing_is_refused(changes: dict) -> None:
    with pytest.raises(InputFault, match="settings do not fit"):
        TINY_WORDS.replace(**changes)


def test_as_many_words_as_were_asked_for_with_a_file_of_words_and_without(tmp_path: Path) -> None:
    (tmp_path / "words").write_text("the\nof\nand\nto\nis\n")
    recipe = TINY_WORDS.replace(form="source", most_words=3)
    sizes = [
        len(read_text(recipe.replace(vocabulary=file), open_text("topics")).vocabulary)
        for file in (None, str(tmp_path / "words"))
    ]
    assert sizes == [4, 4], "three words and the end of a line"


def test_the_first_loss_is_that_of_vectors_that_know_nothing() -> None:
    training = task(TINY_WORDS, open_text("topics"), seed=0, device=CPU)
    # Each word predicted comes with 5 negatives; the outputs are zero, every probability is a half.
    assert training.evaluate()["loss"] == pytest.approx(6 * math.log(2), rel=1e-6)


@dataclass
class Recorded:
    """A learner that learns nothing and keeps what it was given."""

    predicted: int = 1
    seen: list[tuple[int, list[int], list[float]]] = field(default_factory=list)

    def learn(self, epoch: int, stretches: Sequence[int], rates: Sequence[float]) -> Learned:
        self.seen.append((epoch, list(stretches), list(rates)))
        return Learned(0.5 * self.predicted, self.predicted)

    def pull(self) -> None: ...

    def push(self) -> None: ...


@pytest.mark.parametrize("epochs", [1.0, 2.5, 3.0])
def test_every_stretch_is_learned_from_once_an_epoch_at_a_rate_that_falls_on_a_line_to_zero(epochs: float) -> None:
    # 10 stretches a step do not divide the text, so that each epoch's last step is shorter.
    recipe = TINY_WORDS.replace(held_out=0.1, epochs=epochs, step=10 * 250)
    training, learner = task(recipe, open_text("topics"), seed=0, device=CPU), Recorded()
    training.learner = learner
    for number, batch in enumerate(training.batches(0)):
        training.step(number, batch)
        assert training.rates(number)["lr"] == learner.seen[-1][2][0]
    held_out, train = set(training.text.held_out.tolist()), training.text.train.tolist()
    assert len(train) % 10
    for epoch in range(int(epochs)):
        assert [one for e, stretches, _ in learner.seen if e == epoch for one in stretches] == train
    assert not held_out & {one for _, stretches, _ in learner.seen for one in stretches}
    rates = np.array([rate for *_, some in learner.seen for rate in some])
    line = recipe.lr * (1 - np.arange(len(rates)) / len(rates))
    np.testing.assert_allclose(rates, np.maximum(line, recipe.lr * 1e-4), rtol=1e-9)
    learner.seen.clear()
    training.evaluate()
    ((epoch, stretches, rates),) = learner.seen
    assert (set(stretches), set(rates)) == (held_out, {0.0})
    assert epoch > epochs, "it draws what no training drew"


def test_a_loss_over_no_words_is_none_and_an_epoch_without_any_is_refused(tmp_path: Path) -> None:
    assert math.isnan(Learned(0.0, 0).mean)
    (tmp_path / "text").write_text("alone\nwords\n" * 40)
    recipe = TINY_WORDS.replace(min_count=1, sample=0.0, stretch=10, step=40)
    training = task(recipe, open_text(f"text:{tmp_path}/text"), seed=0, device=CPU)
    assert training.evaluate() == {}
    *first, last = list(enumerate(training.batches(0)))
    for number, batch in first:
        assert math.isnan(training.step(number, batch)["loss"].item())
    with pytest.raises(InputFault, match="no two words"):
        training.step(*last)


def test_the_speed_that_is_told_counts_the_words_that_are_in_the_steps() -> None:
    training = task(TINY_WORDS.replace(held_out=0.1), open_text("topics"), seed=0, device=CPU)
    words = sum(last - first for first, last in map(training.text.stretch, training.text.train.tolist()))
    assert training.rates(0)["step_words"] * training.steps_per_epoch == pytest.approx(words)


def test_a_short_text_has_steps_enough_to_be_watched_and_a_part_of_an_epoch_is_a_part() -> None:
    data = open_text("topics")
    short = task(epochal.recipe("word2vec", "small"), data, seed=0, device=CPU)
    assert 10 <= short.steps_per_epoch <= 20
    assert task(epochal.recipe("word2vec", "small").replace(epochs=0.3), data, seed=0, device=CPU).steps == round(
        0.3 * short.steps_per_epoch
    )


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


@pytest.mark.parametrize(("share", "words"), [(0.01, 20_000), (0.01, 6000), (0.05, 3000), (0.2, 1000)])
def test_about_as_much_is_held_out_of_a_short_text_as_of_a_long_one(share: float, words: int) -> None:
    recipe = epochal.recipe("word2vec", "small").replace(held_out=share, most_text=words)
    text = read_text(recipe, open_text("topics"))
    lengths = np.diff(text.bounds)
    assert lengths.sum() == words
    assert lengths[text.held_out].sum() / words == pytest.approx(share, rel=0.3)


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


def of_lines(folder: Path, lines: list[str]) -> Corpus:
    (folder / "text").write_text("\n".join(lines) + "\n")
    return read_corpus(open_text(f"text:{folder}/text"), "whitespace")


def words_of(corpus: Corpus) -> list[str]:
    return [corpus.types[number] for number in corpus.tokens]


def test_words_that_stand_together_are_joined_by_word2phrases_score(tmp_path: Path) -> None:
    lines = ["new york is large", "new york new cars", "old york new ideas", "new york is new york city"] * 3
    corpus = of_lines(tmp_path, lines)
    # By hand: 12 times together, 18 and 15 times at all, in a text of 54 words.
    score = (12 - 2) / (18 * 15) * 54
    for threshold, count in ((score * 0.999, 12), (score * 1.001, 0)):
        found = joined(corpus, discount=2, threshold=threshold, min_count=12)
        text = words_of(found)
        assert text.count("new_york") == count
        assert dict(zip(found.types, found.counts.tolist(), strict=True)) == {
            word: text.count(word) for word in found.types
        }
        assert " ".join(text).replace("new_york", "new york") == " ".join(words_of(corpus)), "nothing else changes"


def test_phrases_are_joined_from_the_left_across_blocks_and_never_across_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = of_lines(tmp_path, ["a b a b c", "b a", "b c a b"] * 5)
    expected = None
    for block in (1 << 20, 1, 2, 3, 7):
        monkeypatch.setattr(phrases, "_BLOCK", block)
        monkeypatch.setenv("EPOCHAL_CACHE", str(tmp_path / f"cache{block}"))
        found = words_of(joined(corpus, discount=0, threshold=0.0, min_count=5))
        expected = expected or found
        assert found == expected
    assert expected[:10] == ["a_b", "a_b", "c", "</s>", "b_a", "</s>", "b_c", "a_b", "</s>", "a_b"]


def test_a_phrase_that_the_text_holds_as_a_word_is_that_word(tmp_path: Path) -> None:
    corpus = of_lines(tmp_path, ["new york", "new_york"] * 6)
    found = joined(corpus, discount=0, threshold=0.0, min_count=5)
    assert words_of(found) == [*["new_york", "</s>"] * 12, "</s>"]
    assert [word for word in found.types if word].count("new_york") == 1
    assert found.counts[found.types.index("new_york")] == 12


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


def test_an_epoch_that_subsampling_left_empty_is_no_fault(tmp_path: Path) -> None:
    file = tmp_path / "two.txt"
    file.write_text("hello world\n" * 300)
    recipe = epochal.recipe("word2vec", "smoke").replace(sample=0.003, epochs=6.0, evaluate_epochs=1.0, threads=1)
    for seed in range(3):
        run = epochal.train("word2vec", recipe=recipe, data=f"text:{file}", seed=seed, device="cpu")
        assert run.status() == "finished"


@pytest.mark.parametrize(("sample", "remedy"), [(0.0, "longer lines"), (1e-9, "--set sample=0")])
def test_a_text_without_two_words_together_is_one(tmp_path: Path, sample: float, remedy: str) -> None:
    file = tmp_path / "single.txt"
    file.write_text("hello\nworld\n" * 300)
    recipe = epochal.recipe("word2vec", "smoke").replace(sample=sample, epochs=2.0, threads=1)
    with pytest.raises(InputFault, match="nothing was learned") as fault:
        epochal.train("word2vec", recipe=recipe, data=f"text:{file}", device="cpu")
    assert remedy in str(fault.value)
