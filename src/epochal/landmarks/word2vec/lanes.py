"""Sixteen float32 at once, as numbers of compiled code: one register of a processor with AVX-512, two of one with AVX2.

The compiler turns loops into such registers by itself, but not short ones whose length it does not know: it makes
blocks of 32 and does the rest one by one, which for rows of 112 numbers is most of the time. Here a row is read, added
and written 16 numbers at a time, and that is all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model

LANES = 16
_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_INT = ir.IntType(32)


class Lanes(types.Type):
    """The type, for the compiler."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


LANE_TYPE = Lanes()


@register_model(Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _place(context: Any, builder: Any, kind: Any, array: Any, places: list[Any], kinds: list[Any]) -> Any:
    """The address of an element of an array."""
    found = context.make_array(kind)(context, builder, array)
    strides = cgutils.unpack_tuple(builder, found.strides)
    address = builder.ptrtoint(found.data, ir.IntType(64))
    for place, place_kind, stride in zip(places, kinds, strides, strict=True):
        number = context.cast(builder, place, place_kind, types.int64)
        address = builder.add(address, builder.mul(number, stride))
    return address


def _load(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind, *kinds = signature.args
    address = _place(context, builder, kind, arguments[0], list(arguments[1:]), kinds)
    return builder.load(builder.inttoptr(address, _VECTOR.as_pointer()), align=4)


def _store(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind, *kinds = signature.args
    address = _place(context, builder, kind, arguments[0], list(arguments[1:-1]), kinds[:-1])
    builder.store(arguments[-1], builder.inttoptr(address, _VECTOR.as_pointer()), align=4)
    return context.get_dummy_value()


@intrinsic
def load(typing: Any, array: Any, column: Any) -> tuple[Any, Callable[..., Any]]:
    """Sixteen numbers of a vector, from a place on."""
    return LANE_TYPE(array, column), _load


@intrinsic
def load_row(typing: Any, array: Any, row: Any, column: Any) -> tuple[Any, Callable[..., Any]]:
    """Sixteen numbers of a matrix's row, from a column on."""
    return LANE_TYPE(array, row, column), _load


@intrinsic
def store(typing: Any, array: Any, column: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Write sixteen numbers into a vector."""
    return types.void(array, column, value), _store


@intrinsic
def store_row(typing: Any, array: Any, row: Any, column: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """Write sixteen numbers into a matrix's row."""
    return types.void(array, row, column, value), _store


@intrinsic
def spread(typing: Any, number: Any) -> tuple[Any, Callable[..., Any]]:
    """The same number sixteen times."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value = context.cast(builder, arguments[0], signature.args[0], types.float32)
        first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, ir.Constant(_INT, 0))
        return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(_INT, LANES), [0] * LANES))

    return LANE_TYPE(number), written


@intrinsic
def times_plus(typing: Any, a: Any, b: Any, c: Any) -> tuple[Any, Callable[..., Any]]:
    """a * b + c, rounded once."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        wanted = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, wanted, f"llvm.fma.v{LANES}f32"), arguments)

    return LANE_TYPE(a, b, c), written


@intrinsic
def summed(typing: Any, value: Any) -> tuple[Any, Callable[..., Any]]:
    """The sum of the sixteen, halves added to halves."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        rest, size = arguments[0], LANES
        while size > 1:
            size //= 2
            chosen = [ir.Constant(ir.VectorType(_INT, size), list(range(begin, begin + size))) for begin in (0, size)]
            halves = [builder.shuffle_vector(rest, rest, mask) for mask in chosen]
            rest = builder.fadd(*halves)
        return builder.extract_element(rest, ir.Constant(_INT, 0))

    return types.float32(value), written


@intrinsic
def fetch(typing: Any, array: Any, row: Any, column: Any) -> tuple[Any, Callable[..., Any]]:
    """Ask for a line of the cache ahead of time, to be written too; nothing waits for it."""

    def written(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind, *kinds = signature.args
        address = _place(context, builder, kind, arguments[0], list(arguments[1:]), kinds)
        pointer = ir.IntType(8).as_pointer()
        wanted = ir.FunctionType(ir.VoidType(), [pointer, _INT, _INT, _INT])
        function = cgutils.get_or_insert_function(builder.module, wanted, "llvm.prefetch.p0i8")
        for_writing, into_the_first_cache, of_data = (ir.Constant(_INT, number) for number in (1, 3, 1))
        builder.call(function, [builder.inttoptr(address, pointer), for_writing, into_the_first_cache, of_data])
        return context.get_dummy_value()

    return types.void(array, row, column), written
