"""The compiled loops against the slow ones, update by update; sampling, noise and tree against their definitions."""

from __future__ import annotations

import hashlib
import heapq
from pathlib import Path

import numpy as np
import pytest
from tests.reference.slow_word2vec import Printed, Source

from epochal.engine.compiled import compiled
from epochal.landmarks.word2vec import cbow_kernel, drawing, gradient, kernel, lanes, rows, source_kernel
from epochal.landmarks.word2vec.huffman import NO_TREE, huffman
from epochal.landmarks.word2vec.model import Word2Vec, word2vec
from epochal.landmarks.word2vec.recipe import PAPER
from epochal.landmarks.word2vec.sampling import kept, noise, table_ends

WORDS, DIMENSION = 12, 7
COUNTS = np.array([40, 30, 22, 17, 13, 11, 9, 7, 6, 5, 5, 5])
# The types' rows: the end of a line, two rare words without rows, then the vocabulary.
ROWS = np.array([-1, -1, -1, *range(WORDS)], np.int32)


def small_text(length: int = 60) -> np.ndarray:
    return np.random.default_rng(1).integers(0, len(ROWS), length).astype(np.int32)


def small_model(*, hierarchical: bool) -> Word2Vec:
    recipe = PAPER.replace(
        dimension=DIMENSION, objective="hierarchical-softmax" if hierarchical else "negative-sampling"
    )
    model = word2vec(recipe, WORDS, 3)
    # Larger than at a training's start, so that the sigmoids differ from 1/2 and some are cut off.
    generator = np.random.default_rng(5)
    model.vectors[:] = generator.normal(0, 0.9, model.vectors.shape)
    model.output[:, :DIMENSION] = generator.normal(0, 0.9, (len(model.output), DIMENSION))
    return model


def settings(cbow: bool, hierarchical: bool) -> dict:
    return {"window": 3, "negative": 0 if hierarchical else 4, "cbow": cbow, "rate": 0.1, "limit": 9}


def compared(slow: Printed | Source, model: Word2Vec, loss: float, predicted: int) -> None:
    assert predicted == slow.predicted > 30
    assert loss == pytest.approx(slow.loss, rel=1e-5)
    np.testing.assert_allclose(model.vectors, slow.input, atol=2e-5)
    np.testing.assert_allclose(model.output[:, :DIMENSION], slow.output, atol=2e-5)
    assert not model.input[:, DIMENSION:].any()
    assert not model.output[:, DIMENSION:].any(), "what fills the lines of the cache stays zero"


# Only noise is shared: the tree has none.
@pytest.mark.parametrize(
    ("hierarchical", "shared", "root"),
    [
        *[(False, 0, False), (False, 0, True), (False, 1, False), (False, 6, False), (False, 20, True)],
        *[(True, 0, False), (True, 0, True)],
    ],
)
@pytest.mark.parametrize("cbow", [False, True])
def test_the_papers_form_is_that_of_the_slow_one_update_by_update(
    cbow: bool, hierarchical: bool, shared: int, root: bool
) -> None:
    tokens, model, drawn = small_text(), small_model(hierarchical=hierarchical), noise(COUNTS, 0.75)
    keep = kept(COUNTS, int(COUNTS.sum()), 0.05, source=False)
    assert keep.min() < 1 == keep.max()
    tree = huffman(COUNTS) if hierarchical else NO_TREE
    ways = [tree.way(word) for word in range(WORDS)] if hierarchical else []
    given = settings(cbow, hierarchical)
    slow = Printed(
        tokens.tolist(),
        ROWS.tolist(),
        model.vectors.astype(np.float64),
        model.output[:, :DIMENSION].astype(np.float64),
        keep,
        ways,
        **given,
    )
    slow.run(77, drawn.share, drawn.other, shared, root=root)
    loss, predicted = kernel.learn_stretch(
        tokens, ROWS, 0, len(tokens), np.array([77], np.uint64), model.input, model.output, keep, drawn.share,
        drawn.other, tree.start, tree.nodes, tree.codes, given["window"], given["negative"], shared, cbow,
        root, np.float32(given["rate"]), given["limit"],
    )  # fmt: skip
    compared(slow, model, loss, predicted)


@pytest.mark.parametrize("hierarchical", [False, True])
@pytest.mark.parametrize("cbow", [False, True])
def test_the_source_form_is_word2vec_c_update_by_update(cbow: bool, hierarchical: bool) -> None:
    tokens, model = small_text(), small_model(hierarchical=hierarchical)
    keep = kept(COUNTS, int(COUNTS.sum()), 0.05, source=True)
    ends = table_ends(COUNTS, 0.75, 1000)
    tree = huffman(COUNTS) if hierarchical else NO_TREE
    ways = [tree.way(word) for word in range(WORDS)] if hierarchical else []
    given = settings(cbow, hierarchical)
    slow = Source(
        tokens.tolist(),
        ROWS.tolist(),
        model.vectors.astype(np.float64),
        model.output[:, :DIMENSION].astype(np.float64),
        keep,
        ways,
        **given,
    )
    slow.run(77, filled_table(1000))
    loss, predicted = source_kernel.learn_stretch(
        tokens, ROWS, 0, len(tokens), np.array([77], np.uint64), model.input, model.output, keep, ends, tree.start,
        tree.nodes, tree.codes, given["window"], given["negative"], cbow, np.float32(given["rate"]), given["limit"],
        source_kernel.sigmoid_table(),
    )  # fmt: skip
    compared(slow, model, loss, predicted)


def filled_table(size: int, power: float = 0.75) -> list[int]:
    """word2vec.c's InitUnigramTable, as it stands there."""
    total = float((COUNTS**power).sum())
    table, i, d1 = [], 0, COUNTS[0] ** power / total
    for a in range(size):
        table.append(i)
        if a / size > d1:
            i += 1
            d1 += COUNTS[min(i, WORDS - 1)] ** power / total
        i = min(i, WORDS - 1)
    return table


@pytest.mark.parametrize("size", [7, 50, 1000])
def test_the_ends_of_the_words_parts_say_what_the_table_of_word2vec_c_holds(size: int) -> None:
    ends = table_ends(COUNTS, 0.75, size)
    assert np.searchsorted(ends, np.arange(size), side="right").tolist() == filled_table(size)


def test_the_paper_and_word2vec_c_keep_the_printed_shares() -> None:
    counts = np.array([10_000, 10])
    assert kept(counts, 1_000_000, 1e-3, source=False)[0] == pytest.approx(0.3162, abs=1e-4)
    assert kept(counts, 1_000_000, 1e-3, source=True)[0] == pytest.approx(0.4162, abs=1e-4)
    assert kept(counts, 1_000_000, 1e-3, source=False)[1] == 1
    assert kept(counts, 1_000_000, 0.0, source=True).tolist() == [1, 1]


@pytest.mark.parametrize("power", [0.0, 0.75, 1.0])
def test_the_noise_has_the_counts_to_the_power(power: float) -> None:
    drawn = noise(COUNTS, power)
    whole = drawn.share.astype(np.float64) / 2**32
    mass = np.bincount(drawn.other, 1 - whole, WORDS) + whole
    expected = COUNTS**power
    np.testing.assert_allclose(mass / WORDS, expected / expected.sum(), atol=1e-8)


def test_the_tree_is_a_shortest_code() -> None:
    tree = huffman(COUNTS)
    ways = [tree.way(word) for word in range(WORDS)]
    heap = [int(count) for count in COUNTS]
    heapq.heapify(heap)
    cost = 0
    while len(heap) > 1:
        heapq.heappush(heap, both := heapq.heappop(heap) + heapq.heappop(heap))
        cost += both
    assert sum(len(nodes) * int(count) for (nodes, _), count in zip(ways, COUNTS, strict=True)) == cost
    codes = ["".join(map(str, turns)) for _, turns in ways]
    assert not [a for a in codes for b in codes if a != b and b.startswith(a)], "no way is the beginning of another"
    assert {nodes[0] for nodes, _ in ways} == {WORDS - 2}, "every way begins at the root"
    # The probabilities of all words sum to one, whatever the vectors.
    scores = np.random.default_rng(0).normal(size=WORDS - 1)
    p = 1 / (1 + np.exp(-scores))
    total = sum(np.prod([p[n] if c == 0 else 1 - p[n] for n, c in zip(*way, strict=True)]) for way in ways)
    assert total == pytest.approx(1)


def test_what_is_kept_of_the_loops_is_thrown_away_when_a_part_of_them_changes() -> None:
    parts = (cbow_kernel, drawing, gradient, lanes, rows)
    text = "".join(Path(str(part.__file__)).read_text(encoding="utf-8") for part in parts)
    number = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert number == kernel.COMPILED_IN, f'put COMPILED_IN = "{number}" into kernel.py'


@compiled
def sigmoids(x, out):
    for place in range(x.size):
        out[place] = gradient.sigmoid(x[place])


def test_the_compiled_sigmoid_is_exact_also_where_it_stands_in_a_loop_and_keeps_nan() -> None:
    x = np.linspace(-80, 80, 8001, dtype=np.float32)
    looped = np.empty_like(x)
    sigmoids(x, looped)
    for ours in (looped, np.array([gradient.sigmoid(value) for value in x])):
        np.testing.assert_allclose(ours, 1 / (1 + np.exp(-x.astype(np.float64))), rtol=5e-6, atol=0)
    assert np.isnan(gradient.sigmoid(np.float32(np.nan)))
    assert gradient.sigmoid(np.float32(1e30)) == 1


@pytest.mark.parametrize("cbow", [False, True])
def test_measuring_changes_nothing(cbow: bool) -> None:
    tokens, model, drawn = small_text(), small_model(hierarchical=False), noise(COUNTS, 0.75)
    before = model.input.copy(), model.output.copy()
    loss, predicted = kernel.learn_stretch(
        tokens, ROWS, 0, len(tokens), np.array([5], np.uint64), model.input, model.output,
        np.ones(WORDS, np.float32), drawn.share, drawn.other, NO_TREE.start, NO_TREE.nodes, NO_TREE.codes,
        3, 4, 0 if cbow else 5, cbow, False, np.float32(0), 100,
    )  # fmt: skip
    assert loss > 0 < predicted
    assert before[0].tobytes() == model.input.tobytes()
    assert before[1].tobytes() == model.output.tobytes()


def example(score: float, label: int) -> tuple[np.ndarray, ...]:
    """An input vector, room for its change, an output row and its label, with this score."""
    h, output = np.zeros(16, np.float32), np.zeros((1, 16), np.float32)
    h[0], output[0, 0] = 1, score
    return h, np.zeros(16, np.float32), output, np.zeros(16, np.int32), np.full(16, label, np.float32)


@pytest.mark.parametrize("score", [-70.0, -17.0, -6.5, 0.0, 6.5, 17.0, 25.0, 70.0])
@pytest.mark.parametrize("label", [0, 1])
def test_the_loss_of_an_output_is_exact_however_sure_it_is(score: float, label: int) -> None:
    expected = np.logaddexp(0, -score if label else score)
    h, error, output, places, labels = example(score, label)
    losses = np.array([[1.0, 1.0], [0.0, 0.0]])
    gradient.learn(h, error, output, places, labels, 1, np.float32(0), np.zeros(16, np.float32), losses)
    assert gradient.added(losses, 1.0) == pytest.approx(expected, rel=1e-5, abs=2e-7)
    table = source_kernel.sigmoid_table()
    source = source_kernel.learn_one(h, error, output, 0, label, np.float32(0), table, False)
    assert source == pytest.approx(expected, rel=1e-6)


def test_the_loss_of_word2vec_c_does_not_overflow() -> None:
    table = source_kernel.sigmoid_table()
    for score, label, expected in ((900, 1, 0), (900, 0, 900), (-900, 1, 900), (-900, 0, 0)):
        h, error, output, _, _ = example(score, label)
        assert source_kernel.learn_one(h, error, output, 0, label, np.float32(0), table, False) == expected


@pytest.mark.parametrize("cut", [False, True])
def test_a_score_that_is_no_number_reads_no_table_and_stays_visible(cut: bool) -> None:
    h, error, output, _, _ = example(float("nan"), 1)
    loss = source_kernel.learn_one(h, error, output, 0, 1, np.float32(0.1), source_kernel.sigmoid_table(), cut)
    assert np.isnan(loss)
    assert np.isnan(output[0, 0])
