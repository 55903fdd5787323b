"""Analogies: which word is to c as b is to a? With word2vec.c's conventions (compute-accuracy.c).

Words are taken in capitals, so that cases do not matter, nor in which of them the answer is written; only the first
30,000 words of the vocabulary count; a question with a word that is not among them is not asked; the three words of the
question are no answer, nor is one whose cosine is not above zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from epochal.core.fault import InputFault, printable
from epochal.core.lines import fields, read_lines

RESTRICT = 30_000
METHODS = ("3CosAdd", "3CosMul")
_EPSILON = np.float32(1e-6)
# Sums of unit vectors shorter than this are rounding.
_NOWHERE = 1e-6
# Questions answered by one product of matrices.
_AT_ONCE = 512
_MOST_BYTES = 1 << 28


@dataclass(frozen=True)
class Section:
    """A section of a question file.

    Attributes:
        name: what the file calls it.
        questions: four words each: a is to b as c is to the last.
    """

    name: str
    questions: tuple[tuple[str, str, str, str], ...]

    @property
    def kind(self) -> str:
        """`syntactic` for the sections about grammar, `semantic` for the others."""
        return "syntactic" if self.name.startswith("gram") else "semantic"


@dataclass(frozen=True)
class Answered:
    """What came of a section.

    Attributes:
        name: the section's name.
        kind: semantic or syntactic.
        right: questions answered right.
        seen: questions whose words are all known.
        total: questions in the file.
    """

    name: str
    kind: str
    right: int
    seen: int
    total: int

    @property
    def accuracy(self) -> float:
        """The share of the seen questions that was answered right; NaN if none was seen."""
        return self.right / self.seen if self.seen else float("nan")


def read_questions(path: Path) -> tuple[Section, ...]:
    """The sections of a file such as questions-words.txt: `: name`, then four words a line.

    Raises:
        InputFault: the file cannot be read, or a line is neither.
    """
    sections: dict[str, list[tuple[str, str, str, str]]] = {}
    questions = None
    for number, line in enumerate(read_lines(path, "questions", _MOST_BYTES), 1):
        found = fields(line)
        if not found:
            continue
        if found[0].startswith(":"):
            name = " ".join([found[0][1:], *found[1:]]).strip() or "questions"
            questions = sections.setdefault(name, [])
            continue
        if len(found) != 4:
            raise InputFault(
                f"{printable(str(path))}, line {number:,} has {len(found)} words",
                expected="`: section`, or four words: a b c d",
            )
        if questions is None:
            questions = sections.setdefault("questions", [])
        questions.append((found[0], found[1], found[2], found[3]))
    if not any(sections.values()):
        raise InputFault(f"{printable(str(path))} holds no questions", expected="four words a line")
    return tuple(Section(name, tuple(asked)) for name, asked in sections.items())


def answer(
    unit: Float32[np.ndarray, "V D"],
    words: Sequence[str],
    sections: Sequence[Section],
    *,
    method: str = "3CosAdd",
    restrict: int | None = RESTRICT,
) -> tuple[Answered, ...]:
    """How many questions of each section the vectors answer right.

    Args:
        unit: the words' vectors, each of length one.
        words: the words, the most frequent first.
        sections: the questions.
        method: 3CosAdd, or 3CosMul (Levy and Goldberg 2014).
        restrict: how many words count, from the first one; None: all.
    """
    known: dict[str, int] = {}
    # For each row the first one of a word that is the same in capitals; the last is for no answer.
    same = np.array([known.setdefault(word.upper(), place) for place, word in enumerate(words[:restrict])] + [-1])
    rows = unit[:restrict]
    found = []
    for section in sections:
        asked = [[known.get(word.upper(), -1) for word in question] for question in section.questions]
        places = np.array(asked, np.int64).reshape(-1, 4)
        places = places[(places >= 0).all(1)]
        right = sum(
            int((same[answers(rows, part[:, :3], method)] == part[:, 3]).sum())
            for part in np.array_split(places, range(_AT_ONCE, len(places), _AT_ONCE))
        )
        found.append(Answered(section.name, section.kind, right, len(places), len(section.questions)))
    return tuple(found)


def answers(
    unit: Float32[np.ndarray, "V D"], asked: Int64[np.ndarray, "Q 3"], method: str = "3CosAdd", *, exclude: bool = True
) -> Int64[np.ndarray, " Q"]:
    """For each question a, b, c the word that is to c as b is to a; -1 if none has a score above zero.

    Args:
        unit: the words' vectors, each of length one.
        asked: the places of a, b and c.
        method: 3CosAdd or 3CosMul.
        exclude: take none of the three for an answer.
    """
    a, b, c = (unit[asked[:, number]] for number in range(3))
    if method == "3CosAdd":
        scores = (b - a + c) @ unit.T
    else:
        to_a, to_b, to_c = ((one @ unit.T + 1) / 2 for one in (a, b, c))
        scores = to_b * to_c / (to_a + _EPSILON)
    if exclude and len(asked):
        np.put_along_axis(scores, asked, -np.inf, 1)
    if not len(asked):
        return np.zeros(0, np.int64)
    best: Int64[np.ndarray, " Q"] = np.where(scores.max(1) > 0, scores.argmax(1), -1)
    return best


def totals(answered: Sequence[Answered]) -> Iterator[Answered]:
    """The sum over all sections, and over those of each kind."""
    for kind in ("all", "semantic", "syntactic"):
        chosen = [one for one in answered if kind in ("all", one.kind)]
        yield Answered(kind, kind, *(sum(getattr(one, name) for one in chosen) for name in ("right", "seen", "total")))


def nearest(
    unit: Float32[np.ndarray, "V D"], query: Float[np.ndarray, " D"], most: int, without: Sequence[int] = ()
) -> list[tuple[int, float]]:
    """The words whose vectors point most nearly where `query` does, with their cosines, best first.

    Raises:
        InputFault: the query points nowhere.
    """
    length = float(np.linalg.norm(query))
    if length < _NOWHERE:
        raise InputFault(
            "the vector asked for is zero: it points nowhere",
            expected="words whose vectors are not zero and do not cancel out",
            remedy='such as "king - man + woman"',
        )
    cosines = unit @ (query / length).astype(np.float32)
    allowed: Bool[np.ndarray, " V"] = np.ones(len(unit), bool)
    allowed[list(without)] = False
    order = np.argsort(-np.where(allowed, cosines, -np.inf), kind="stable")[: min(most, int(allowed.sum()))]
    return [(int(place), float(cosines[place])) for place in order]
