"""Analogies by word2vec.c's conventions, and word pairs by ranks."""

from __future__ import annotations

import math
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


def test_an_answer_is_right_in_whichever_case_it_is_written() -> None:
    """compute-accuracy.c compares words in capitals: of `queen` and `Queen` either is the answer."""
    words, rows = (*WORDS, "queen"), np.concatenate([ROWS, ROWS[1:2]])
    rows[1] = unit(np.array([[2, 3, 1, 0.0]]))  # the first of the two is the less good answer
    section = Section("family", (("man", "king", "woman", "queen"),))
    assert answers(rows, np.array([[2, 0, 3]])).tolist() == [6]
    assert answer(rows, words, (section,))[0].right == 1
    assert answer(rows, words, (section,), method="3CosMul")[0].right == 1


def test_a_word_that_points_away_is_no_answer() -> None:
    rows = unit(np.array([[1, 0], [0.9, 0.1], [1, 0.1], [-1, 0.2]], np.float32))
    section = Section("one", (("a", "b", "c", "d"),))
    assert answers(rows, np.array([[0, 1, 2]])).tolist() == [-1]
    assert answer(rows, "abcd", (section,))[0].right == 0
    assert answers(rows, np.array([[0, 1, 2]]), exclude=False).tolist() == [1]


def test_words_beyond_the_first_so_many_are_neither_asked_about_nor_answers() -> None:
    section = Section("family", (("man", "king", "woman", "queen"),))
    (unseen,) = answer(ROWS, WORDS, (section,), restrict=3)
    assert (unseen.seen, math.isnan(unseen.accuracy)) == (0, True)
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


@pytest.mark.parametrize(
    "lines",
    [
        "word1\tword2\tPOS\tSimLex999\tconc(w1)\nold\tnew\tA\t1.58\t2.72\nsmart\tbright\tA\t9.2\t1.75\n",
        "#,Word 1,Word 2,Human\n1,old,new,1.58\n2,smart,bright,9.2\n",
        "1 old new A 1.58\n2 smart bright A 9.2\n",
        "\ufeffold;new;1.58\r\nsmart;bright;9.2\r\n",
        "old new 1.58 7 8\nsmart bright 9.2 9 9\n",
        "eins;zwei;Urteil\nold;new;1,58\nsmart;bright;9,2\n",
        "Wort 1\tWort 2\tUrteil\nold\tnew\t1,58\nsmart\tbright\t9,2\n",
        "Word 1,Word 2,Human (mean)\nold,new,1.58\nsmart,bright,9.2\n",
        "\n# two pairs\nword1 word2 score\nold, new, 1.58\nsmart, bright, 9.2\n",
    ],
)
def test_a_number_before_the_words_and_a_part_of_speech_after_them_are_passed_over(lines: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(lines, encoding="utf-8")
    found = read_pairs(tmp_path / "p")
    assert found.pairs == (("old", "new"), ("smart", "bright"))
    assert found.judged == (1.58, 9.2)


@pytest.mark.parametrize("judged", ["nan", "inf", "-inf", "1e999"])
def test_a_judgement_that_is_no_number_is_refused(judged: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(f"a b 1\nc d {judged}\n")
    with pytest.raises(InputFault, match="line 2"):
        read_pairs(tmp_path / "p")


def test_questions_and_pairs_may_hold_any_space_that_is_not_ascii_and_a_mark_before_the_first(tmp_path: Path) -> None:
    (tmp_path / "q").write_text("\ufeff: one\r\na\u00a0x b c\u2028y d\r\n", encoding="utf-8")
    (section,) = read_questions(tmp_path / "q")
    assert (section.name, section.questions) == ("one", (("a\u00a0x", "b", "c\u2028y", "d"),))
    (tmp_path / "p").write_text("\ufeffa\u0085x b 1\n", encoding="utf-8")
    assert read_pairs(tmp_path / "p").pairs == (("a\u0085x", "b"),)


def test_cosines_are_of_vectors_of_any_length() -> None:
    pairs = Pairs(
        "p", (("king", "queen"), ("man", "woman"), ("apple", "king"), ("pear", "apple")), (9.0, 7.5, 1.0, 8.0)
    )
    lengths = np.array([[3], [0.1], [7], [2], [50], [1]], np.float32)
    assert correlate(ROWS * lengths, WORDS, pairs) == correlate(ROWS, WORDS, pairs)


@pytest.mark.parametrize(
    ("lines", "number"),
    [("a 1\nc d 2\n", 1), ("a b nan\nc d 2\n", 1), ("one two three\nfour five six\nc d 2\n", 2), ("1 x\n", 1)],
)
def test_only_one_line_without_a_number_is_taken_for_a_headline(lines: str, number: int, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(lines)
    with pytest.raises(InputFault, match=f"line {number}"):
        read_pairs(tmp_path / "p")


def test_a_line_that_is_no_pair_is_named(tmp_path: Path) -> None:
    (tmp_path / "p").write_text("a b 1\nc d\n")
    with pytest.raises(InputFault, match="line 2"):
        read_pairs(tmp_path / "p")
