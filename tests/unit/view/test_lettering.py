"""Words fit to draw: no missing glyph, no control character, no wider than their place."""

import pytest

from epochal.view import lettering
from epochal.view.lettering import cut, families, legible, width_of, wrap


def test_what_can_be_drawn_is_left_alone():
    for text in ("plain text", "Größe, naïve café", "кошка", "غزال", "✓ 84.7 %", "a\u0301"):
        assert legible(text) == text


def test_what_cannot_be_drawn_is_written_as_its_code_point():
    without = [c for c in "猫咪" if ord(c) not in lettering._drawable()]
    expected = "".join(f"\\u{ord(c):04x}" if c in without else c for c in "猫咪")
    assert legible("猫咪") == expected
    assert legible("\udc80\x1b\n\u202e") == r"\udc80\x1b\n\u202e"
    assert legible("\U0010fffd") == r"\U0010fffd"


def test_accents_cannot_be_piled_up():
    assert legible("Z" + "\u0301" * 4) == "Z\u0301\u0301\\u0301\\u0301"


def test_text_is_kept_short():
    assert len(legible("x" * 10_000)) == 200
    assert len(legible("猫" * 10_000)) <= 200
    assert len(legible("Z" + "\u0301" * 10_000)) <= 200


def test_a_fallback_font_is_used_where_the_system_has_it(monkeypatch):
    missing = next(chr(p) for p in range(0x1D400, 0x1D7FF) if p not in lettering._drawable() and chr(p).isprintable())
    assert legible(missing).startswith("\\U")
    monkeypatch.setattr(lettering, "_FALLBACKS", ("No Such Family", "STIXGeneral"))
    families.cache_clear()
    lettering._drawable.cache_clear()
    try:
        assert families()[1:] == ("STIXGeneral",)
        assert legible(missing) == missing
    finally:
        families.cache_clear()
        lettering._drawable.cache_clear()
        monkeypatch.undo()
    assert legible(missing).startswith("\\U")


@pytest.mark.parametrize("width", [30, 100, 333])
@pytest.mark.parametrize("bold", [False, True])
def test_cut_text_fits_and_uses_its_room(width, bold):
    text = "W" * 40 + "i" * 40
    short = cut(text, width, 9.0, bold)
    assert width_of(short, 9.0, bold) <= width
    assert width_of(text[: len(short)] + "…", 9.0, bold) > width
    assert cut("i", width, 9.0, bold) == "i"


def test_wrapped_lines_fit_and_lose_no_word():
    text = "each line holds as many words as it can and 95 % stays in one piece " * 3
    lines = wrap(text, 300, 8.5)
    assert " ".join(lines) == text.strip()
    assert all(width_of(line, 8.5) <= 300 for line in lines)
    assert not any(line.startswith("%") for line in lines)
    assert wrap("", 300, 8.5) in ([], [""])


def test_a_word_wider_than_the_page_is_cut():
    (line,) = wrap("x" * 500, 200, 8.5)
    assert line.endswith("…")
    assert width_of(line, 8.5) <= 200
