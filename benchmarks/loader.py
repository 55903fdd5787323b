"""Decoded images a second from a folder of JPEGs, against torchvision's ImageFolder and DataLoader.

    python benchmarks/loader.py FOLDER                  a folder of class folders, such as imagenette/train
    python benchmarks/loader.py FOLDER --enlarge DEST   first write its pictures as 500 x 375 JPEGs to DEST, use them

Both sides read the same files in the same order, take a RandomResizedCrop of 224 pixels and give uint8 batches of 64.
They alternate in one process, so a busy machine slows both; the ratio of each round is taken, then the median of the
rounds.

What differs: torchvision crops and resizes with Pillow and stacks single tensors. We resample with torch's vectorised
bytes kernel (the same antialiased bilinear filter, rounded differently), decode a JPEG much larger than needed at a
fraction of its size, and fill a batch in place. The last lines say how far the pixels are apart for equal crop boxes.
"""

from __future__ import annotations

import argparse
import itertools
import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from racing import Outcome, load_torchvision, outcome, taking_turns, tell

from epochal.data.augment import Augmentation
from epochal.data.decode import decode_framed
from epochal.data.encoded import FileSplit
from epochal.data.frame import CentreSquare, RandomResizedCrop
from epochal.data.keyed import uniform
from epochal.data.statistics import PixelStatistics, pixel_statistics
from epochal.data.stream import materialise, stream
from epochal.engine.allocator import keep_large_blocks

SIZE, BATCH = 224, 64


@dataclass
class Race:
    """The same files for every contender."""

    root: Path
    samples: list[tuple[str, int]]

    @property
    def split(self) -> FileSplit:
        names = [os.path.relpath(path, self.root) for path, _ in self.samples]
        return FileSplit.of(self.root, names, [label for _, label in self.samples])

    def places(self) -> list[np.ndarray]:
        return np.split(np.arange(len(self.samples)), range(BATCH, len(self.samples), BATCH))

    def ours(self, workers: int, epoch: int) -> Iterable[torch.Tensor]:
        plan = ((epoch, places) for places in self.places())
        return stream(self.split, RandomResizedCrop(SIZE), plan, seed=0, workers=workers)

    @cached_property
    def stored(self) -> tuple[torch.Tensor, PixelStatistics]:
        """The pictures as squares of 256 pixels in memory, and their statistics."""
        pixels = materialise(self.split, CentreSquare(256))
        return pixels, pixel_statistics([pixels])

    def resident(self, workers: int, epoch: int) -> Iterable[torch.Tensor]:
        """Ready batches from bytes in memory: random crops of 224, mirrored, centred, in float32."""
        pixels, statistics = self.stored
        augment = Augmentation(SIZE)
        for places in map(torch.from_numpy, self.places()):
            yield augment(pixels, places, statistics, seed=0, epoch=epoch, index=places)

    def torchvision(self, workers: int, epoch: int) -> Iterable[torch.Tensor]:
        from torchvision import datasets, transforms

        transform = transforms.Compose([transforms.RandomResizedCrop(SIZE), transforms.PILToTensor()])
        pictures = datasets.ImageFolder(str(self.root), transform)
        torch.manual_seed(epoch)
        loader = torch.utils.data.DataLoader(
            pictures, num_workers=workers, batch_sampler=[p.tolist() for p in self.places()]
        )
        return (images for images, _ in loader)


CONTENDERS: dict[str, Callable[[Race, int, int], Iterable[torch.Tensor]]] = {
    "torchvision": Race.torchvision,
    "epochal": Race.ours,
}


def seconds_per_image(batches: Iterable[torch.Tensor]) -> float:
    """Without the start of the workers: from the first batch to the last."""
    iterator = iter(batches)
    next(iterator)
    begun, count = time.perf_counter(), 0
    for batch in iterator:
        count += len(batch)
    return (time.perf_counter() - begun) / count


def turn(race: Race, kind: Callable[[Race, int, int], Iterable[torch.Tensor]], workers: int) -> Callable[[], float]:
    """A contender's turn: another epoch each time."""
    epochs = itertools.count()
    return lambda: seconds_per_image(kind(race, workers, next(epochs)))


def enlarge(folder: Path, destination: Path, most: int) -> Path:
    """Write the folder's pictures as 500 x 375 JPEGs of quality 90: the usual size of ImageNet's, with real content."""
    from torchvision import datasets

    samples = datasets.ImageFolder(str(folder)).samples
    for path, _ in samples[:: max(1, len(samples) // most)][:most]:
        target = destination / Path(path).parent.name / (Path(path).stem + ".jpg")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with Image.open(path) as image:
                width, height = image.size
                # A part of the right shape, so that nothing is stretched.
                side = min(width, int(height * 4 / 3))
                box = (0, 0, side, side * 3 // 4)
                image.convert("RGB").resize((500, 375), Image.Resampling.LANCZOS, box=box).save(target, quality=90)
    return destination


@dataclass(frozen=True)
class FixedBox:
    """A frame that always takes one box."""

    size: int
    fixed: tuple[int, int, int, int]
    draws: int = 0

    def box(self, width: int, height: int, draws: object) -> tuple[int, int, int, int]:
        return self.fixed


def differences(race: Race, most: int = 200) -> list[float]:
    """For equal crop boxes, how many levels of 255 the pixels differ on average, for each of some pictures."""
    from torchvision.transforms import functional

    frame = RandomResizedCrop(SIZE)
    apart = []
    for index, (path, _) in enumerate(race.samples[:most]):
        with Image.open(path) as image:
            numbers = uniform(0, 0, torch.tensor([index]), frame.draws)[0].tolist()
            left, top, right, bottom = frame.box(*image.size, numbers)
            theirs = functional.resized_crop(image.convert("RGB"), top, left, bottom - top, right - left, [SIZE, SIZE])
        ours = decode_framed(path, FixedBox(SIZE, (left, top, right, bottom)), (), path)
        apart.append(float(np.abs(ours.astype(int) - np.asarray(theirs).astype(int)).mean()))
    return apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--enlarge", type=Path, metavar="DEST", help="write 500 x 375 JPEGs there first, and use them")
    parser.add_argument("--images", type=int, default=768, help="how many files a round reads (default: 768)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    parser.add_argument("--out", type=Path, help="write a record there")
    options = parser.parse_args()

    keep_large_blocks()  # as every training does; it holds for all contenders
    torchvision, _library = load_torchvision()
    torch.set_num_threads(1)
    folder = enlarge(options.folder, options.enlarge, options.images) if options.enlarge else options.folder
    samples = torchvision.datasets.ImageFolder(str(folder)).samples[: options.images]
    race = Race(folder, samples)
    with Image.open(samples[0][0]) as image:
        size = f"{image.width} x {image.height}"
    outcomes: list[Outcome] = []
    for workers in options.workers:
        kinds = CONTENDERS | ({"resident": Race.resident} if workers == 0 else {})
        turns = {name: turn(race, kind, workers) for name, kind in kinds.items()}
        seconds = taking_turns(turns, options.rounds)
        decoded = f"decoding {size} JPEGs, {workers} workers"
        outcomes.append(outcome(seconds, "epochal", "torchvision", decoded, 1, "images/s"))
        if "resident" in seconds:
            kept = "batches of 224 x 224 from bytes in memory, 1 thread"
            outcomes.append(outcome(seconds, "resident", "torchvision", kept, 1, "images/s"))
    apart = differences(race)
    mean, worst = statistics.mean(apart), max(apart)
    facts = {"pictures": len(samples), "rounds": options.rounds, "levels_apart": {"mean": mean, "worst": worst}}
    tell(outcomes, torch.device("cpu"), options.out, facts)
    print(f"equal boxes: {mean:.3f} levels of 255 apart on average, {worst:.3f} in the worst picture")


if __name__ == "__main__":
    main()
