"""What are a run's weights worth on a few pictures of other classes? Forty of each class, that the run has never seen.

python examples/transfer.py RUN [cifar10 | imagenette] [SEEDS]

Writes a folder of pictures from the held-out part of the data set, and a record and a chart into `results`.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

import epochal


def write_folder(place: Path, name: str, train: int = 40, measured: int = 45) -> int:
    """Write that many pictures of each class as files; return how many there are."""
    data = epochal.open_data(name)
    seen: Counter[int] = Counter()
    for index, label in enumerate(data.held_out.labels):
        number = seen[label]
        if number < train + measured:
            folder = place / ("train" if number < train else "val") / data.classes[label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(data.held_out.picture(index)).save(folder / f"{number:03}.png")
            seen[label] += 1
    return seen.total()


def main(weights: str, name: str = "cifar10", seeds: int = 3, **options: object) -> dict[str, float]:
    """Compare the ways; return the held-out accuracy of each."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / f"{name}-40-of-each"
        print(f"{write_folder(place, name):,} pictures")
        done = epochal.finetune("alexnet", weights=weights, data=f"imagefolder:{place}", seeds=seeds, **options)
    for row in done.rows:
        print(f"{row['way']:12} {row['mean']:.1%} in {row['seconds']:.0f} s, {row['trained_parameters']:,} learned")
    print(done.record, done.picture, sep="\n")
    return {row["way"]: row["mean"] for row in done.rows}


if __name__ == "__main__":
    main(sys.argv[1], *sys.argv[2:3], *map(int, sys.argv[3:4]))
