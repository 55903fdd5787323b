"""The text as a training sees it: which words have rows, and which stretches are learned from and which held out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int32, Int64

from epochal.core.fault import InputFault, printable
from epochal.core.report import Report, silent
from epochal.data.corpus import END, Corpus
from epochal.data.numbering import read_corpus
from epochal.data.text import TextData
from epochal.data.vocabulary import SENTENCE_END, Vocabulary, frequent, listed_words
from epochal.landmarks.word2vec.phrases import joined
from epochal.landmarks.word2vec.recipe import Word2VecRecipe

# Where a text is too short for a share of the recipe's stretches to be held out, they are shorter, but not than this.
_LEAST_STRETCH = 50


@dataclass(frozen=True)
class Text:
    """A numbered text, the rows of its words, and its stretches.

    Attributes:
        tokens: the number of each word's type; mapped from the disk.
        rows: the row of each type; -1 for what is not in the vocabulary.
        vocabulary: the words by their rows.
        bounds: where each stretch begins, and the end.
        train: the stretches that are learned from, in order.
        held_out: those that are only measured on.
    """

    tokens: Int32[np.ndarray, " N"]
    rows: Int32[np.ndarray, " T"]
    vocabulary: Vocabulary
    bounds: Int64[np.ndarray, " S1"]
    train: Int64[np.ndarray, " S"]
    held_out: Int64[np.ndarray, " H"]

    @property
    def longest(self) -> int:
        """How many words a stretch has; the last one may have fewer."""
        return int(self.bounds[1] - self.bounds[0])

    def stretch(self, number: int) -> tuple[int, int]:
        """Where a stretch begins and ends."""
        return int(self.bounds[number]), int(self.bounds[number + 1])


def read_text(recipe: Word2VecRecipe, data: TextData, report: Report = silent) -> Text:
    """The text of a training: numbered, its phrases joined, its vocabulary chosen.

    Raises:
        InputFault: the text cannot be read, or too few of its words are left.
        DiskFault: the cache folder cannot be written to.
    """
    corpus = read_corpus(data, recipe.tokenizer, most=recipe.most_text, report=report)
    for number in range(recipe.phrases):
        threshold = recipe.phrase_threshold + 100.0 * (recipe.phrases - 1 - number)
        corpus = joined(
            corpus, discount=recipe.phrase_discount, threshold=threshold, min_count=recipe.min_count, report=report
        )
    places = _chosen(recipe, corpus)
    rows = np.full(len(corpus.types), -1, np.int32)
    rows[places] = np.arange(len(places))
    vocabulary = Vocabulary(tuple(corpus.types[place] for place in places), corpus.counts[places])
    stretch = _stretch(len(corpus.tokens), recipe)
    bounds = np.append(np.arange(0, len(corpus.tokens), stretch), len(corpus.tokens)).astype(np.int64)
    train, held_out = _split(len(bounds) - 1, recipe.held_out)
    return Text(corpus.tokens, rows, vocabulary, bounds, train, held_out)


def _stretch(words: int, recipe: Word2VecRecipe) -> int:
    """How long the stretches are: shorter than the recipe's where so many words make too few to hold out a share."""
    if not recipe.held_out:
        return recipe.stretch
    return min(recipe.stretch, max(_LEAST_STRETCH, words // round(1 / recipe.held_out)))


def _chosen(recipe: Word2VecRecipe, corpus: Corpus) -> Int64[np.ndarray, " V"]:
    """The types that get a row, in the order of the rows; word2vec.c keeps the end of a line as its first word."""
    first, counts = [END] if recipe.form == "source" else [], corpus.counts
    if recipe.vocabulary is None:
        most = None if recipe.most_words is None else recipe.most_words + 1
        places = frequent(corpus.types, counts, least=recipe.min_count, most=most, first=END + 1)
        return places if first else places[END + 1 :]
    known = {word: place for place, word in enumerate(corpus.types) if word}
    wanted = [word for word in listed_words(Path(recipe.vocabulary)) if word != SENTENCE_END]
    found = [known[word] for word in wanted if counts[known.get(word, END)] > 0 and word in known]
    if not found:
        raise InputFault(
            f"none of the words of {printable(recipe.vocabulary)} occurs in the text", expected="words of the text"
        )
    found.sort(key=lambda place: -int(counts[place]))
    return np.array([*first, *found[: recipe.most_words]], np.int64)


def _split(stretches: int, share: float) -> tuple[Int64[np.ndarray, " S"], Int64[np.ndarray, " H"]]:
    """The last of each so many stretches is held out, so that it is about what the others are about."""
    numbers = np.arange(stretches, dtype=np.int64)
    if not share:
        return numbers, numbers[:0]
    every = min(max(2, round(1 / share)), max(2, stretches))
    is_held_out = numbers % every == every - 1
    return numbers[~is_held_out], numbers[is_held_out]
