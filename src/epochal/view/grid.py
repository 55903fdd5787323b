"""Pictures in a grid with words below: a look at a data set, or a network's answers beside the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from matplotlib.figure import Figure

from epochal.core.fault import InputFault
from epochal.view import style
from epochal.view.mosaic import Panel, across, fitted
from epochal.view.sheet import NARROWEST, Sheet, heading_height, notice

MOST = 400  # more would be a picture that no viewer opens
_SIDE = 200  # whole multiples of 28, 32 and 8 come close to it
_GAP = 22
_FRAME = 5


@dataclass(frozen=True)
class Answer:
    """What a network said about a picture.

    Attributes:
        predicted: the class it prefers.
        probability: how sure it is, from 0 to 1.
        truth: the right class, where it is known.
    """

    predicted: str
    probability: float
    truth: str | None = None

    @property
    def is_right(self) -> bool | None:
        """Whether the answer is right; None where the truth is not known."""
        return None if self.truth is None else self.predicted == self.truth


def picture_grid(
    pictures: Sequence[Panel], labels: Sequence[str], title: str, subtitle: str = "", wide: int | None = None
) -> Figure:
    """The pictures with their labels, row by row, at most the first 400.

    Args:
        pictures: RGB, of any sizes; each keeps its shape.
        labels: one line for each picture.
        title: the headline.
        subtitle: a muted line below it.
        wide: how many to put in a row; chosen for a page wider than high if None.

    Raises:
        InputFault: there is not one label for each picture.
    """
    _check_lengths(pictures, labels, "labels")

    def describe(sheet: Sheet, place: int, x: int, y: int, box: int) -> None:
        baseline = y + 4 + style.line_height(style.TEXT_SIZE)
        sheet.write(x + box / 2, baseline, labels[place], align="center", width=box + _GAP - 6)

    return _grid(pictures, title, subtitle, wide, 1, describe)


def answer_grid(
    pictures: Sequence[Panel],
    answers: Sequence[Answer],
    title: str = "What the network sees",
    subtitle: str | None = None,
    wide: int | None = None,
) -> Figure:
    """The pictures, framed and signed by whether the network is right, with its answer and the truth.

    Args:
        pictures: RGB, of any sizes.
        answers: one for each picture.
        title: the headline.
        subtitle: a muted line below it; how many answers are right if None.
        wide: how many to put in a row.

    Raises:
        InputFault: there is not one answer for each picture.
    """
    _check_lengths(pictures, answers, "answers")
    if subtitle is None:
        judged = [answer.is_right for answer in answers[:MOST] if answer.is_right is not None]
        subtitle = f"{sum(judged)} of {len(judged)} right" if judged else f"{min(len(answers), MOST)} pictures"

    def describe(sheet: Sheet, place: int, x: int, y: int, box: int) -> None:
        answer = answers[place]
        colour = {True: style.RIGHT, False: style.WRONG, None: style.MUTED}[answer.is_right]
        sign = {True: "✓ ", False: "✗ ", None: ""}[answer.is_right]
        first = y + _FRAME + style.line_height(style.TEXT_SIZE)
        room = box + _GAP - 6
        sheet.frame(x, y - box, box, box, colour, _FRAME)
        sheet.write(x, first, sign + answer.predicted, colour=colour, bold=True, width=room)
        share = f"{100 * answer.probability:.0f} %"
        detail = f"{share}, is {answer.truth}" if answer.is_right is False else share
        sheet.write(x, first + style.line_height(style.TEXT_SIZE), detail, colour=style.MUTED, width=room)

    return _grid(pictures, title, subtitle, wide, 2, describe)


def _grid(
    pictures: Sequence[Panel],
    title: str,
    subtitle: str,
    wide: int | None,
    lines: int,
    describe: Callable[[Sheet, int, int, int, int], None],
) -> Figure:
    """Lay the pictures out in equal boxes; `describe(sheet, place, x, y, box)` writes below the one that ends at y."""
    if not len(pictures):
        return notice(title, "There are no pictures.")
    if len(pictures) > MOST:
        subtitle = f"{subtitle}; " if subtitle else ""
        subtitle += f"the first {MOST} of {len(pictures)}"
    panels = [fitted(picture, _SIDE) for picture in pictures[:MOST]]
    box = max(max(panel.shape[:2]) for panel in panels)
    wide = min(len(panels), wide or across(len(panels), 1.4))
    step_x = box + _GAP + 2 * _FRAME
    step_y = box + lines * style.line_height(style.TEXT_SIZE) + _GAP + 2 * _FRAME
    rows = -(-len(panels) // wide)
    content = wide * step_x - _GAP
    top = heading_height(subtitle) + _FRAME
    sheet = Sheet(max(NARROWEST, content + 2 * style.MARGIN), top + rows * step_y - _GAP + style.MARGIN)
    sheet.heading(title, subtitle)
    left = style.MARGIN + _FRAME
    for place, panel in enumerate(panels):
        x, y = left + place % wide * step_x, top + place // wide * step_y
        describe(sheet, place, x, y + box, box)
        sheet.picture(x + (box - panel.shape[1]) // 2, y + (box - panel.shape[0]) // 2, panel)
    return sheet.figure


def _check_lengths(pictures: Sequence[Panel], words: Sequence[object], what: str) -> None:
    if len(pictures) != len(words):
        raise InputFault(
            f"{len(pictures)} pictures came with {len(words)} {what}", expected=f"as many {what} as pictures"
        )
