"""Dropout as Section 4.2 prints it: silence half of the units in training, halve all of them in use.

Today's dropout doubles the surviving units in training instead and leaves use alone. The two agree in expectation but
not in the size of what the next layer learns from, so the paper's network keeps the paper's form.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


class Dropout(nn.Module):
    """Multiply each unit by 0 or 1 with equal chance in training, by 0.5 in use."""

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """Drop or halve the units; the masks come from torch's global generator."""
        # torch scales the survivors by 2, which 0.5 undoes exactly: a power of two changes no digit.
        return 0.5 * F.dropout(x, 0.5, self.training)
