"""One contender of `word2vec.py` at its turn, in a process of its own that imports nothing of the other side's.

    python benchmarks/word2vec_contender.py "gensim cbow" TEXT VECTORS --threads 2 --seed 0

Tells a line of JSON: the seconds of training and of the whole, the epochs, the peak memory, and how much memory the
libraries alone took before there was any work.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

EPOCHS, DIMENSION, WINDOW, NEGATIVE, SAMPLE = 5, 100, 5, 5, 1e-3


def ours(name: str, text: Path, out: Path, threads: int, seed: int) -> dict[str, float]:
    """Our training and its file: the preset of the architecture at gensim's sizes, all of the text learned from."""
    import torch

    import epochal
    from epochal.engine import fit
    from epochal.landmarks.word2vec import kernel

    assert fit, kernel  # what a training imports on its way counts as library
    libraries = _peak()
    torch.set_num_threads(threads)
    recipe = epochal.recipe("word2vec", "cbow" if "cbow" in name else "modern").replace(
        held_out=0.0, epochs=float(_epochs(name)), dimension=DIMENSION, window=WINDOW, negative=NEGATIVE,
        sample=SAMPLE, threads=threads,
    )  # fmt: skip
    if "word2vec.c" in name:
        recipe = recipe.replace(form="source", lr=0.05)
    device = "cuda" if name.endswith("on a GPU") else "cpu"
    run = epochal.train(
        "word2vec", recipe=recipe, data=f"text:{text}", seed=seed, device=device, runs=out.parent / "runs"
    )
    epochal.export(run, "word2vec", out=out)
    return {"training": run.record()["seconds"], "libraries": libraries}


def theirs(name: str, text: Path, out: Path, threads: int, seed: int) -> dict[str, float]:
    """gensim's, at the rates that word2vec.c has for each architecture."""
    from gensim.models import Word2Vec

    libraries, is_cbow = _peak(), "cbow" in name
    model = Word2Vec(
        vector_size=DIMENSION, window=WINDOW, negative=NEGATIVE, sample=SAMPLE, min_count=5, workers=threads, seed=seed,
        sg=0 if is_cbow else 1, epochs=_epochs(name), alpha=0.05 if is_cbow else 0.025,
    )  # fmt: skip
    model.build_vocab(corpus_file=str(text))
    begun = time.perf_counter()
    model.train(
        corpus_file=str(text),
        total_words=model.corpus_total_words,
        total_examples=model.corpus_count,
        epochs=_epochs(name),
    )
    spent = time.perf_counter() - begun
    model.wv.save_word2vec_format(str(out))
    return {"training": spent, "libraries": libraries}


def _epochs(name: str) -> int:
    return 2 * EPOCHS if name.endswith("10 epochs") else EPOCHS


def _peak() -> float:
    """The most memory that this process has had, MB; `getrusage` would count that of the one that started it."""
    rows = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(rows["VmHWM"].split()[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("text", type=Path)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    begun = time.perf_counter()
    contend = theirs if asked.name.startswith("gensim") else ours
    found = contend(asked.name, asked.text, asked.vectors, asked.threads, asked.seed)
    found |= {"whole": time.perf_counter() - begun, "megabytes": _peak(), "epochs": _epochs(asked.name)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
