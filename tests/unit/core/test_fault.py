from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.core.fault import (
    DiskFault,
    Fault,
    InputFault,
    Interrupted,
    MemoryFault,
    NonFiniteFault,
    nearest,
    printable,
)


def test_a_fault_tells_what_was_wrong_what_was_expected_and_what_to_do() -> None:
    fault = InputFault("no lr", expected="a number", remedy="--set lr=1")
    assert str(fault) == "no lr\nexpected: a number\nto do: --set lr=1"
    assert str(Fault("alone")) == "alone"
    assert str(Fault("no lr", remedy="--set lr=1")) == "no lr\nto do: --set lr=1"


def test_an_input_fault_is_a_value_error_to_python() -> None:
    with pytest.raises(ValueError, match="wrong"):
        raise InputFault("wrong")


def test_every_kind_of_fault_has_an_exit_code_of_its_own() -> None:
    kinds = (Fault, InputFault, NonFiniteFault, MemoryFault, DiskFault)
    assert [kind.exit_code for kind in kinds] == [1, 2, 3, 4, 5]
    assert Interrupted(15, "stopped", "resume").exit_code == 143
    assert Interrupted(2, "stopped", "resume").exit_code == 130


def test_the_nearest_names_are_told_or_all_of_them() -> None:
    assert nearest("smal", ["small", "smoke", "paper"]).endswith("the nearest: small")
    assert nearest("qqqq", ["small", "paper"]) == "one of: paper, small"
    assert nearest("x", []) == "nothing by that name exists"


# Characters that a terminal obeys, or that change the order of what is read.
OBEYED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=300))
def test_printable_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = printable(text)
    assert not {unicodedata.category(character) for character in shown} & OBEYED
    assert len(shown) <= 200
    shown.encode()


@pytest.mark.parametrize("text", ["plain", "naïve Käse", "日本語", "$x$ <img src=x onerror=alert(1)>", "a b"])
def test_harmless_text_is_left_alone(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
        ("a\nb\r", "a\\nb\\r"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("caf\udce9", "caf\\udce9"),
        ("\x9b31m", "\\x9b31m"),
    ],
)
def test_hostile_text_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_long_text_is_cut() -> None:
    assert printable("x" * 500, 10) == "x" * 9 + "…"
