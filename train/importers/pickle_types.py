"""What a pickled data frame is unpickled into: classes that store and call nothing.

They stand in for numpy's and pandas' classes while ``restricted_unpickler`` reads a file. What they
store comes from outside and is checked when it is asked for (``Array.values``), by this module's
own code: numpy's ``__setstate__`` never sees a file's state.

A stand-in array keeps the very string or bytes object the unpickler made: one byte a die.
"""

from __future__ import annotations

import math
import pickle  # for its exception only
import re
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

_DTYPE: Final = re.compile(r"b1|[ui][1248]|f[248]|[SU][1-9][0-9]{0,4}|O[48]?")
_MAX_DIMENSIONS: Final = 3
_MAX_LENGTH: Final = 1 << 40


class StubBase:
    """Base of the stand-ins: takes any arguments, keeps none, refuses state.

    Every stand-in has ``__setstate__`` as a method, so that a pickle that applies state to the
    *class* fails instead of rewriting it.
    """

    __slots__ = ()

    def __init__(self, *_args: object) -> None:
        """Accept what the pickle passes."""

    def __setstate__(self, state: object) -> None:
        """Refuse state.

        Raises:
            pickle.UnpicklingError: always.
        """
        raise pickle.UnpicklingError(f"unexpected state for {type(self).__name__}")


class Dtype(StubBase):
    """Stand-in for ``numpy.dtype``."""

    __slots__ = ("code", "order")

    def __init__(self, code: object = None, *_flags: object) -> None:
        self.code = code  # u1, S4, O8
        self.order: object = "|"

    def __setstate__(self, state: Any) -> None:
        """Keep the byte order of numpy's state tuple (version, order, ...)."""
        self.order = state[1]

    def numpy(self) -> np.dtype[Any]:
        """The real type: bool, integer, float, bytes, text or object.

        Raises:
            pickle.UnpicklingError: any other type (structured, void, time).
        """
        code = self.code.decode("latin-1") if isinstance(self.code, bytes) else self.code
        if not isinstance(code, str):
            raise pickle.UnpicklingError("an array type without a name")
        if self.order not in ("<", ">", "|", "=") or not _DTYPE.fullmatch(code):
            raise pickle.UnpicklingError(f"arrays of type {code[:20]!r} do not belong here")
        return np.dtype("O" if code[0] == "O" else f"{self.order}{code}")


class Array(StubBase):
    """Stand-in for ``numpy.ndarray``: the parts of its state, unchecked until asked for.

    Attributes:
        shape: Sides, as the pickle states them.
        dtype: A ``Dtype``, as the pickle states it.
        fortran: Whether the payload runs down the columns (MATLAB's order, as in LSWMD.pkl).
        payload: latin-1 str, bytes or bytearray of the values; a list for object arrays.
    """

    __slots__ = ("dtype", "fortran", "payload", "shape")

    def __init__(self, *_args: object) -> None:
        self.shape: Any = (0,)
        self.dtype: Any = None
        self.fortran: Any = False
        self.payload: Any = b""

    def __setstate__(self, state: Any) -> None:
        """Keep numpy's state tuple (version, shape, dtype, is_fortran, payload)."""
        _, self.shape, self.dtype, self.fortran, self.payload = state

    @property
    def size(self) -> int:
        """Number of values that the shape promises.

        Raises:
            pickle.UnpicklingError: the shape is not a short tuple of whole numbers.
        """
        shape = self.shape
        if type(shape) is not tuple or len(shape) > _MAX_DIMENSIONS:
            raise pickle.UnpicklingError("an array without a usable shape")
        if any(type(side) is not int or not 0 <= side <= _MAX_LENGTH for side in shape):
            raise pickle.UnpicklingError("an array of impossible shape")
        return math.prod(shape)

    @property
    def is_object(self) -> bool:
        """Whether the values are Python objects (``items``) rather than numbers (``values``)."""
        return self._numpy_dtype().kind == "O"

    def values(self) -> npt.NDArray[Any]:
        """The real array, read-only where the payload is.

        Raises:
            pickle.UnpicklingError: shape, type and payload do not fit together.
        """
        dtype = self._numpy_dtype()
        raw = _raw(self.payload)
        if dtype.kind == "O" or self.size * dtype.itemsize != len(raw):
            raise pickle.UnpicklingError(
                f"an array of shape {self.shape} and type {dtype} has {len(raw)} bytes"
            )
        if not raw:
            return np.empty(tuple(min(side, 1) for side in self.shape), dtype)
        order: Literal["C", "F"] = "F" if self.fortran else "C"
        values: npt.NDArray[Any] = np.frombuffer(raw, dtype).reshape(self.shape, order=order)
        return values

    def items(self) -> list[Any]:
        """The objects of an object array, in stored order (see ``fortran``).

        Raises:
            pickle.UnpicklingError: their number is not what the shape promises.
        """
        if not self.is_object or type(self.payload) is not list or len(self.payload) != self.size:
            raise pickle.UnpicklingError(f"an object array of shape {self.shape} does not fit it")
        return self.payload

    def flat(self) -> list[Any]:
        """All objects or numbers, in stored order.

        Raises:
            pickle.UnpicklingError: shape, type and payload do not fit together.
        """
        if not self.size:
            return []
        found: list[Any] = self.items() if self.is_object else self.values().ravel().tolist()
        return found

    def _numpy_dtype(self) -> np.dtype[Any]:
        if type(self.dtype) is not Dtype:
            raise pickle.UnpicklingError("an array without a type")
        return self.dtype.numpy()


class Index(StubBase):
    """Stand-in for every pandas index; ``data`` is None for a range."""

    __slots__ = ("data",)

    def __init__(self, data: object = None, *_args: object) -> None:
        self.data = data


class Categories(StubBase):
    """Stand-in for ``CategoricalDtype``: the index of what the codes of a column stand for."""

    __slots__ = ("index",)

    def __init__(self, *_args: object) -> None:
        self.index: object = None

    def __setstate__(self, state: Any) -> None:
        """Keep the index of the state."""
        self.index = state["categories"]


class Extension(StubBase):
    """Stand-in for pandas' array around a numpy array: the texts of pandas 3, or categories.

    ``dtype`` is ``Categories`` where ``data`` are codes.
    """

    __slots__ = ("data", "dtype")

    def __init__(self, *_args: object) -> None:
        self.dtype: object = None
        self.data: object = None

    def __setstate__(self, state: Any) -> None:
        """Keep type and numpy array of the state (dtype, array, and until pandas 2 a {})."""
        self.dtype, self.data, *_ = state


class Block(StubBase):
    """Stand-in for a pandas block: values (columns, rows) and the columns' places."""

    __slots__ = ("placement", "values")

    def __init__(self, values: object = None, placement: object = None, *_ndim: object) -> None:
        self.values = values
        self.placement = placement


class Manager(StubBase):
    """Stand-in for ``BlockManager``: the blocks and the two axes (columns, rows)."""

    __slots__ = ("axes", "blocks")

    def __init__(self, blocks: Any = (), axes: Any = ()) -> None:
        self.blocks, self.axes = blocks, axes  # pandas 1.3 and later

    def __setstate__(self, state: Any) -> None:
        """Keep what pandas 0.14 to 1.2 wrote: (axes, values, items, {"0.14.1": {...}})."""
        layout = state[3]["0.14.1"]
        self.axes = layout["axes"]
        self.blocks = [Block(block["values"], block["mgr_locs"]) for block in layout["blocks"]]


class FrameStub(StubBase):
    """Stand-in for ``pandas.DataFrame``."""

    __slots__ = ("manager",)

    def __init__(self, *_args: object) -> None:
        self.manager: object = None

    def __setstate__(self, state: Any) -> None:
        """Keep the block manager (``_data`` until pandas 1.0, ``_mgr`` since 1.1)."""
        self.manager = state["_mgr"] if "_mgr" in state else state["_data"]


def _raw(payload: object) -> bytes | bytearray:
    if isinstance(payload, str):
        try:
            return payload.encode("latin-1")
        except UnicodeEncodeError as error:
            raise pickle.UnpicklingError("array values that are no bytes") from error
    if isinstance(payload, (bytes, bytearray)):
        return payload
    raise pickle.UnpicklingError(f"array values given as {type(payload).__name__}")
