"""Many numbers for each sample laid out in a plane, so that samples that are alike lie together.

Principal components first, which drops noise and decides where the points start; then t-SNE (van der Maaten and Hinton
2008), which keeps neighbours together. The same numbers give the same plane: the seed is fixed and one thread adds up.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Float32

from epochal.core.fault import InputFault

_COMPONENTS = 50
# Fewer samples have too few neighbours for t-SNE: the first two principal components say what there is to say.
LEAST = 20
# How many neighbours a sample keeps together with: a part of all, within what t-SNE is used with.
_PART, _FEWEST, _MOST = 1 / 36, 5.0, 30.0


def laid_out(samples: Float[np.ndarray, "N D"]) -> Float32[np.ndarray, "N 2"]:
    """A place in the plane for each sample.

    Raises:
        InputFault: there are no samples, or some of the numbers are not finite.
    """
    count = len(samples)
    if count == 0 or not np.isfinite(samples).all():
        raise InputFault("these numbers cannot be laid out in a plane", expected="samples whose numbers are finite")
    # Here, because not every look needs scikit-learn.
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # threads would add up in another order each time
        varied = samples.astype(np.float32)[:, samples.std(0) > 0]
        if varied.shape[1] < 2 or count < LEAST:
            return _padded(PCA(min(2, *varied.shape), random_state=0).fit_transform(varied) if varied.size else varied)
        reduced = PCA(min(_COMPONENTS, *varied.shape), random_state=0).fit_transform(varied)
        perplexity = min(max(_FEWEST, count * _PART), _MOST)
        places = TSNE(2, perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced)
    return np.asarray(places, dtype=np.float32)


def _padded(places: Float[np.ndarray, "N few"]) -> Float32[np.ndarray, "N 2"]:
    """Two numbers for each sample: zeros where there is nothing to tell them apart by."""
    plane = np.zeros((len(places), 2), dtype=np.float32)
    plane[:, : places.shape[1]] = places
    return plane
