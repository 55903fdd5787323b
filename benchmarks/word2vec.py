"""Word vectors from the same text, against gensim: words a second, accuracy, memory, and the whole way to a file.

    python benchmarks/word2vec.py FILE_OR_FOLDER --analogies questions-words.txt --pairs ws353.txt --out results/...

Needs gensim (`pip install epochal[benchmarks]`). The text is written once as lines of the letters a to z, which both
sides read; gensim reads it by `corpus_file`, its fastest way. Each contender of each round is a process of its own, so
that its peak memory is its own; they take turns, so that a busy machine slows both. Rounds have different seeds.

The first table is training alone, as both sides time it: ours is the loop, gensim's `train`. The second is the whole
way, from starting to a vector file in word2vec's text format: reading, the vocabulary, training, writing.

The floor: a centre with 6 words around it and 5 shared negatives is 11 products of d numbers, each read for the score,
again for the error, and read and written for the update: 6 d flops and 16 d bytes each. With d = 100, 11 rows are
4.4 KB that come from the second or third cache, of which the negatives' 2 KB are read at random.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from racing import Outcome, tell

from epochal.data.corpus import LETTERS
from epochal.data.text import open_text
from epochal.interop.vectors_file import read_vectors
from epochal.measure.analogies import answer, read_questions, totals
from epochal.measure.similarity import correlate, read_pairs

EPOCHS, DIMENSION, WINDOW, NEGATIVE, SAMPLE = 5, 100, 5, 5, 1e-3
CONTENDERS = ("epochal", "gensim", "epochal cbow", "epochal cbow as word2vec.c", "gensim cbow")


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


def ours(text: Path, out: Path, threads: int, seed: int, architecture: str, form: str) -> dict[str, float]:
    """Our training, all of the text learned from."""
    import epochal

    torch.set_num_threads(threads)
    rates = {"skip-gram": 0.05, "cbow": 0.05 if form == "source" else 0.075}
    changes = {
        "form": form,
        "architecture": architecture,
        "held_out": 0.0,
        "epochs": float(EPOCHS),
        "dimension": DIMENSION,
        "window": WINDOW,
        "negative": NEGATIVE,
        "sample": SAMPLE,
        "lr": rates[architecture],
        "threads": threads,
    }
    recipe = epochal.recipe("word2vec", "modern").replace(**changes)
    run = epochal.train(
        "word2vec", recipe=recipe, data=f"text:{text}", seed=seed, device="cpu", runs=out.parent / "runs"
    )
    epochal.export(run, "word2vec", out=out)
    return {"training": run.record()["seconds"]}


def theirs(text: Path, out: Path, threads: int, seed: int, architecture: str, form: str) -> dict[str, float]:
    """gensim's, at its own rates."""
    from gensim.models import Word2Vec

    is_cbow = architecture == "cbow"
    model = Word2Vec(
        vector_size=DIMENSION, window=WINDOW, negative=NEGATIVE, sample=SAMPLE, min_count=5, workers=threads, seed=seed,
        sg=0 if is_cbow else 1, epochs=EPOCHS, alpha=0.05 if is_cbow else 0.025,
    )  # fmt: skip
    model.build_vocab(corpus_file=str(text))
    begun = time.perf_counter()
    model.train(
        corpus_file=str(text), total_words=model.corpus_total_words, total_examples=model.corpus_count, epochs=EPOCHS
    )
    spent = time.perf_counter() - begun
    model.wv.save_word2vec_format(str(out))
    return {"training": spent}


def contend(name: str, text: Path, out: Path, threads: int, seed: int) -> None:
    """One contender's turn, in a process of its own; tells on standard output."""
    architecture = "cbow" if "cbow" in name else "skip-gram"
    form = "source" if "word2vec.c" in name else "modern"
    begun = time.perf_counter()
    found = (theirs if name.startswith("gensim") else ours)(text, out, threads, seed, architecture, form)
    found["whole"] = time.perf_counter() - begun
    found["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def turn(name: str, text: Path, folder: Path, threads: int, seed: int) -> dict[str, float]:
    """Start a contender and read what it tells."""
    out = Path(tempfile.mkdtemp(dir=folder)) / "vectors.txt"
    words = [sys.executable, __file__, str(text), "--contend", name, "--vectors", str(out), "--threads", str(threads)]
    done = subprocess.run([*words, "--seed", str(seed)], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return {**json.loads(done.stdout.splitlines()[-1]), "out": str(out)}


def accuracy(out: str, analogies: Path | None, pairs: Path | None) -> dict[str, float]:
    """What the vectors of a file are worth."""
    vectors, found = read_vectors(Path(out)), {}
    if analogies is not None:
        for one in totals(answer(vectors.unit, vectors.words, read_questions(analogies))):
            found[one.name] = one.accuracy
    if pairs is not None:
        found["spearman"] = correlate(vectors.unit, vectors.words, read_pairs(pairs)).spearman
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text")
    parser.add_argument("--analogies", type=Path)
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--words", type=int, help="only about so many words of the text")
    parser.add_argument("--only", nargs="+", default=list(CONTENDERS), choices=CONTENDERS)
    parser.add_argument("--out", type=Path, help="write a record there")
    parser.add_argument("--contend", help=argparse.SUPPRESS)
    parser.add_argument("--vectors", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.contend:
        contend(options.contend, Path(options.text), options.vectors, options.threads, options.seed)
        return
    with tempfile.TemporaryDirectory() as folder:
        text = prepared(options.text, Path(folder), options.words)
        with open(text, "rb") as file:
            count = sum(len(line.split()) for line in file)
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in options.only}
        for number in range(options.rounds):
            for name in options.only:
                row = turn(name, text, Path(folder), options.threads, number)
                row |= accuracy(str(row.pop("out")), options.analogies, options.pairs)
                rounds[name].append(row)
                print(f"round {number + 1}: {name}: {shown(row, count)}", flush=True)
    table(rounds, count)
    tell(outcomes(rounds, count), torch.device("cpu"), options.out, {"words": count, "rounds": rounds})


def shown(row: dict[str, float], count: int) -> str:
    speed = f"{count * EPOCHS / row['training'] / 1e6:.2f} M words/s, {row['whole']:.0f} s in all"
    speed += f", {row['megabytes']:.0f} MB"
    worth = ", ".join(f"{name} {row[name]:.1%}" for name in ("all", "semantic", "syntactic") if name in row)
    return f"{speed}; {worth}" + (f"; Spearman {row['spearman']:.3f}" if "spearman" in row else "")


def table(rounds: dict[str, list[dict[str, float]]], count: int) -> None:
    """The means of all rounds."""
    print(f"\n{count:,} words, {EPOCHS} epochs; means of {len(next(iter(rounds.values())))} rounds")
    for name, rows in rounds.items():
        print(f"{name:28} {shown({key: statistics.mean(row[key] for row in rows) for key in rows[0]}, count)}")


def outcomes(rounds: dict[str, list[dict[str, float]]], count: int) -> list[Outcome]:
    """The races: each of ours against gensim's of the same architecture."""
    found = []
    for ours_, theirs_ in (("epochal", "gensim"), ("epochal cbow", "gensim cbow")):
        if ours_ not in rounds or theirs_ not in rounds:
            continue
        architecture = "CBOW" if "cbow" in ours_ else "skip-gram"
        for key, what, much, unit in (
            ("training", f"word2vec {architecture}, training", count * EPOCHS, "words/s"),
            ("whole", f"word2vec {architecture}, from a text to a file of vectors", count * EPOCHS, "words/s"),
        ):
            mine, peers = ([row[key] for row in rounds[name]] for name in (ours_, theirs_))
            ratios = [their / own for own, their in zip(mine, peers, strict=True)]
            medians = [much / statistics.median(seconds) for seconds in (mine, peers)]
            found.append(Outcome(what, "gensim", ratios, *medians, unit))
    return found


if __name__ == "__main__":
    main()
