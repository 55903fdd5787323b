"""Train a small AlexNet on a folder of pictures (a folder for each class) and name what is in some of them.

python examples/train_on_a_folder.py FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path

import epochal


def main(folder: str, epochs: float = 20.0) -> float:
    """Train, measure, predict; return the held-out accuracy."""
    recipe = epochal.recipe("alexnet", "small").replace(epochs=epochs, batch_size=32)
    run = epochal.train("alexnet", recipe=recipe, data=f"imagefolder:{folder}")
    top1 = epochal.evaluate(run)["top1"]
    print(f"{top1:.1%} of the held-out pictures are right")
    pictures = sorted(path for path in Path(folder).rglob("*") if path.suffix in (".png", ".jpg", ".jpeg"))
    for prediction in epochal.predict(run, pictures[:3], top=2):
        print(prediction.source, prediction.classes)
    return float(top1)


if __name__ == "__main__":
    main(sys.argv[1])
