"""Analogies by word2vec.c's conventions, and word pairs by ranks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from epochal.core.fault import InputFault
from epochal.measure.analogies import Section, answer, answers, nearest, read_questions, totals
from epochal.measure.similarity import Pairs, correlate, read_pairs


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


# Two features, royal and female, and something of its own for each word.
WORDS = ("king", "Queen", "man", "woman", "apple", "pear")
ROWS = unit(
    np.array([[3, 0, 1, 0], [3, 3, 1, 0], [0, 0, 1, 0.1], [0, 3, 1, 0], [0, 0, 0.2, 3], [0.3, 0, 0, 3]], np.float32)
)


def test_the_answer_is_the_nearest_word_that_is_none_of_the_three() -> None:
    asked = np.array([[2, 0, 3]])
    assert answers(ROWS, asked).tolist() == [1]
    assert answers(ROWS, asked, "3CosMul").tolist() == [1]
    assert answers(ROWS, np.array([[4, 5, 5]]), exclude=False).tolist() == [5], "inputs often win if they may"


def test_products_of_cosines_follow_the_printed_formula() -> None:
    rows = unit(np.random.default_rng(2).normal(size=(40, 6)))
    asked = np.random.default_rng(3).integers(0, 40, (30, 3))
    expected = []
    for a, b, c in asked:
        cosine = (rows @ rows.T + 1) / 2
        score = cosine[b] * cosine[c] / (cosine[a] + 1e-6)
        score[[a, b, c]] = -1
        expected.append(int(score.argmax()))
    assert answers(rows, asked, "3CosMul").tolist() == expected


def test_cases_do_not_matter_and_unknown_words_are_not_asked_about() -> None:
    sections = (
        Section("family", (("MAN", "king", "Woman", "queen"), ("man", "king", "woman", "empress"))),
        Section("gram8-plural", (("apple", "pear", "pear", "man"),)),
    )
    found = answer(ROWS, WORDS, sections)
    assert [(one.right, one.seen, one.total) for one in found] == [(1, 1, 2), (0, 1, 1)]
    every = {one.name: one for one in totals(found)}
    assert (every["all"].seen, every["semantic"].accuracy, every["syntactic"].accuracy) == (2, 1.0, 0.0)


def test_words_beyond_the_first_so_many_are_neither_asked_about_nor_answers() -> None:
    section = Section("family", (("man", "king", "woman", "queen"),))
    assert answer(ROWS, WORDS, (section,), restrict=3)[0].seen == 0
    assert answer(ROWS, WORDS, (section,), restrict=4)[0].right == 1


def test_question_files_are_read_and_faults_named(tmp_path: Path) -> None:
    (tmp_path / "q").write_text(": one\na b c d\n\n: two words\ne f g h\n")
    found = read_questions(tmp_path / "q")
    assert [(section.name, len(section.questions)) for section in found] == [("one", 1), ("two words", 1)]
    for content, said in ((": one\na b c\n", "line 2 has 3 words"), (": one\n", "no questions")):
        (tmp_path / "q").write_text(content)
        with pytest.raises(InputFault, match=said):
            read_questions(tmp_path / "q")
    with pytest.raises(InputFault, match="cannot be read"):
        read_questions(tmp_path / "none")


def test_neighbours_come_best_first_and_without_those_left_out() -> None:
    found = nearest(ROWS, ROWS[0], 3, without=[0])
    cosines = ROWS @ ROWS[0]
    assert [place for place, _ in found] == [place for place in np.argsort(-cosines) if place != 0][:3]
    assert found[0][1] == pytest.approx(float(cosines[found[0][0]]))


def test_pairs_are_ranked_as_people_rank_them(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_text(
        "word1\tword2\tscore\nking\tqueen\t9\nMAN\twoman\t7.5\napple\tking\t1\nking\tking2\t3\n"
    )
    pairs = read_pairs(tmp_path / "p.txt")
    assert pairs.judged == (9.0, 7.5, 1.0, 3.0)
    found = correlate(ROWS, WORDS, pairs)
    cosines = [ROWS[0] @ ROWS[1], ROWS[2] @ ROWS[3], ROWS[4] @ ROWS[0]]
    assert (found.seen, found.total) == (3, 4)
    assert found.spearman == pytest.approx(spearmanr(cosines, [9, 7.5, 1]).statistic)
    assert np.isnan(correlate(ROWS, WORDS, Pairs("few", (("king", "man"),), (1.0,))).spearman)


def test_a_line_that_is_no_pair_is_named(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a b 1\nc d\n")
    with pytest.raises(InputFault, match="line 2"):
        read_pairs(tmp_path / "p")
