"""Reading a pickled data frame without pandas and without trusting it.

WM-811K is published as pickles only, and a pickle may call anything that it can name. The
unpickler here admits a closed list of names, each answered by an inert stand-in
(``pickle_types``); any other name ends the import before it is looked up. Neither pandas nor
numpy's own unpickling takes part, so the pandas version that wrote a file is no matter.

Layouts, each checked against files that those versions wrote:

* pandas 0.19 under Python 2 (protocols 0 to 2), as ``LSWMD.pkl`` was: ``pandas.indexes``, byte
  strings read as latin-1, ``BlockManager`` set up by a state tuple.
* pandas 1.x, 2.x, 3.x under Python 3 (protocols 2 to 5): ``_unpickle_block``, numpy buffers by
  ``_frombuffer``, bytes by ``_codecs.encode`` (protocol 2).
"""

from __future__ import annotations

import gc
import pickle  # the restricted subclass below is the point of this module
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from edge.errors import DataError, why
from train.importers import pickle_file
from train.importers.pickle_types import (
    Array,
    Block,
    Categories,
    Dtype,
    Extension,
    FrameStub,
    Index,
    Manager,
    StubBase,
)

if TYPE_CHECKING:
    from pathlib import Path

    from train.importers.pickle_file import Progress

_BROKEN: Final = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    *pickle_file.BADLY_PACKED,
)


class _Call:
    """A function for the pickle to call that it cannot change (functions take state, this not)."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, *args: object) -> object:
        return self._function(*args)

    def __setstate__(self, state: object) -> NoReturn:
        raise pickle.UnpicklingError("unexpected state for a function")


def _reconstruct(kind: object, *_args: object) -> Array:
    if kind is not Array:
        raise pickle.UnpicklingError("only plain arrays can be reconstructed")
    return Array()


def _from_buffer(payload: object, dtype: object, shape: object, order: object) -> Array:
    if order not in ("C", "F"):
        raise pickle.UnpicklingError(f"array order {order!r:.20}")
    array = Array()
    array.__setstate__((1, shape, dtype, order == "F", payload))
    return array


def _scalar(dtype: object, payload: object) -> object:
    array = Array()
    array.__setstate__((1, (1,), dtype, False, payload))
    return array.values()[0].item()


def _encode(text: object, encoding: object) -> object:
    # Bytes in protocol 2 by Python 3. The text stays as it is: `_raw` encodes it when needed.
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("only latin-1 bytes are expected")
    return text


def _no_bytes(*args: object) -> bytes:
    if args:
        raise pickle.UnpicklingError("only empty bytes are made by a call")
    return b""


def _new_index(_kind: object, state: Any) -> Index:
    return Index(state.get("data"))


def _new_object(kind: object, *_args: object) -> object:
    makers: dict[object, Callable[[], object]] = {
        FrameStub: FrameStub,
        Manager: Manager,
        Index: Index,
    }
    return makers[kind]()


def _admitted() -> dict[tuple[str, str], object]:
    names: dict[tuple[str, str], object] = {
        ("numpy", "dtype"): Dtype,
        ("numpy", "ndarray"): Array,
        ("_codecs", "encode"): _Call(_encode),
        ("pandas._libs.internals", "_unpickle_block"): Block,
        ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"): _Call(Extension),
        ("pandas.arrays", "StringArray"): StubBase,
        ("pandas", "StringDtype"): StubBase,
        ("pandas", "Categorical"): StubBase,
        ("pandas", "CategoricalDtype"): Categories,
        ("pandas.core.arrays.categorical", "Categorical"): StubBase,
        ("pandas.core.dtypes.dtypes", "CategoricalDtype"): Categories,
    }
    for core in ("numpy.core", "numpy._core"):
        names[f"{core}.multiarray", "_reconstruct"] = _Call(_reconstruct)
        names[f"{core}.multiarray", "scalar"] = _Call(_scalar)
        names[f"{core}.numeric", "_frombuffer"] = _Call(_from_buffer)
    for builtins in ("__builtin__", "builtins"):
        names[builtins, "slice"] = slice
        names[builtins, "bytes"] = _Call(_no_bytes)
        names[builtins, "object"] = StubBase
    for registry in ("copy_reg", "copyreg"):
        names[registry, "_reconstructor"] = _Call(_new_object)
    for module in ("pandas", "pandas.core.frame"):
        names[module, "DataFrame"] = FrameStub
    for module in ("pandas.core.internals", "pandas.core.internals.managers"):
        names[module, "BlockManager"] = Manager
    for module in ("pandas.indexes", "pandas.core.indexes"):
        names[f"{module}.base", "_new_Index"] = _Call(_new_index)
        names[f"{module}.base", "Index"] = Index
        names[f"{module}.range", "RangeIndex"] = Index
        names[f"{module}.numeric", "Int64Index"] = Index
    names["pandas", "Index"] = names["pandas", "RangeIndex"] = Index
    return names


#: Every (module, name) a pickle may mention, and what it gets for it.
ADMITTED: Final = _admitted()


class FrameUnpickler(pickle.Unpickler):
    """The C unpickler, except that names are answered from ``ADMITTED`` alone."""

    def __init__(self, file: Any, source: str) -> None:
        """Read from ``file``; ``source`` is its name in messages."""
        super().__init__(file, encoding="latin1")
        self._source = source

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name.

        Raises:
            DataError: the name is not admitted; nothing has been imported or called.
        """
        try:
            return ADMITTED[module, name]
        except KeyError:
            pass
        hint = (
            " (if you trust it: load it with pandas and save it again with plain object columns)"
            if module.partition(".")[0] in ("pandas", "pyarrow")
            else ""
        )
        what = f"{self._source}: refused: it names {module}.{name}"
        raise DataError(f"{what}; a wafer data set needs no such thing{hint}")


def load(path: Path, *, progress: Progress | None = None) -> object:
    """Unpickle a file into plain Python values and the stand-ins of this module.

    Args:
        path: The pickle, any protocol; also compressed with gzip, bzip2, xz, or in a zip archive.
        progress: Called with bytes read and bytes in all, about once a megabyte.

    Raises:
        DataError: unreadable, truncated, it unpacks to more than ``pickle_file.MAX_UNPACKED``
            bytes, or it names anything outside ``ADMITTED``.
    """
    collecting = gc.isenabled()
    gc.disable()  # millions of stand-ins and no cycles: collecting would only cost time
    try:
        with pickle_file.opened(path, progress) as file:
            return FrameUnpickler(file, str(path)).load()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({why(error)})") from error
    except MemoryError as error:
        raise DataError(
            f"{path}: does not fit into memory (it may take {pickle_file.MAX_MEMORY >> 30} GiB), "
            "or is damaged"
        ) from error
    except _BROKEN as error:
        raise DataError(
            f"{path}: not a readable pickle ({error}); was the download complete?"
        ) from error
    finally:
        if collecting:
            gc.enable()
