"""Joining words to phrases: `new york` becomes `new_york` if it is oftener together than by chance (P2 Section 4).

The score is word2phrase's: (count of both - delta) / (count of the one * count of the other) * words of the text, the
rare ones too, but not the ends of lines. Pairs are counted exactly, in parts by a hash, so that memory does not grow
with the text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import no_type_check

import numpy as np
from jaxtyping import Float64, Int32, Int64

from epochal.core.fault import InputFault
from epochal.core.report import Report, silent
from epochal.data.corpus import END, Corpus, Part, cached
from epochal.engine.compiled import compiled

# Pairs that are sorted at a time, and words that are joined at a time.
_PAIRS = 1 << 24
_BLOCK = 1 << 20


def score(
    both: Int64[np.ndarray, " n"],
    first: Int64[np.ndarray, " n"],
    second: Int64[np.ndarray, " n"],
    discount: int,
    words: int,
) -> Float64[np.ndarray, " n"]:
    """How much oftener two words stand together than by chance, for pairs of words."""
    scores: Float64[np.ndarray, " n"] = (both - discount) / first.astype(np.float64) / second * words
    return scores


def joined(corpus: Corpus, *, discount: int, threshold: float, min_count: int, report: Report = silent) -> Corpus:
    """The corpus with its phrases joined by `_`, from the cache if that was done before.

    Args:
        corpus: the numbered text.
        discount: delta, which keeps pairs of rare words apart.
        threshold: the score above which two words are one.
        min_count: rarer words and pairs are never joined.
        report: is told that it goes on.

    Raises:
        DiskFault: the cache folder cannot be written to.
    """
    told = f"{corpus.digest} phrases {discount} {threshold} {min_count}"
    digest = hashlib.sha256(told.encode()).hexdigest()
    return cached(
        digest,
        lambda: _joined(corpus, discount, threshold, min_count),
        InputFault("the text holds no words", expected="text with words in it"),
        "its phrases",
        report,
    )


def phrases_of(corpus: Corpus, discount: int, threshold: float, min_count: int) -> Int64[np.ndarray, " P"]:
    """The pairs to join, as first * types + second, in rising order."""
    types = len(corpus.types)
    is_known = corpus.counts >= min_count
    is_known[END] = False
    found = []
    for part in range(parts := 1 + len(corpus.tokens) // _PAIRS):
        keys = np.concatenate([_pairs(corpus, is_known, types, begin, part, parts) for begin in _begins(corpus)])
        pairs, both = np.unique(keys, return_counts=True)
        pairs, both = pairs[both >= min_count], both[both >= min_count]
        scores = score(both, corpus.counts[pairs // types], corpus.counts[pairs % types], discount, corpus.words)
        found.append(pairs[scores > threshold])
    return np.sort(np.concatenate(found))


def _begins(corpus: Corpus) -> range:
    return range(0, len(corpus.tokens), _BLOCK)


def _pairs(
    corpus: Corpus, is_known: np.ndarray, types: int, begin: int, part: int, parts: int
) -> Int64[np.ndarray, " n"]:
    """The neighbours in a block (and into the next), those whose number leaves this remainder."""
    tokens = corpus.tokens[begin : begin + _BLOCK + 1].astype(np.int64)
    first, second = tokens[:-1], tokens[1:]
    keys = (first * types + second)[is_known[first] & is_known[second]]
    chosen: Int64[np.ndarray, " n"] = keys if parts == 1 else keys[keys % parts == part]
    return chosen


@compiled
@no_type_check
def join(tokens, pairs, numbers, types, most, out):
    """Join the pairs from left to right, a word to one phrase at most; return how many numbers are left.

    Stops after `most` of the tokens, or one later where a pair reaches over: how many were taken is returned too.
    """
    length, place = 0, 0
    while place < min(most, tokens.size):
        token = tokens[place]
        out[length] = token
        if place + 1 < tokens.size:
            key = np.int64(token) * types + tokens[place + 1]
            found = np.searchsorted(pairs, key)
            if found < pairs.size and pairs[found] == key:
                out[length] = numbers[found]
                place += 1
        length += 1
        place += 1
    return length, place


def _joined(corpus: Corpus, discount: int, threshold: float, min_count: int) -> Iterator[Part]:
    """The numbers of each block with its phrases joined; a new phrase has a number after those of the words."""
    pairs, types = phrases_of(corpus, discount, threshold, min_count), len(corpus.types)
    words = [word.encode() for word in corpus.types]
    # Two pairs may make one phrase (a_b c and a b_c), which may be a word of the text already.
    known = {word: number for number, word in enumerate(words) if word}
    numbers = np.empty(len(pairs), np.int32)
    for place, pair in enumerate(pairs.tolist()):
        name = f"{corpus.types[pair // types]}_{corpus.types[pair % types]}".encode()
        numbers[place] = known.setdefault(name, len(words))
        if numbers[place] == len(words):
            words.append(name)
    counts, begin = np.zeros(len(words), np.int64), 0
    while begin < len(corpus.tokens):
        tokens: Int32[np.ndarray, " n"] = np.asarray(corpus.tokens[begin : begin + _BLOCK + 1])
        out = np.empty(len(tokens), np.int32)
        length, taken = join(tokens, pairs, numbers, types, _BLOCK, out)
        begin += taken
        counts += np.bincount(out[:length], minlength=len(words))
        yield out[:length], words, counts
