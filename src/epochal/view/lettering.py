"""Text that comes from data, made fit to draw: no control characters, no missing glyphs, no wider than its place.

Class names are folder names: they may hold anything. What a terminal must not obey (`printable`) a picture does not
show either; a character that no font here can draw is written as its code point, as `printable` writes the others.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from matplotlib import font_manager
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

from epochal.core.fault import printable
from epochal.view import style

# Matplotlib brings the first one along; the others are used where the system has them, for the scripts that it lacks.
_FAMILY = "DejaVu Sans"
_FALLBACKS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Apple SD Gothic Neo",
    "Noto Sans Devanagari",
    "Noto Sans Bengali",
    "Noto Sans Tamil",
    "Noto Sans Thai",
    "Nirmala UI",
    "Leelawadee UI",
    "Arial Unicode MS",
)
_MOST_MARKS = 2  # accents stacked on one letter; more only serve to write over the neighbours


@lru_cache(maxsize=1)
def families() -> tuple[str, ...]:
    """The font families to draw with, in order of preference, all of them present."""
    installed = set(font_manager.fontManager.get_font_names())
    return (_FAMILY, *(name for name in _FALLBACKS if name in installed))


@lru_cache(maxsize=1)
def _drawable() -> frozenset[int]:
    """The code points that the families can draw, in regular and in bold."""
    covered: set[int] = set()
    for family in families():
        regular, bold = (
            set(
                font_manager.get_font(font_manager.findfont(FontProperties(family=family, weight=weight))).get_charmap()
            )
            for weight in ("normal", "bold")
        )
        covered |= regular & bold
    return frozenset(covered)


def legible(text: str, limit: int = 200) -> str:
    """`text` with everything that cannot be drawn written as an escape, at most `limit` characters long."""
    marks = 0
    shown = []
    for character in printable(text, limit):
        marks = marks + 1 if unicodedata.combining(character) else 0
        if ord(character) in _drawable() and marks <= _MOST_MARKS:
            shown.append(character)
        else:
            shown.append(character.encode("unicode_escape").decode())
    joined = "".join(shown)
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"


def font(size: float, bold: bool = False) -> FontProperties:
    """The properties of our text at a size in points."""
    return FontProperties(family=list(families()), size=size, weight="bold" if bold else "normal")


@lru_cache(maxsize=4096)  # pages ask twice: how much room they need, and where words go
def width_of(text: str, size: float, bold: bool = False) -> float:
    """The width in pixels of one line of text."""
    renderer = RendererAgg(1, 1, style.DPI)
    return float(renderer.get_text_width_height_descent(text, font(size, bold), ismath=False)[0])


def cut(text: str, width: style.Pixels, size: float, bold: bool = False) -> str:
    """`text` shortened until it is at most `width` pixels wide; an ellipsis shows that something is missing."""
    if width_of(text, size, bold) <= width:
        return text
    shortest, longest = 0, len(text)
    while shortest < longest:
        middle = (shortest + longest + 1) // 2
        if width_of(text[:middle].rstrip() + "…", size, bold) <= width:
            shortest = middle
        else:
            longest = middle - 1
    return text[:shortest].rstrip() + "…"


def wrap(text: str, width: style.Pixels, size: float) -> list[str]:
    """`text` broken between words into lines of at most `width` pixels; a longer word is cut, 5 % stays together."""
    lines: list[str] = []
    for word in re.split(" +(?!%)", text.strip()):
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, size) <= width:
            lines[-1] = longer
        else:
            lines.append(cut(word, width, size))
    return lines
