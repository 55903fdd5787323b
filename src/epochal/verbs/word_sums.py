"""Sums of words such as `king - man + woman`, and the words nearest to them."""

from __future__ import annotations

from epochal.core.fault import InputFault, printable
from epochal.core.lines import fields
from epochal.interop.vectors import Vectors
from epochal.measure.analogies import nearest


def neighbours(
    vectors: Vectors, expression: str, *, top: int = 5, include_inputs: bool = False
) -> tuple[tuple[str, float], ...]:
    """The words nearest to a sum of words such as `king - man + woman`, with their cosines.

    Args:
        vectors: the vectors.
        expression: words with + and - between them, set off by spaces.
        top: how many words.
        include_inputs: let the words of the expression be answers: without this, what is left out often wins.

    Raises:
        InputFault: the expression is none, or a word has no vector.
    """
    terms = _terms(expression)
    places = [vectors.place(word) for word, _ in terms]
    query = sum(sign * vectors.unit[place] for place, (_, sign) in zip(places, terms, strict=True))
    best = nearest(vectors.unit, query, top, () if include_inputs else places)
    return tuple((vectors.words[place], cosine) for place, cosine in best)


def _terms(expression: str) -> list[tuple[str, int]]:
    terms: list[tuple[str, int]] = []
    sign: int | None = 1
    for token in fields(expression):
        if token in ("+", "-"):
            if sign is not None and terms:
                break
            sign = 1 if token == "+" else -1
        elif sign is None or not token:
            break
        else:
            terms.append((token, sign))
            sign = None
    else:
        if terms and sign is None:
            return terms
    raise InputFault(
        f"{printable(expression)!r} is no sum of words",
        expected='a word, or words with + and - between them, set off by spaces: "king - man + woman"',
    )
