"""Eight samples at a time: a vector of float32 as a value inside compiled kernels.

Where a loop is short, the compiler's own vectorisation spends more on checks that arrays do not overlap than on the sum,
and never keeps a sum in registers while it walks along a curve. Loads and stores written out as vectors need no checks.
The vectors are those of LLVM: on machines with shorter registers each becomes several. With numba switched off they are
NumPy arrays of that length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import config
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

WIDTH = 8
_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
_FUSED = ("contract",)


def _emitted(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """Make a function that emits its own machine code callable from kernels; `plain` does the same on arrays."""

    def made(function: Callable[..., Any]) -> Any:
        return plain if config.DISABLE_JIT else intrinsic(function)  # type: ignore[attr-defined]

    return made


def _part(array: np.ndarray, first: int) -> np.ndarray:
    return array.reshape(-1)[first : first + WIDTH]


def _store(array: np.ndarray, first: int, lanes: np.ndarray) -> None:
    _part(array, first)[:] = lanes


class Lanes(types.Type):  # type: ignore[misc]
    """Eight float32 in registers."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


_LANES = Lanes()


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, numba_type: Any) -> None:
        super().__init__(manager, numba_type, _VECTOR)


def _place(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, args[0])
    return builder.bitcast(builder.gep(array.data, [args[1]]), _VECTOR.as_pointer())


@_emitted(lambda array, first: _part(array, first).copy())
def load(typing: Any, array: Any, first: Any) -> Any:
    """Return the eight float32 of a contiguous array from `first` on; nothing is checked."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(_place(context, builder, signature, args), align=4)

    return _LANES(array, types.intp), emit


@_emitted(_store)
def store(typing: Any, array: Any, first: Any, lanes: Any) -> Any:
    """Write lanes into a contiguous array of float32 from `first` on; nothing is checked."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[2], _place(context, builder, signature, args), align=4)
        return context.get_dummy_value()

    return types.void(array, types.intp, _LANES), emit


@_emitted(lambda value: np.full(WIDTH, value, np.float32))
def spread(typing: Any, value: Any) -> Any:
    """Return lanes that all hold one value."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), args[0], ir.IntType(32)(0))
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        return builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), zeros)

    return _LANES(types.float32), emit


@_emitted(np.add)
def add(typing: Any, one: Any, other: Any) -> Any:
    """Return ``one + other``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(*args, flags=_FUSED)

    return _LANES(_LANES, _LANES), emit


@_emitted(np.subtract)
def subtract(typing: Any, one: Any, other: Any) -> Any:
    """Return ``one - other``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fsub(*args, flags=_FUSED)

    return _LANES(_LANES, _LANES), emit


@_emitted(lambda one, other, summand: one * other + summand)
def fused(typing: Any, one: Any, other: Any, summand: Any) -> Any:
    """Return ``one * other + summand``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.fadd(builder.fmul(args[0], args[1], flags=_FUSED), args[2], flags=_FUSED)

    return _LANES(_LANES, _LANES, _LANES), emit


@_emitted(lambda one: np.maximum(one, np.float32(0.0)))
def ramp(typing: Any, one: Any) -> Any:
    """Return the lanes where they are positive, else 0."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zero = ir.Constant(_VECTOR, [0.0] * WIDTH)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), args[0], zero)

    return _LANES(_LANES), emit


def _call(builder: Any, name: str, args: Any, flags: Any = ()) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR])
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{WIDTH}f32")
    return builder.call(function, args, fastmath=flags)


@_emitted(np.trunc)
def whole(typing: Any, one: Any) -> Any:
    """Return the lanes without their fractions."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _call(builder, "trunc", args)

    return _LANES(_LANES), emit


@_emitted(lambda one: np.float32(1.0) / np.sqrt(one))
def inverse_root(typing: Any, one: Any) -> Any:
    """Return ``1 / sqrt(one)``, a rounding or two off."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        flags = ("contract", "arcp", "afn", "reassoc")
        return builder.fdiv(ir.Constant(_VECTOR, [1.0] * WIDTH), _call(builder, "sqrt", args, flags), flags=flags)

    return _LANES(_LANES), emit


@_emitted(lambda one, limit, total: total + (one <= limit))
def counted(typing: Any, one: Any, limit: Any, total: Any) -> Any:
    """Return ``total + 1`` where ``one <= limit``, else ``total``."""

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        more, none = (ir.Constant(_VECTOR, [value] * WIDTH) for value in (1.0, 0.0))
        within = builder.select(builder.fcmp_ordered("<=", args[0], args[1]), more, none)
        return builder.fadd(args[2], within)

    return _LANES(_LANES, _LANES, _LANES), emit
