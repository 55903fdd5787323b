"""What the tests of pictures share: the canvas as an array, and rules that every page keeps."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from epochal.view import style
from epochal.view.mosaic import rgb


def canvas_of(figure: Figure) -> FigureCanvasAgg:
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()
    return canvas


@pytest.fixture
def pixels() -> Callable[[Figure], np.ndarray]:
    """The figure as drawn, [height, width, 3]."""
    return lambda figure: np.asarray(canvas_of(figure).buffer_rgba())[..., :3].copy()


@pytest.fixture
def words() -> Callable[[Figure], list[str]]:
    """Every text on the page, in the order of writing."""
    return lambda figure: [text.get_text() for text in figure.axes[0].texts]


def packed(pixels: np.ndarray) -> np.ndarray:
    """Three bytes as one number, which is compared faster."""
    return (pixels.astype(np.int32) * (65536, 256, 1)).sum(-1, dtype=np.int32)


@pytest.fixture
def find_block() -> Callable[[np.ndarray, np.ndarray], tuple[int, int]]:
    """Where an array lies on the canvas, pixel for pixel: (y, x). Fails if it is nowhere."""

    def find(canvas: np.ndarray, block: np.ndarray) -> tuple[int, int]:
        page, wanted = packed(canvas), packed(block)
        height, width = wanted.shape
        rows, columns = page.shape[0] - height + 1, page.shape[1] - width + 1
        possible = page[:rows, :columns] == wanted[0, 0]
        for dy in np.linspace(0, height - 1, 4).astype(int):
            for dx in np.linspace(0, width - 1, 4).astype(int):
                possible &= page[dy : dy + rows, dx : dx + columns] == wanted[dy, dx]
        for y, x in np.argwhere(possible):
            if np.array_equal(page[y : y + height, x : x + width], wanted):
                return int(y), int(x)
        raise AssertionError("the block is not on the canvas")

    return find


@pytest.fixture
def panels_in() -> Callable[[np.ndarray], tuple[int, int]]:
    """Rows and columns of panels in an area, counted by the strips of bare page between them."""

    def count(area: np.ndarray) -> tuple[int, int]:
        inked = (area != rgb(style.PAPER)).any(-1)
        return runs(inked.any(1)), runs(inked.any(0))

    def runs(line: np.ndarray) -> int:
        return int(np.count_nonzero(np.diff(np.concatenate([[0], line.astype(int)])) == 1))

    return count


@pytest.fixture
def tidy() -> Callable[[Figure], None]:
    """Fails if words overlap, leave the page, or could be read as TeX."""

    def check(figure: Figure) -> None:
        renderer = canvas_of(figure).get_renderer()
        page = figure.bbox
        boxes = []
        for axes in figure.axes:
            texts = list(axes.texts)
            if axes.axison:
                texts += tick_labels(axes.xaxis) + tick_labels(axes.yaxis)
            for text in texts:
                if text.get_text() and text.get_visible():
                    boxes.append((text.get_text(), box_of(text, renderer)))
                    assert "$" not in text.get_text() or not text.get_parse_math()
        for text, (left, low, right, high) in boxes:
            inside = left >= 0 and low >= 0 and right <= page.width and high <= page.height
            assert inside, f"{text!r} leaves the page"
        for (one, a), (other, b) in combinations(boxes, 2):
            apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
            assert apart, f"{one!r} overlaps {other!r}"

    return check


def box_of(text, renderer) -> tuple[float, float, float, float]:
    """The box of the letters themselves, a pixel smaller than matplotlib's padded one."""
    box = text.get_window_extent(renderer)
    return box.x0 + 1, box.y0 + 1, box.x1 - 1, box.y1 - 1


@pytest.fixture(autouse=True)
def no_pyplot_figures() -> Iterator[None]:
    """No picture may be registered with pyplot, where it would live for ever."""
    yield
    import sys

    if "matplotlib.pyplot" in sys.modules:
        assert sys.modules["matplotlib.pyplot"].get_fignums() == []


def tick_labels(axis) -> list:
    """The labels that are drawn: those of ticks inside the view."""
    low, high = sorted(axis.get_view_interval())
    return [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
