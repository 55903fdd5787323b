"""scikit-learn's 1,797 handwritten digits: the data that is always there, without a download.

They are 8 x 8 pictures from the UCI set "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998), with
gray values from 0 to 16.
"""

from __future__ import annotations

import numpy as np

from epochal.data.holdout import held_out_part
from epochal.data.images import ImageData, Pictures, digest_of


def read_digits() -> ImageData:
    """The digits, split by place: every fifth of each class is held out (355 pictures), 1,442 are learned from.

    The split has no chance in it. It does not separate the writers: the same hands wrote both parts.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # 0..16 becomes 0..255, so that ink has the same scale as in every other data set.
    pixels = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[..., None]
    labels = bunch.target.astype(np.int64)
    part = held_out_part(labels)
    train = Pictures(pixels[~part], labels[~part], "scikit-learn digits, train")
    held_out = Pictures(pixels[part], labels[part], "scikit-learn digits, held out")
    return ImageData(
        name="digits",
        classes=tuple(str(digit) for digit in range(10)),
        train=train,
        held_out=held_out,
        digest=digest_of(train, held_out),
        note="every fifth picture of each class is held out; both parts come from the same writers",
    )
