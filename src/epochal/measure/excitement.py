"""What excites each unit of a layer most: the strongest answers to many pictures, kept while the pictures go by.

A unit of a convolution looks everywhere in a picture; what counts is its strongest answer there and where it was. So a
picture stands at most once in a unit's list. Only the lists are kept: memory does not grow with the pictures.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

# Units that share more than this part of their pictures are excited by the same.
_FEW_SHARED = 0.25


@dataclass(frozen=True)
class Excitement:
    """The pictures that excite each unit most, strongest first.

    Attributes:
        values: the unit's answers.
        pictures: the places of the pictures in their data set.
        rows: where in the layer's map the answer was given.
        columns: the same.
        seen: how many pictures were looked at.
        total: the sum of the unit's strongest answers to all pictures.
        squares: the sum of their squares.
    """

    values: Float[Tensor, "C best"]
    pictures: Int64[Tensor, "C best"]
    rows: Int64[Tensor, "C best"]
    columns: Int64[Tensor, "C best"]
    seen: int
    total: Float[Tensor, " C"]
    squares: Float[Tensor, " C"]

    def merged(self, later: Excitement, best: int) -> Excitement:
        """The best of two lists; where answers are equal, the earlier one's come first."""
        values = torch.cat([self.values, later.values], dim=1)
        order = values.argsort(dim=1, descending=True, stable=True)[:, :best]

        def both(mine: Tensor, others: Tensor) -> Tensor:
            return torch.cat([mine, others], dim=1).gather(1, order)

        return Excitement(
            values=values.gather(1, order),
            pictures=both(self.pictures, later.pictures),
            rows=both(self.rows, later.rows),
            columns=both(self.columns, later.columns),
            seen=self.seen + later.seen,
            total=self.total + later.total,
            squares=self.squares + later.squares,
        )

    def standing_out(self, count: int) -> list[int]:
        """Units that are worth showing, in the order of the layer; those that never answer above 0 are not.

        They are the units whose best answers stand out most from their answers to all pictures, in standard
        deviations. Of units that are excited by the same pictures the first is taken, and the others only when there
        are no more to choose from: so the units shown differ.
        """
        mean = self.total / self.seen
        spread = (self.squares / self.seen - mean**2).clamp_min(0).sqrt()
        apart = (self.values.double().mean(1) - mean) / spread.clamp_min(1e-12)
        order = [unit for unit in apart.argsort(descending=True, stable=True).tolist() if self.values[unit, 0] > 0]
        lists = {unit: set(self.pictures[unit].tolist()) for unit in order}
        taken: list[int] = []
        alike: list[int] = []
        for unit in order:
            shared = max((len(lists[unit] & lists[other]) for other in taken), default=0)
            (alike if shared > _FEW_SHARED * len(lists[unit]) else taken).append(unit)
            if len(taken) == count:
                break
        return sorted([*taken, *alike][:count])

    @property
    def silent(self) -> int:
        """How many units never answered above 0."""
        return int((self.values[:, 0] <= 0).sum())


def excitement(maps: Float[Tensor, "B C H W"], pictures: Int64[Tensor, " B"], best: int) -> Excitement:
    """The `best` pictures of one batch for each unit.

    Args:
        maps: a layer's answers; those of a dense layer as maps of 1 x 1.
        pictures: the pictures' places in their data set.
        best: how many to keep.
    """
    strongest, place = maps.flatten(2).max(dim=2)
    values, order = strongest.T.sort(dim=1, descending=True, stable=True)
    values, order = values[:, :best], order[:, :best]
    places = place.T.gather(1, order)
    width = maps.shape[3]
    return Excitement(
        values=values,
        pictures=pictures[order],
        rows=places // width,
        columns=places % width,
        seen=len(maps),
        total=strongest.double().sum(0),
        squares=strongest.double().square().sum(0),
    )
