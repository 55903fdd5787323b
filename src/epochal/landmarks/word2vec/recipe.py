"""Every number of a word2vec training, with its source. P1 and P2 are the two papers of 2013."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pydantic

from epochal.core.recipe import Recipe, setting


class Word2VecRecipe(Recipe):
    """How to train word vectors. The defaults are the papers', as printed."""

    form: Literal["paper", "source", "modern"] = setting(
        "paper",
        "paper: as printed; source: as word2vec.c does it; modern: a window at once, which shares its negatives",
        "P2 Section 2",
    )
    architecture: Literal["skip-gram", "cbow"] = setting(
        "skip-gram", "skip-gram: predict the words around a word; cbow: the word from the mean of those", "P1 Section 3"
    )
    objective: Literal["negative-sampling", "hierarchical-softmax"] = setting(
        "negative-sampling", "against words from the noise, or along a Huffman tree", "P2 Sections 2.1, 2.2"
    )
    dimension: int = setting(300, "numbers in a vector", "P2 Section 3", ge=1, le=4096)
    window: int = setting(
        5, "largest distance of words that predict each other; drawn from 1 to it", "P2", ge=1, le=100
    )
    negative: int = setting(5, "words from the noise for each word predicted", "P2 Section 2.2", ge=1, le=1000)
    shared: int | None = setting(
        None,
        "modern: words from the noise that a window shares, or eight centres for cbow; together they count as so many "
        "as `negative`; none: as many as that for skip-gram, twice as many for cbow",
        "ours",
        ge=1,
        le=1000,
    )
    average: Literal["mean", "root"] | None = setting(
        None,
        "cbow: the words around as their mean, or as their sum over the square root of their number; none: root in the "
        "modern form, else mean",
        "P1 Section 3.1: averaged; root: ours",
    )
    power: float = setting(0.75, "power of the counts that the noise follows; 0: uniform, 1: unigram", "P2", ge=0, le=2)
    sample: float = setting(
        1e-5, "words more frequent than this share are thinned out; 0: none are", "P2 Section 2.3", ge=0, le=1
    )
    phrases: int = setting(0, "passes that join words to phrases", "P2 Section 4", ge=0, le=10)
    phrase_threshold: float = setting(
        100.0,
        "score from which words are joined; each earlier pass asks for 100 more",
        "word2phrase: 200, then 100",
        ge=0,
    )
    phrase_discount: int = setting(5, "delta: what a pair's count is lowered by", "P2 Section 4", ge=0, le=10**9)

    tokenizer: Literal["simple", "whitespace"] = setting(
        "simple", "simple: the letters a to z, lower-cased; whitespace: whatever it separates", "text8"
    )
    min_count: int = setting(
        5, "rarer words are left out; a vocabulary file decides by itself", "P2 Section 3", ge=1, le=10**9
    )
    most_words: int | None = setting(None, "words in the vocabulary at most; none: all", "ours", ge=2, le=10**9)
    vocabulary: str | None = setting(None, "a file with the words to use, one a line", "word2vec.c, -read-vocab")
    most_text: int | None = setting(
        None, "words of text to learn from, the first ones; none: all", "ours", ge=1, le=10**15
    )
    held_out: float = setting(
        0.01, "share of the text that is only measured on", "ours: the papers have none", ge=0, le=0.5
    )
    sentence: int = setting(5000, "words in a sentence at most; 1000 in word2vec.c", "ours", ge=2, le=10**6)

    epochs: float = setting(1.0, "times through the text", "P1 Section 4.3", gt=0, le=100000)
    lr: float = setting(0.025, "first learning rate; it falls on a line to zero", "P1 Section 4.2", gt=0, le=10)
    evaluate_epochs: float = setting(1.0, "epochs between evaluations", "ours", gt=0, le=100000)
    stretch: int = setting(5000, "words that a thread takes at a time, with one rate", "ours", ge=10, le=10**6)
    step: int = setting(
        250_000, "words in a step of the training loop, or a tenth of the text if that is less", "ours", ge=10, le=10**9
    )
    threads: int | None = setting(
        None, "threads; none: as many as torch uses. With one, the same seed gives the same bits", "ours", ge=1, le=1024
    )
    precision: Literal["fp32"] = setting("fp32", "arithmetic; losses are added up in float64", "word2vec.c: float")

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Word2VecRecipe:
        if self.step < self.stretch:
            raise ValueError(f"a step of at least one stretch of {self.stretch} words, not step={self.step}")
        if self.shared is not None and not (self.form == "modern" and self.objective == "negative-sampling"):
            raise ValueError("shared goes with form=modern and objective=negative-sampling: others share no noise")
        if self.average is not None and self.architecture != "cbow":
            raise ValueError("average goes with architecture=cbow: skip-gram averages nothing")
        if self.average == "root" and self.form == "source":
            raise ValueError("word2vec.c takes the mean of the words around: average=root goes with other forms")
        return self

    def noise_shared(self) -> int:
        """How many words from the noise a window shares, or a few centres; 0 where each word has its own."""
        if self.form != "modern" or self.objective != "negative-sampling":
            return 0
        usual = self.negative * (2 if self.architecture == "cbow" else 1)
        return usual if self.shared is None else self.shared

    def takes_root(self) -> bool:
        """Whether the words around are summed and divided by the square root of their number."""
        return self.average == "root" or (self.average is None and self.form == "modern")

    def lasting(self) -> Word2VecRecipe:
        """The same recipe, its paths such that they mean the same from another folder."""
        if self.vocabulary is None:
            return self
        return self.replace(vocabulary=str(Path(os.path.expanduser(self.vocabulary)).resolve()))


PAPER = Word2VecRecipe()

# word2vec.c as it is: its defaults, but skip-gram, at the rate that it takes for that.
SOURCE = PAPER.replace(form="source", dimension=100, sample=1e-3, sentence=1000, epochs=5.0, stretch=10_000)

MODERN = PAPER.replace(form="modern", dimension=100, sample=1e-3, epochs=5.0, lr=0.05)

# The other architecture is faster by so much that twice the epochs are less time.
CBOW = MODERN.replace(architecture="cbow", epochs=10.0)

# A hundred megabytes of text in a few minutes of two cores.
SMALL = MODERN

# The 64,000 words of Python's documentation, in seconds.
SMOKE = MODERN.replace(
    dimension=32,
    window=5,
    min_count=5,
    sample=1e-3,
    held_out=0.05,
    epochs=20.0,
    evaluate_epochs=5.0,
    stretch=500,
    step=5000,
)

RECIPES = {"smoke": SMOKE, "small": SMALL, "modern": MODERN, "cbow": CBOW, "paper": PAPER, "source": SOURCE}
