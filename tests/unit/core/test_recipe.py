from __future__ import annotations

import json
from typing import Literal

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from epochal.core.fault import InputFault
from epochal.core.recipe import Recipe, setting


class Sample(Recipe):
    """A recipe with a setting of every kind."""

    steps: int = setting(10, "how many", "ours", ge=1, le=100)
    lr: float = setting(0.1, "learning rate", "Section 5", gt=0)
    shift: float = setting(0.0, "may be negative", "ours", ge=-5)
    lrn: bool = setting(True, "normalise", "Section 3.3")
    columns: Literal[1, 2] = setting(2, "columns", "Section 3.2")
    without: Literal["conv3", "conv4"] | None = setting(None, "left out", "Section 7")
    sd: float | None = setting(None, "deviation", "ours", gt=0)
    pair: tuple[int, int] = setting((3, 5), "two numbers", "ours")
    drops: tuple[float, ...] = setting((), "any number of numbers", "ours")
    some: tuple[float, ...] = setting((1.0,), "at least one number", "ours", min_length=1)
    network: str = setting("paper", "a name", "ours")

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Sample:
        if self.steps == 99:
            raise ValueError("anything but 99 steps")
        return self


def refusal(*assignments: str) -> InputFault:
    with pytest.raises(InputFault) as caught:
        Sample().override(list(assignments))
    assert caught.value.exit_code == 2
    return caught.value


@pytest.mark.parametrize(
    ("assignment", "name", "value"),
    [
        ("steps=3", "steps", 3),
        ("lr=1e-3", "lr", 0.001),
        ("lr=1", "lr", 1.0),
        ("shift=-2.5", "shift", -2.5),
        ("lrn=false", "lrn", False),
        ("lrn=no", "lrn", False),
        ("lrn=1", "lrn", True),
        ("columns=1", "columns", 1),
        ("without=conv4", "without", "conv4"),
        ("without=none", "without", None),
        ("sd=None", "sd", None),
        ("sd=0.5", "sd", 0.5),
        ("pair=7,9", "pair", (7, 9)),
        ("pair=(7, 9)", "pair", (7, 9)),
        ("pair=[-7,9]", "pair", (-7, 9)),
        ("drops=25,51,79", "drops", (25.0, 51.0, 79.0)),
        ("drops=4", "drops", (4.0,)),
        ("drops=", "drops", ()),
        ("drops=()", "drops", ()),
        (" steps = 4 ", "steps", 4),
        ("network=none", "network", "none"),
        ("network=a=b", "network", "a=b"),
    ],
)
def test_an_assignment_is_read_by_the_kind_of_its_setting(assignment: str, name: str, value: object) -> None:
    changed = getattr(Sample().override([assignment]), name)
    assert changed == value
    assert type(changed) is type(value)


def test_the_last_of_two_assignments_counts() -> None:
    assert Sample().override(["lr=1", "steps=2", "lr=2"]).lr == 2


@pytest.mark.parametrize(
    ("assignment", "what", "expected"),
    [
        ("lr_=1", "no setting is called 'lr_'", "the nearest: lr, lrn"),
        ("collumns=1", "no setting is called 'collumns'", "columns"),
        ("zzzzzz=1", "no setting is called 'zzzzzz'", "one of: columns, drops, lr"),
        ("lr", "'lr' is no assignment", "name=value"),
        ("=3", "'=3' is no assignment", "name=value"),
        ("", "'' is no assignment", "name=value"),
        ("lr=abc", "lr cannot be 'abc'", "number"),
        ("lr=", "lr cannot be ''", "number"),
        ("lr=-1", "lr cannot be '-1'", "greater than 0"),
        ("lr=nan", "lr cannot be 'nan'", "finite"),
        ("lr=inf", "lr cannot be 'inf'", "finite"),
        ("lr=none", "lr cannot be 'none'", "number"),
        ("steps=1.5", "steps cannot be '1.5'", "integer"),
        ("steps=0", "steps cannot be '0'", "greater than or equal to 1"),
        ("steps=1000000000000", "steps cannot be", "less than or equal to 100"),
        ("lrn=maybe", "lrn cannot be 'maybe'", "boolean"),
        ("columns=3", "columns cannot be '3'", "1 or 2"),
        ("without=conv9", "without cannot be 'conv9'", "'conv3' or 'conv4'"),
        ("pair=1", "pair cannot be '1'", "more values than 1, such as 3,5"),
        ("pair=1,2,3", "pair cannot be '1,2,3'", "at most 2 values"),
        ("some=", "some cannot be ''", "at least 1 value"),
        ("pair=a,2", "pair cannot be 'a,2'", "each value a valid integer"),
        ("pair=none", "pair cannot be 'none'", ""),
        ("steps=99", "do not fit together", "anything but 99 steps"),
    ],
)
def test_a_wrong_assignment_says_what_was_wrong_and_what_would_be_right(
    assignment: str, what: str, expected: str
) -> None:
    fault = refusal(assignment)
    assert what in fault.what
    assert expected in fault.expected


def test_a_refusal_is_short_whatever_was_given() -> None:
    assert len(str(refusal("lr=" + "9" * 100_000))) < 1000
    assert len(str(refusal("l" * 100_000 + "=1"))) < 2000
    assert "\x1b" not in str(refusal("lr=\x1b]0;x\x07"))
    assert "\x1b" not in str(refusal("\x1b]0;x\x07=1"))
    assert "\x1b" not in str(refusal("\x1b]0;x\x07"))


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(pydantic.ValidationError):
        Sample().lr = 1.0
    recipe = Sample()
    assert recipe.replace(lr=1.0).lr == 1.0
    assert recipe.lr == 0.1
    assert hash(recipe) == hash(Sample())


def test_replace_checks_as_the_command_line_does() -> None:
    with pytest.raises(InputFault, match="no setting is called 'stepz'"):
        Sample().replace(stepz=1)
    with pytest.raises(InputFault, match="lr cannot be"):
        Sample().replace(lr="fast")
    with pytest.raises(InputFault, match="lr cannot be"):
        Sample().replace(lr=float("nan"))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "steps": st.integers(1, 98),
            "lr": st.floats(1e-300, 1e300),
            "shift": st.floats(-5, 1e300),
            "lrn": st.booleans(),
            "columns": st.sampled_from([1, 2]),
            "without": st.sampled_from([None, "conv3", "conv4"]),
            "sd": st.none() | st.floats(1e-300, 1e300),
            "pair": st.tuples(st.integers(), st.integers()),
            "drops": st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
        },
    )
)
def test_a_recipe_survives_its_record_and_the_command_line(changes: dict) -> None:
    recipe = Sample().replace(**changes)
    assert Sample.parse(json.loads(json.dumps(recipe.model_dump(mode="json")))) == recipe
    assert Sample().override([f"{name}={recipe.written(name)}" for name in Sample.model_fields]) == recipe


@given(
    st.dictionaries(
        st.text(), st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())
    )
)
def test_a_record_that_is_no_recipe_is_refused_and_nothing_else(values: dict) -> None:
    known = {name: value for name, value in values.items() if name in Sample.model_fields}
    if known == values:
        return
    with pytest.raises(InputFault):
        Sample.parse(values)


@pytest.mark.parametrize("name", list(Sample.model_fields))
@given(value=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_a_setting_of_another_kind_is_refused_and_nothing_else(name: str, value: object) -> None:
    try:
        recipe = Sample.parse({name: value})
    except InputFault as fault:
        assert name in fault.what or "fit together" in fault.what  # noqa: PT017 (either outcome is right)
    else:
        assert isinstance(recipe, Sample)


def test_every_setting_is_a_row_with_meaning_and_source() -> None:
    rows = Sample.settings()
    assert [row["name"] for row in rows] == list(Sample.model_fields)
    assert rows[1] == {"name": "lr", "default": 0.1, "meaning": "learning rate", "source": "Section 5"}
