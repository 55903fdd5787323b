"""Word vectors from the same text, against gensim: words a second, accuracy, memory, and the whole way to a file.

    python benchmarks/word2vec.py FILE_OR_FOLDER --analogies questions-words.txt --pairs ws353.txt --seeds 0 1 2 \\
        --out results/benchmarks/word2vec.json

Needs gensim (`pip install epochal[benchmarks]`). The text is written once as lines of the letters a to z, which both
sides read; gensim reads it by `corpus_file`, its fastest way. Each contender of each round is a process of its own
(word2vec_contender.py) that imports nothing of the other side's, so that its peak memory is its own; they take turns,
so that a busy machine slows both. Rounds have different seeds. Our compiled code is compiled, and kept on disk, before
the first round: who trains twice waits for it once.

The first table is training alone, as both sides time it: ours is the loop, gensim's `train`. The second is the whole
way, from starting to a vector file in word2vec's text format: reading, the vocabulary, training, writing.

The floor: what the arithmetic and the memory traffic of a word would take at the speeds that this machine shows in
plain work of each kind, one matrix product and the reading and writing of random rows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from racing import Outcome, tell
from word2vec_contender import DIMENSION, EPOCHS, NEGATIVE, SAMPLE, WINDOW

from epochal.data.numbering import LETTERS, read_corpus
from epochal.data.text import open_text
from epochal.interop.vectors_file import read_vectors
from epochal.lab.judge import interval
from epochal.landmarks.word2vec.sampling import kept
from epochal.measure.analogies import RESTRICT, answer, read_questions, totals
from epochal.measure.similarity import correlate, read_pairs

ON_GPU = "epochal on a GPU"
CONTENDERS = (
    "epochal",
    "gensim",
    "epochal cbow",
    "epochal cbow, 10 epochs",
    "epochal cbow as word2vec.c",
    "gensim cbow",
    ON_GPU,
)


def prepared(source: str, folder: Path, most: int | None) -> Path:
    """The text as lines of lower-case letters."""
    path, written = folder / "text.txt", 0
    with open(path, "wb") as file:
        for block in open_text(f"text:{source}").blocks():
            lines = (b" ".join(line.split()) for line in block.translate(LETTERS).split(b"\n"))
            content = b"".join(line + b"\n" for line in lines if line)
            file.write(content)
            written += len(content.split())
            if most is not None and written >= most:
                break
    return path


def turn(name: str, text: Path, folder: Path, threads: int, seed: int) -> dict[str, float]:
    """Start a contender and read what it tells."""
    out = Path(tempfile.mkdtemp(dir=folder)) / "vectors.txt"
    file = Path(__file__).with_name("word2vec_contender.py")
    words = [sys.executable, str(file), name, str(text), str(out), "--threads", str(threads), "--seed", str(seed)]
    # A cache of its own: the second table is of who reads a text for the first time.
    environment = {**os.environ, "EPOCHAL_CACHE": str(out.parent / "cache")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.exit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "out": str(out)}


def accuracy(out: str, analogies: Path | None, pairs: Path | None) -> dict[str, float]:
    """What the vectors of a file are worth."""
    vectors, found = read_vectors(Path(out)), {}
    if analogies is not None:
        for one in totals(answer(vectors.unit_rows(RESTRICT), vectors.words, read_questions(analogies))):
            found[one.name] = one.accuracy
    if pairs is not None:
        found["spearman"] = correlate(vectors.matrix, vectors.words, read_pairs(pairs)).spearman
    return found


def warm_up(folder: Path, only: list[str], threads: int) -> None:
    """Let every contender of ours compile its loops, on a few words."""
    few = folder / "few.txt"
    few.write_text("one two three four five six seven eight nine ten\n" * 500)
    for name in only:
        if name.startswith("epochal"):
            turn(name, few, folder, threads, 0)


def floor(text: Path, threads: int) -> dict[str, float]:
    """What a word of the text costs skip-gram at least, with shared negatives, at this machine's own speeds.

    A centre has `window` + 1 words around it on the average. Each of them meets the centre and each of its negatives: a
    number of both rows is multiplied and added for the score, for the one row's change and for the other's. Rows not
    used of late come from memory, and go there: the negatives, one new word, the centre.
    """
    corpus = read_corpus(open_text(f"text:{text}"))
    counts = corpus.counts[1:][corpus.counts[1:] >= 5]
    centres = float((counts * kept(counts, int(counts.sum()), SAMPLE, source=False)).sum()) / corpus.words
    width, pairs = -(-DIMENSION // 16) * 16, (WINDOW + 1) * (1 + NEGATIVE)
    flops, moved = centres * 6 * width * pairs, centres * 2 * 4 * width * (NEGATIVE + 2)
    left = np.random.default_rng(0).random((1024, 1024), np.float32)
    torch.set_num_threads(1)
    matrix = torch.from_numpy(left)
    product = min(_timed(lambda: matrix @ matrix) for _ in range(9))
    table, more = torch.zeros(len(counts), width), torch.zeros(20_000, width)
    chosen = torch.randint(0, len(counts), (20_000,))
    through = min(_timed(lambda: table.index_add_(0, chosen, more)) for _ in range(9))
    # Each row of the sum is read, added to and written; the rows that are added are read in order.
    speeds = {"flops/s": 2 * 1024**3 / product, "bytes/s": 3 * 4 * width * 20_000 / through}
    seconds = {"arithmetic": flops / speeds["flops/s"], "memory": moved / speeds["bytes/s"]}
    return {
        "centres a word": centres, "flops a word": flops, "bytes a word": moved, **speeds,
        "words/s by arithmetic": threads / seconds["arithmetic"], "words/s by memory": threads / seconds["memory"],
    }  # fmt: skip


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--analogies", type=Path)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="a round for each")
    parser.add_argument("--words", type=int, help="only about so many words of the text")
    here = [name for name in CONTENDERS if name != ON_GPU or torch.cuda.is_available()]
    parser.add_argument("--only", nargs="+", default=here, choices=CONTENDERS)
    parser.add_argument("--out", type=Path, help="write a record there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        text = prepared(options.text, folder, options.words)
        with open(text, "rb") as file:
            count = sum(len(line.split()) for line in file)
        os.environ["EPOCHAL_CACHE"] = str(folder / "cache")
        lowest = floor(text, options.threads)
        warm_up(folder, options.only, options.threads)
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in options.only}
        for seed in options.seeds:
            for name in options.only:
                row = turn(name, text, folder, options.threads, seed)
                row |= accuracy(str(row.pop("out")), options.analogies, options.pairs)
                rounds[name].append(row)
                print(f"seed {seed}: {name}: {row['training']:.0f} s, {row.get('all', math.nan):.2%}", flush=True)
    tables(rounds, count)
    told = {name: float(f"{value:.4g}") for name, value in lowest.items()}
    print("\nthe floor of skip-gram:", ", ".join(f"{name} {value:,.4g}" for name, value in told.items()))
    if "epochal" in rounds:
        speed = count * EPOCHS / statistics.median(row["training"] for row in rounds["epochal"])
        told["part of the floor reached"] = round(
            speed / min(told["words/s by arithmetic"], told["words/s by memory"]), 3
        )
        print(f"reached: {told['part of the floor reached']:.0%} of the lower of the two")
    targets = judged(rounds, count)
    for target, is_met in targets.items():
        print(f"{'met' if is_met else 'MISSED'}: {target}")
    facts = {"words": count, "seeds": options.seeds, "floor": told, "targets": targets, "rounds": rounds}
    tell(outcomes(rounds, count), torch.device("cpu"), options.out, facts)


def tables(rounds: dict[str, list[dict[str, float]]], count: int) -> None:
    """Both tables: training with its accuracy, and the whole way with its memory; means of all rounds."""
    means = {name: {key: statistics.mean(row[key] for row in rows) for key in rows[0]} for name, rows in rounds.items()}
    seeds = len(next(iter(rounds.values())))
    print(f"\n{count:,} words, {EPOCHS} epochs if nothing else is said; means of {seeds} rounds\n")
    print(f"{'training':28}{'M words/s':>10}{'analogies':>11}{'semantic':>10}{'syntactic':>11}{'Spearman':>10}")
    for name, row in means.items():
        worth = "".join(
            f"{row.get(key, math.nan):>{width}.2%}" for key, width in (("all", 11), ("semantic", 10), ("syntactic", 11))
        )
        speed = count * row["epochs"] / row["training"] / 1e6
        print(f"{name:28}{speed:>10.2f}{worth}{row.get('spearman', math.nan):>10.3f}")
    heads = ("seconds", "of it training", "peak MB", "of it libraries")
    print(f"\n{'from the command to a file':28}" + "".join(f"{head:>17}" for head in heads))
    for name, row in means.items():
        print(f"{name:28}" + "".join(f"{row[key]:>17.1f}" for key in ("whole", "training", "megabytes", "libraries")))


# What races, against whom, and how many times as fast it is meant to be.
RACES = (
    ("skip-gram", "epochal", "gensim", 4.0),
    ("skip-gram on a GPU", ON_GPU, "gensim", 4.0),
    ("CBOW", "epochal cbow", "gensim cbow", 2.0),
)


def outcomes(rounds: dict[str, list[dict[str, float]]], count: int) -> list[Outcome]:
    """The races: each of ours against gensim's of the same architecture, in speed and, if it was measured, in worth."""
    found = []
    for architecture, mine, their, _ in RACES:
        if mine not in rounds or their not in rounds:
            continue
        for key, what, scale in (
            ("training", f"word2vec {architecture}, training", count * EPOCHS),
            ("whole", f"word2vec {architecture}, from a text to a file of vectors", count * EPOCHS),
        ):
            own, peers = ([row[key] for row in rounds[name]] for name in (mine, their))
            ratios = [theirs_ / ours_ for ours_, theirs_ in zip(own, peers, strict=True)]
            medians = [scale / statistics.median(seconds) for seconds in (own, peers)]
            found.append(Outcome(what, "gensim", ratios, *medians, "words/s"))
        if "all" in rounds[mine][0]:
            own, peers = ([100 * row["all"] for row in rounds[name]] for name in (mine, their))
            ratios = [ours_ / theirs_ for ours_, theirs_ in zip(own, peers, strict=True)]
            medians = [statistics.median(one) for one in (own, peers)]
            found.append(Outcome(f"word2vec {architecture}, analogies", "gensim", ratios, *medians, "% right"))
    return found


def judged(rounds: dict[str, list[dict[str, float]]], count: int) -> dict[str, bool]:
    """What was to be shown, and whether it was: speed by the median, accuracy by the seeds' paired differences."""
    found = {}
    for one in outcomes(rounds, count):
        for architecture, mine, their, times in RACES:
            if one.what == f"word2vec {architecture}, training":
                found[f"{architecture}: at least {times:g} times gensim's words/s"] = one.ratio >= times
            if one.what == f"word2vec {architecture}, analogies":
                pairs = zip(rounds[mine], rounds[their], strict=True)
                mean, low, high = interval([100 * (own["all"] - peer["all"]) for own, peer in pairs])
                told = "" if low is None else f" (95 %: {low:+.2f} to {high:+.2f})"
                # No lower: not significantly; clearly more: significantly.
                is_met = mean >= 0 or (high is not None and high >= 0)
                what = "no lower accuracy than gensim's"
                if architecture == "CBOW":
                    is_met, what = low is not None and low > 0, "clearly more accurate than gensim's"
                found[f"{architecture}: {what}: {mean:+.2f} points{told}"] = is_met
    longer, theirs = rounds.get("epochal cbow, 10 epochs"), rounds.get("gensim cbow")
    if longer and theirs and "all" in longer[0]:
        mean, low, high = interval([100 * (a["all"] - b["all"]) for a, b in zip(longer, theirs, strict=True)])
        told = "" if low is None else f" (95 %: {low:+.2f} to {high:+.2f})"
        times = statistics.median(b["training"] / a["training"] for a, b in zip(longer, theirs, strict=True))
        what = f"CBOW: 10 epochs in less time than gensim's 5 ({times:.2f} times as fast), and clearly more accurate"
        found[f"{what}: {mean:+.2f} points{told}"] = times > 1 and low is not None and low > 0
    if ON_GPU in rounds:
        speed = count * EPOCHS / statistics.median(row["training"] for row in rounds[ON_GPU])
        found[f"on a GPU: at least 20 M words/s: {speed / 1e6:.1f} M"] = speed >= 20e6
        if "epochal" in rounds and "all" in rounds[ON_GPU][0]:
            pairs = zip(rounds[ON_GPU], rounds["epochal"], strict=True)
            mean, _, high = interval([100 * (own["all"] - peer["all"]) for own, peer in pairs])
            is_met = mean >= 0 or (high is not None and high >= 0)
            found[f"on a GPU: no lower accuracy than on the CPU: {mean:+.2f} points"] = is_met
    for architecture, mine, their, _ in RACES:
        if mine in rounds and their in rounds:
            own, peer = (max(row["megabytes"] for row in rounds[name]) for name in (mine, their))
            found[f"{architecture}: no more memory than gensim: {own:.0f} MB against {peer:.0f}"] = own <= peer
    return found


if __name__ == "__main__":
    main()
