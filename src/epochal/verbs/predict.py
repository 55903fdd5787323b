"""Ask a trained run what is in a picture."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from epochal.core.fault import InputFault, printable
from epochal.core.run import Run
from epochal.data.decode import EXTENSIONS, decode_bytes, decode_file
from epochal.data.images import Picture
from epochal.interop.vectors import Vectors
from epochal.measure.accuracy import top_classes
from epochal.verbs.trained import find_trained
from epochal.verbs.vectors import ON_CPU, find_vectors, refuse_options
from epochal.verbs.weights import Source
from epochal.verbs.word_sums import neighbours

# A picture on standard input may be this large; what is decoded is bounded by pixels as well.
STDIN_BYTES = 256 << 20


@dataclass(frozen=True)
class Prediction:
    """What a run says of one input.

    Attributes:
        source: the file, or "-" for standard input.
        classes: the best classes with their probabilities, best first; empty if the picture cannot be read.
        fault: why it cannot be read, or None.
        measure: what the numbers are: `probability`, or `cosine` for words.
    """

    source: str
    classes: tuple[tuple[str, float], ...] = ()
    fault: str | None = None
    measure: str = "probability"


def predict(
    run: Run | Path | str,
    inputs: Sequence[Path | str],
    *,
    weights: Source | None = None,
    overrides: Sequence[str] = (),
    top: int = 5,
    crops: int = 1,
    include_inputs: bool = False,
    device: str = "auto",
    offline: bool = False,
) -> list[Prediction]:
    """The most probable classes of pictures; an unreadable one gets a fault and the others are still answered.

    Of word vectors: the words nearest to a word, or to a sum such as `king - man + woman`.

    Args:
        run: its path, its name in the runs folder, or `latest`; an exported folder; with weights, a landmark's name; a
            file of word vectors.
        weights: weights for that landmark: a file, an exported folder, a run, or what `read_weights` has read. Classes
            that they do not name are told by number.
        overrides: settings of the network that the weights do not tell, as `name=value`.
        inputs: files, folders (searched for pictures), patterns such as `*.jpg`, or `-`: a picture on standard input,
            or one path a line.
        top: how many classes, or words, to name.
        crops: 1, or 10 for the paper's ten-crop average.
        include_inputs: for words: let the words of the input be answers too.
        device: where to compute.
        offline: never download.

    Raises:
        InputFault: the run or the weights cannot be used, or an input matches nothing.
    """
    if crops not in (1, 10):
        raise InputFault(f"crops cannot be {crops}", expected="1 (centre) or 10 (the paper's protocol)")
    if top < 1:
        raise InputFault(f"top cannot be {top}", expected="at least 1")
    asked = find_vectors(run) if weights is None else None
    if asked is not None:
        refuse_options(asked, {"--crops": crops != 1, "--device": device not in ON_CPU, "--set": bool(overrides)})
        return [_of_words(asked.vectors, str(one), top, include_inputs) for one in inputs or [""]]
    if include_inputs:
        raise InputFault("--include-inputs is for sums of words", expected="a run of word vectors, or no such option")
    classifier = find_trained(run, weights=weights, overrides=overrides, device=device, offline=offline).classifier
    predictions = []
    for source, picture in _pictures(inputs):
        if isinstance(picture, InputFault):
            predictions.append(Prediction(source, fault=picture.what))
            continue
        scores = classifier.answer([picture], ten=crops == 10)
        best = top_classes(scores, top)[0].tolist()
        named = tuple((classifier.classes[place], float(scores[0, place])) for place in best)
        predictions.append(Prediction(source, named))
    return predictions


def _of_words(vectors: Vectors, expression: str, top: int, include_inputs: bool) -> Prediction:
    try:
        found = neighbours(vectors, expression, top=top, include_inputs=include_inputs)
    except InputFault as fault:
        return Prediction(expression, fault=str(fault), measure="cosine")
    return Prediction(expression, found, measure="cosine")


def _pictures(inputs: Sequence[Path | str]) -> Iterator[tuple[str, Picture | InputFault]]:
    if not inputs:
        raise InputFault("there is nothing to predict", expected="files, folders, patterns or -")
    # What is asked for must exist before the first answer is worked out.
    for source in [path for one in inputs for path in _expand(one)]:
        name = "-" if isinstance(source, bytes) else str(source)
        try:
            yield name, decode_bytes(source, "-") if isinstance(source, bytes) else decode_file(source)
        except InputFault as fault:
            yield name, fault


def _expand(one: Path | str) -> list[Path | bytes]:
    if str(one) == "-":
        return _from_stdin()
    path = Path(one)
    if os.path.isdir(path):  # not Path.is_dir: that one raises for names that are too long
        found: list[Path | bytes] = sorted(p for p in path.rglob("*") if p.suffix.lower() in EXTENSIONS and p.is_file())
        if not found:
            raise InputFault(
                f"the folder {printable(str(path))} holds no pictures",
                expected=f"files ending in {' '.join(EXTENSIONS)}",
            )
        return found
    if os.path.exists(path):
        return [path]
    matches: list[Path | bytes] = [Path(p) for p in sorted(glob.glob(str(one), recursive=True)) if Path(p).is_file()]
    if not matches:
        raise InputFault(
            f"nothing is at {printable(str(one))}", expected="a file, a folder or a pattern that matches files"
        )
    return matches


def _from_stdin() -> list[Path | bytes]:
    content = sys.stdin.buffer.read(STDIN_BYTES + 1)
    if len(content) > STDIN_BYTES:
        raise InputFault(f"more than {STDIN_BYTES >> 20} MiB on standard input", expected="one picture, or paths")
    lines = content.split(b"\n")
    if len(lines[0]) < 4096 and b"\0" not in content[:4096]:
        try:
            paths = [line.strip() for line in content.decode("utf-8").splitlines() if line.strip()]
        except UnicodeDecodeError:
            return [content]
        if paths:
            return [found for path in paths for found in _expand(path)]
    if not content:
        raise InputFault("standard input is empty", expected="a picture, or one path a line")
    return [content]
