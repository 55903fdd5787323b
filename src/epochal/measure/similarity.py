"""Word similarity: does the cosine of two vectors follow what people say of two words? Spearman's rank correlation."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from epochal.core.fault import InputFault, printable
from epochal.core.lines import WHITE, read_lines

_MOST_BYTES = 1 << 28
# What sets fields off where a comma may stand within a number, where it may not, and where a field has no space.
_TABLE, _COMMAS, _SPACES = re.compile("[;\t]"), re.compile("[;\t,]"), re.compile(f"[;,{WHITE}]+")


@dataclass(frozen=True)
class Pairs:
    """Pairs of words that people have judged.

    Attributes:
        name: what the set is called.
        pairs: the words.
        judged: how alike they are, on any scale.
    """

    name: str
    pairs: tuple[tuple[str, str], ...]
    judged: tuple[float, ...]


@dataclass(frozen=True)
class Correlated:
    """What came of a set of pairs.

    Attributes:
        name: the set's name.
        spearman: the rank correlation over the pairs seen; NaN if it does not exist.
        seen: pairs of which both words are known.
        total: pairs in the set.
    """

    name: str
    spearman: float
    seen: int
    total: int


def read_pairs(path: Path) -> Pairs:
    """The pairs of a file: two words and a number a line, tabs, commas, semicolons or spaces between.

    A headline, which has no number, is passed over, and so are a line's number before the words and a part of speech
    after them. Where tabs or semicolons set off the fields, a number may be written with a comma.

    Raises:
        InputFault: the file cannot be read, or a line is something else.
    """
    pairs: list[tuple[str, str]] = []
    judged: list[float] = []
    has_headline = False
    for number, line in enumerate(read_lines(path, "pairs", _MOST_BYTES), 1):
        found = _fields(line)
        if not any(found) or found[0].startswith("#"):
            continue
        if (pair := _judged(found)) is None:
            if not pairs and not has_headline and all(_number(field) is None for field in found):
                has_headline = True
                continue
            raise InputFault(
                f"{printable(str(path))}, line {number:,} is {printable(line, 60)!r}",
                expected="two words and a number, and no more than one headline, which has none",
            )
        pairs.append(pair[:2])
        judged.append(pair[2])
    if not pairs:
        raise InputFault(f"{printable(str(path))} holds no pairs", expected="two words and a number a line")
    return Pairs(path.stem, tuple(pairs), tuple(judged))


def _fields(line: str) -> list[str]:
    """The fields of a line, set off by the first of the three ways that finds enough of them."""
    ways = ([field.strip(WHITE) for field in one.split(line.strip(WHITE))] for one in (_TABLE, _COMMAS, _SPACES))
    return next((way for way in ways if len(way) >= 3), line.split())


def _judged(found: Sequence[str]) -> tuple[str, str, float] | None:
    """The words and the number of a line; None if it is something else."""
    numbers = [_number(field) for field in found]
    # Where a pair begins, and where its number is: at once; after a line's number; after a part of speech.
    for first, place in ((0, 2), (1, 3), (0, 3), (1, 4)):
        if place >= len(found) or not all(found[:place]) or (value := numbers[place]) is None:
            continue
        if first == 0 or (found[0].isdigit() and numbers[2] is None):
            return (found[first], found[first + 1], value) if math.isfinite(value) else None
    return None


def _number(field: str) -> float | None:
    try:
        return float(field.replace(",", "."))
    except ValueError:
        return None


def correlate(matrix: Float32[np.ndarray, "V D"], words: Sequence[str], pairs: Pairs) -> Correlated:
    """The rank correlation of the cosines with the judgements, over the pairs whose words are known in some case."""
    from scipy.stats import spearmanr

    known: dict[str, int] = {}
    for place, word in enumerate(words):
        known.setdefault(word.upper(), place)
    places = [(known.get(a.upper(), -1), known.get(b.upper(), -1)) for a, b in pairs.pairs]
    seen = [(a, b, judged) for (a, b), judged in zip(places, pairs.judged, strict=True) if min(a, b) >= 0]
    cosines = [_cosine(matrix[a], matrix[b]) for a, b, _ in seen]
    if len(seen) < 3 or len({judged for *_, judged in seen}) < 2 or len(set(cosines)) < 2:
        return Correlated(pairs.name, float("nan"), len(seen), len(pairs.pairs))
    correlation = spearmanr(cosines, [judged for *_, judged in seen]).statistic
    return Correlated(pairs.name, float(correlation), len(seen), len(pairs.pairs))


def _cosine(a: Float32[np.ndarray, " D"], b: Float32[np.ndarray, " D"]) -> float:
    lengths = float(np.linalg.norm(a)) * float(np.linalg.norm(b))
    return float(a @ b) / lengths if lengths else 0.0
