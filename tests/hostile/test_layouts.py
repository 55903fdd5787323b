"""Names and shapes that a stranger wrote: every landmark recognises a layout or refuses, whatever they are."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from importlib import import_module
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tiny import TINIES

import epochal
from epochal import landmarks as table
from epochal.core.fault import InputFault
from epochal.interop.layout import Layout

# Names of other libraries' layouts, and such as no network has.
OTHERS = (
    "features.0.weight",
    "conv1.0",
    "conv2.1",
    "linear.weight",
    "0.weight",
    "3.bias",
    "fc.weight",
    "fcx.weight",
    "",
)
SIDES = st.integers(0, 12)
SHAPES = st.lists(SIDES, max_size=5).map(tuple)

CLASSIFIERS = [name for name in table.CHRONOLOGY if epochal.landmark(name).gives == "classifier"]


@cache
def known(name: str) -> tuple[dict[str, tuple[int, ...]], ...]:
    """The names and shapes of a landmark's networks, once for all that have the same names; the smallest come first."""
    build = import_module(f"epochal.landmarks.{name}.networks").network
    recipes = [TINIES[name], *epochal.recipes(name).values()]
    with torch.device("meta"):
        states = [{key: tuple(t.shape) for key, t in build(recipe, 5).state_dict().items()} for recipe in recipes]
    return tuple(sorted({frozenset(shapes): shapes for shapes in states}.values(), key=len))


def recognised(name: str, shapes: dict[str, tuple[int, ...]], **options: Any) -> None:
    exchange = import_module(f"epochal.landmarks.{name}.exchange")
    try:
        layout = exchange.layout_of(shapes, **options)
    except InputFault:
        return
    assert isinstance(layout, Layout)
    assert layout.name in exchange.LAYOUTS
    with suppress(InputFault):
        import_module(f"epochal.landmarks.{name}.transfer").own_recipe(layout.settings)


@pytest.mark.parametrize("name", CLASSIFIERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_names_and_shapes_are_recognised_or_refused(name: str, data: st.DataObject) -> None:
    shapes = dict(data.draw(st.sampled_from(known(name))))
    names = st.sampled_from((*shapes, *OTHERS))
    for key in data.draw(st.lists(names, max_size=4)):
        shapes.pop(key, None)
    shapes.update(data.draw(st.dictionaries(names, SHAPES, max_size=6)))
    layouts = import_module(f"epochal.landmarks.{name}.exchange").LAYOUTS
    wanted = data.draw(st.sampled_from((None, *layouts, "keras")))
    recognised(name, shapes, wanted=wanted, kind=data.draw(st.sampled_from(("", "caffe"))))


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (4, 0, 3, 3), (0, 3, 5, 5), (0, 0, 0, 0), (1,) * 8], ids=str)
def test_every_single_tensor_may_have_any_shape(name: str, shape: tuple[int, ...]) -> None:
    for shapes in known(name)[:4]:
        for key in shapes:
            recognised(name, {**shapes, key: shape})
