"""The key of a plot: every name is there, within the width, one row under the other."""

from __future__ import annotations

from epochal.view import style
from epochal.view.key import ROW_HEIGHT, Entry, count_rows, write_key
from epochal.view.lettering import width_of
from epochal.view.sheet import Sheet

MANY = [Entry(f"an arm called {number}", style.BLUE, is_dashed=number % 2 == 1) for number in range(9)]


def test_a_key_takes_as_many_rows_as_its_width_asks_for() -> None:
    sheet = Sheet(900, 400)
    write_key(sheet, 20, 50, MANY, 600)
    written = [(text.get_text(), *text.get_position()) for text in sheet.page.texts]
    assert [name for name, *_ in written] == [entry.name for entry in MANY]
    assert all(x + width_of(name, style.TEXT_SIZE) <= 20 + 600 for name, x, _ in written)
    rows = sorted({y for *_, y in written})
    assert len(rows) == count_rows(MANY, 600) > 1
    assert rows == [50 + ROW_HEIGHT * number for number in range(len(rows))]


def test_a_name_that_is_too_wide_has_a_row_of_its_own() -> None:
    assert count_rows([MANY[0], Entry("far wider than there is room " * 9, style.BLUE), MANY[1]], 600) == 3
    assert count_rows([], 600) == count_rows(MANY[:1], 1) == count_rows(MANY, 1e9) == 1


def test_samples_of_dashed_lines_are_dashed() -> None:
    sheet = Sheet(900, 400)
    write_key(sheet, 20, 50, MANY[:2])
    assert [line.is_dashed() for line in sheet.page.lines] == [False, True]
