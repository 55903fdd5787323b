"""word2vec: the card. Nothing here imports torch."""

from __future__ import annotations

from epochal.core.landmark import Deviation, Landmark, Paper
from epochal.landmarks.word2vec.recipe import RECIPES, Word2VecRecipe

RECIPE = Word2VecRecipe

CARD = Landmark(
    name="word2vec",
    paper=Paper(
        title="Distributed Representations of Words and Phrases and their Compositionality",
        authors=("Tomas Mikolov", "Ilya Sutskever", "Kai Chen", "Greg Corrado", "Jeffrey Dean"),
        venue="NIPS",
        year=2013,
        url="https://arxiv.org/abs/1310.4546",
    ),
    idea="A word is known by the words around it: predicting them, without any hidden layer, over billions of words "
    "gives vectors in which king - man + woman lies next to queen.",
    leads_to=("seq2seq",),
    learns_from="text",
    gives="word vectors",
    default_data="topics",
    # Two matrices: of 692,000 words in 300 dimensions (P2 Table 1); of text8's 71,291 words in 100, word2vec.c's own.
    presets={"paper": 2 * 692_000 * 300, "source": 2 * 71_291 * 100},
    deviations=(
        Deviation(
            who="ours",
            where="window",
            paper="words that subsampling drops: not stated whether before windows are laid",
            instead="dropped before, so that a window reaches further",
            why="as word2vec.c does",
        ),
        Deviation(
            who="ours",
            where="negatives",
            paper="an expectation over the noise",
            instead="drawn from all words; one may be the word predicted",
            why="the formula leaves none out",
        ),
        Deviation(
            who="ours",
            where="sentences",
            paper="not stated",
            instead="a sentence ends with its line, after 5,000 words, and where a thread's stretch of the text ends",
        ),
        Deviation(
            who="ours",
            where="text",
            paper="all of it is learned from",
            instead="every hundredth stretch is held out to measure the loss (--set held_out=0)",
            why="without it nobody knows whether more epochs help; words are counted in it too, so that the "
            "vocabulary, the noise and subsampling are those of the whole text",
        ),
        Deviation(
            who="ours",
            where="learning rate",
            paper="0.025, falling on a line",
            instead="the same, one rate for a stretch of 5,000 words, fewer in a text of less than half a million",
            why="word2vec.c renews it every 10,000 words of a thread, and counts words of the vocabulary only, we all",
        ),
        Deviation(
            who="ours",
            where="phrases",
            paper="score (both - delta) / (first * second)",
            instead="multiplied by the words of the text, as in word2phrase, which also counts the last word of a line "
            "with the first of the next; here no phrase crosses a line",
        ),
        Deviation(
            who="ours",
            where="objective",
            paper="negative sampling or hierarchical softmax",
            instead="one of them; word2vec.c can take both at once (-hs 1 -negative 5)",
        ),
        Deviation(
            who="ours",
            where="optimisation",
            paper="DistBelief, many machines, Adagrad",
            instead="plain gradient descent on one machine, as in the second paper's released code",
        ),
        Deviation(
            who="modern",
            where="negatives",
            paper="k for each word predicted",
            instead="drawn once for a centre and shared by its window: the words around are the inputs, as in "
            "word2vec.c, the centre and the noise the outputs; in CBOW eight centres far apart share 10, each of "
            "which counts for a half",
            why="a dozen rows that stay in the first cache; the same sum with less chance in it",
        ),
        Deviation(
            who="modern",
            where="CBOW",
            paper="the mean of the words around, at a rate of 0.025",
            instead="their sum over the square root of their number, at 0.05; `--set average=mean` takes the mean",
            why="in the mean's own gradient a word gets a sixth of the error, and learns too little in a few epochs",
        ),
        Deviation(
            who="modern",
            where="accelerators",
            paper="one word after another",
            instead="batches of 256 to 16,384 centres, a 500th of the text, all from the vectors before; the centre is "
            "the input; 64 centres share 64 negatives (--set shared says nothing there); a row whose rates add up to "
            "more than 5 in a batch gets a part of its changes",
            why="the sum of thousands of changes from vectors out of date runs away",
        ),
        Deviation(
            who="modern",
            where="learning rate",
            paper="0.025 for skip-gram",
            instead="0.05",
            why="better at a few million words",
        ),
        Deviation(
            who="source",
            where="skip-gram",
            paper="the centre is the input, a word around it the output",
            instead="the word around is the input, the centre the output",
        ),
        Deviation(who="source", where="subsampling", paper="keeps sqrt(t / f)", instead="keeps sqrt(t / f) + t / f"),
        Deviation(
            who="source",
            where="negatives",
            paper="k of them",
            instead="one that is the target is skipped and not drawn again, so there are fewer",
        ),
        Deviation(
            who="source",
            where="sigmoid",
            paper="exact",
            instead="a table of 1000 between -6 and 6; beyond, 0 or 1, and no change at all in hierarchical softmax",
        ),
        Deviation(
            who="source",
            where="CBOW",
            paper="the mean of the context's vectors",
            instead="the mean forward, but every vector gets the full error, not its part",
            why="kōan (arXiv 2012.15332) corrects it; so do `paper` and `modern`",
        ),
        Deviation(
            who="source",
            where="learning rate",
            paper="0.025",
            instead="the same; word2vec.c takes 0.05 for CBOW (--set architecture=cbow --set lr=0.05)",
        ),
        Deviation(
            who="source",
            where="chance",
            paper="not stated",
            instead="one congruential generator for each thread; here one for each stretch",
            why="a training can be resumed without replaying a stream",
        ),
        Deviation(
            who="gensim",
            where="everything",
            paper="",
            instead="word2vec.c's form; saturated scores are skipped in negative sampling too; sentences of 10,000",
        ),
        Deviation(
            who="gensim", where="loss", paper="", instead="a running sum in float32 that stops growing at 2 ** 27"
        ),
        Deviation(
            who="gensim",
            where="phrases",
            paper="score (both - delta) / (first * second)",
            instead="multiplied by the size of the vocabulary; word2phrase, and we, multiply by the words of the text",
        ),
    ),
    version=3,
)

__all__ = ["CARD", "RECIPE", "RECIPES"]
