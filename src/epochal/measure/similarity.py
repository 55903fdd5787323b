"""Word similarity: does the cosine of two vectors follow what people say of two words? Spearman's rank correlation."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from epochal.core.fault import InputFault, printable

_MOST_BYTES = 1 << 28


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
    """The pairs of a file: two words and a number a line, tabs, commas or spaces between; a headline is passed over.

    Raises:
        InputFault: the file cannot be read, or a line is something else.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputFault(f"{printable(str(path))} is too large for pairs", expected="some megabytes")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        if isinstance(error, InputFault):
            raise
        raise InputFault(f"{printable(str(path))} cannot be read: {printable(str(error))}", expected="UTF-8") from None
    pairs: list[tuple[str, str]] = []
    judged: list[float] = []
    for number, line in enumerate(lines, 1):
        fields = [field for field in re.split(r"[\t,; ]+", line.strip()) if field]
        if not fields or fields[0].startswith("#"):
            continue
        try:
            if len(fields) < 3:
                raise ValueError
            judged.append(float(fields[2]))
            pairs.append((fields[0], fields[1]))
        except ValueError:
            if not pairs and number <= 2:
                continue
            raise InputFault(
                f"{printable(str(path))}, line {number:,} is {printable(line, 60)!r}", expected="two words and a number"
            ) from None
    if not pairs:
        raise InputFault(f"{printable(str(path))} holds no pairs", expected="two words and a number a line")
    return Pairs(path.stem, tuple(pairs), tuple(judged))


def correlate(unit: Float32[np.ndarray, "V D"], words: Sequence[str], pairs: Pairs) -> Correlated:
    """The rank correlation of the cosines with the judgements, over the pairs whose words are known in some case."""
    from scipy.stats import spearmanr

    known: dict[str, int] = {}
    for place, word in enumerate(words):
        known.setdefault(word.upper(), place)
    places = [(known.get(a.upper(), -1), known.get(b.upper(), -1)) for a, b in pairs.pairs]
    seen = [(a, b, judged) for (a, b), judged in zip(places, pairs.judged, strict=True) if min(a, b) >= 0]
    cosines = [float(unit[a] @ unit[b]) for a, b, _ in seen]
    if len(seen) < 3 or len({judged for *_, judged in seen}) < 2 or len(set(cosines)) < 2:
        return Correlated(pairs.name, float("nan"), len(seen), len(pairs.pairs))
    correlation = spearmanr(cosines, [judged for *_, judged in seen]).statistic
    return Correlated(pairs.name, float(correlation), len(seen), len(pairs.pairs))
