"""One look for all pictures: colours, sizes, weights.

The line colours are Okabe and Ito's, which people with any colour vision can tell apart; where colour carries a meaning
(right, wrong), a sign says it too.
"""

from __future__ import annotations

from typing import Final, TypeAlias

DPI: Final = 160

Pixels: TypeAlias = float | int  # both, since the run-time type checks of the tests take no int for a float

PAPER: Final = "#FCFCFA"
INK: Final = "#18212F"
MUTED: Final = "#667085"
HAIRLINE: Final = "#E1E4EA"

BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#AA4499"

RIGHT: Final = GREEN
WRONG: Final = VERMILLION
# No other picture uses it: a number that is not finite must not pass for a value.
NOT_FINITE: Final = "#FF00FF"

# A colour for each class, where there are no more of them; the class is named beside its colour as well.
CLASSES: Final = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#E69F00",
    "#AA4499",
    "#56B4E9",
    "#882255",
    "#8A8A00",
    "#E7298A",
    "#18212F",
    "#A6611A",
    "#44AA99",
)

SEQUENTIAL: Final = "magma"
DIVERGING: Final = "RdBu_r"

# Points for text, pixels for distances.
TITLE_SIZE: Final = 14.0
TEXT_SIZE: Final = 8.5
SMALL_SIZE: Final = 6.5
MARGIN: Final = 50
LINE: Final = 1.55  # height of a line of text, in multiples of its size


def line_height(size: float) -> int:
    """The distance in pixels between two lines of text of `size` points."""
    return round(size * LINE * DPI / 72)
