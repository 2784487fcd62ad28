"""The bytes of a ``.tflite`` as a network, by the schema that comes with the runtime.

FlatBuffers are read without looking whether their offsets make sense. So what Python stumbles over
means damage, how much is made of a file is bounded by its size, and everything that others rely on
(numbers of tensors, lengths) is checked here.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import struct
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.errors import ModelError
from edge.model.network import SUMMED, WEIGHTS_INPUT, Network, Operator, Tensor

MAGIC: Final = b"TFL3"
#: Where the runtimes keep the schema.
_SCHEMAS: Final = {
    "ai_edge_litert": "schema_py_generated.py",
    "tensorflow": "lite/python/schema_py_generated.py",
}
#: Tensors, operators, numbers in a list; far more than any network for wafers has.
_MOST: Final = 65536
#: Sides of a tensor; TFLite's kernels take 8 at most.
_SIDES: Final = 16
#: How often a file may refer to the same of its bytes, on average.
_SHARED: Final = 4
#: Place of the newer number of an operator's kind among the fields of its table, in bytes.
_BUILTIN_CODE: Final = 10
#: What hostile offsets end in.
_DAMAGE: Final = (struct.error, LookupError, TypeError, ValueError, OverflowError)
#: Methods of the schema's classes that give something else than a field.
_HELPERS: Final = ("Length", "AsNumpy", "IsNone")


@cache
def schema() -> ModuleType:
    """TFLite's schema as Python classes.

    Raises:
        ModelError: neither a runtime that brings it nor the package ``tflite`` is installed.
    """
    for package, place in _SCHEMAS.items():
        found = importlib.util.find_spec(package)
        for folder in (found and found.submodule_search_locations) or ():
            path = Path(folder, place)
            # By its file: the package itself loads native code, which another runtime in this
            # process may not survive.
            if path.exists() and (spec := importlib.util.spec_from_file_location(path.stem, path)):
                module = importlib.util.module_from_spec(spec)
                spec.loader.exec_module(module)  # type: ignore[union-attr]  # a file has one
                return module
    try:
        return importlib.import_module("tflite")
    except ImportError as error:
        raise ModelError(
            "to look into a model file takes TFLite's schema, which is not installed: "
            "pip install ai-edge-litert, or where that has no wheel pip install tflite"
        ) from error


def read(content: bytes, source: str | Path = "the network") -> Network:
    """Look inside a network.

    Args:
        content: Bytes of a ``.tflite``, float or int8, bare or with something appended.
        source: What messages call it: the file's path.

    Raises:
        ModelError: not a TFLite network, a damaged one, or no schema to read it by.
    """
    if content[4:8] != MAGIC:
        raise ModelError(f"{source}: not a TFLite model (wrong magic bytes)")
    try:
        return _Reader(schema(), content).network()
    except _DAMAGE as error:
        raise ModelError(f"{source}: a damaged TFLite model ({error}); copy it again") from error


def unpacked(content: bytes) -> Any:
    """The network as objects of LiteRT's schema, which can be changed."""
    return schema().ModelT.InitFromPackedBuf(bytearray(content), 0)


def made(kind: str, **values: Any) -> Any:
    """One such object, as ``Tensor``."""
    found = getattr(schema(), f"{kind}T")()
    for name, value in values.items():
        setattr(found, name, value)
    return found


def packed(model: Any) -> bytes:
    """The bare ``.tflite`` of such objects."""
    from flatbuffers import Builder

    builder = Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=MAGIC)
    return bytes(builder.Output())


class _Reader:
    """One file; raises what stands in ``_DAMAGE``."""

    def __init__(self, known: Any, content: bytes) -> None:
        self._schema = known
        self._left = _SHARED * len(content)
        self._model = known.Model.GetRootAs(content, 0)

    def network(self) -> Network:
        subgraph = self._tables(self._model, "Subgraphs")[0]
        buffers = [_stored(buffer) for buffer in self._tables(self._model, "Buffers")]
        tensors = [
            self._tensor(index, table, buffers)
            for index, table in enumerate(self._tables(subgraph, "Tensors"))
        ]
        operators = self._operators(subgraph, tensors)
        inputs, outputs = (self._places(subgraph, side, tensors) for side in ("Inputs", "Outputs"))
        computed = {*inputs, *(number for op in operators for number in op.outputs)}
        used = computed.union(outputs, *(op.operands for op in operators))
        found = {
            number: replace(tensors[number], constant=number not in computed)
            for number in sorted(used)
        }
        return Network(tuple(operators), found, inputs, outputs)

    def _operators(self, subgraph: Any, tensors: list[Tensor]) -> list[Operator]:
        codes = [self._code(code) for code in self._tables(self._model, "OperatorCodes")]
        made = []
        for index, table in enumerate(self._tables(subgraph, "Operators")):
            name, custom = codes[table.OpcodeIndex()]
            inputs = self._places(table, "Inputs", tensors, absent=True)
            outputs = self._places(table, "Outputs", tensors)
            macs = _macs(name, inputs, outputs, tensors)
            made.append(Operator(index, name, inputs, outputs, self._options(table), macs, custom))
        return made

    def _code(self, code: Any) -> tuple[str, bool]:
        """Name of a kind of operator, and whether it is a custom one."""
        from flatbuffers.number_types import Int32Flags

        # The older of the two fields holds a byte; files have either, the larger one counts. Read
        # past BuiltinCode(), for which the package tflite gives the older one.
        table = code._tab  # noqa: SLF001
        place = table.Offset(_BUILTIN_CODE)
        newer = table.Get(Int32Flags, table.Pos + place) if place else 0
        number = max(newer, code.DeprecatedBuiltinCode())
        custom = self._text(code.CustomCode())
        names = _names(self._schema.BuiltinOperator)
        return custom or names.get(number, f"BUILTIN_{number}"), bool(custom)

    def _options(self, operator: Any) -> Mapping[str, float]:
        table = operator.BuiltinOptions()
        kind = _names(self._schema.BuiltinOptions).get(operator.BuiltinOptionsType())
        options = getattr(self._schema, kind or "", None)
        if table is None or options is None:
            return {}
        made = options()
        made.Init(table.Bytes, table.Pos)
        found = {name: getattr(made, name)() for name in _fields(options)}
        self._spend(sum(len(value) for value in found.values() if isinstance(value, bytes)))
        return {name: value for name, value in found.items() if isinstance(value, int | float)}

    def _tensor(self, index: int, table: Any, buffers: list[Any]) -> Tensor:
        shape = tuple(self._numbers(table, "Shape"))
        if len(shape) > _SIDES or min(shape, default=0) < 0:
            raise ValueError(f"a tensor of {len(shape)} sides, or with one below 0")
        quantisation, scales, zero_points = table.Quantization(), [], []
        if quantisation is not None:
            scales = self._numbers(quantisation, "Scale")
            zero_points = self._numbers(quantisation, "ZeroPoint")
        return Tensor(
            index,
            self._text(table.Name()),
            shape,
            _names(self._schema.TensorType)[table.Type()].lower(),
            tuple(map(np.float32, scales)),
            tuple(zero_points),
            stored=buffers[table.Buffer()],
        )

    def _places(
        self, table: Any, name: str, tensors: list[Tensor], *, absent: bool = False
    ) -> tuple[int, ...]:
        """Numbers of tensors that are there; -1 stands for one that need not be."""
        found = tuple(self._numbers(table, name))
        if found and not -absent <= min(found) <= max(found) < len(tensors):
            raise ValueError("a number of a tensor that is not there")
        return found

    def _tables(self, table: Any, name: str) -> list[Any]:
        count, field = getattr(table, f"{name}Length")(), getattr(table, name)
        if count > _MOST:
            raise ValueError(f"{count} {name.lower()}")
        return [field(place) for place in range(count)]

    def _numbers(self, table: Any, name: str) -> list[Any]:
        values = getattr(table, f"{name}AsNumpy")()
        if isinstance(values, int):  # not stored
            return []
        if len(values) > _MOST:
            raise ValueError(f"a list of {len(values)} numbers")
        self._spend(values.nbytes)
        found: list[Any] = values.tolist()
        return found

    def _text(self, text: bytes | None) -> str:
        self._spend(len(text or b""))
        return (text or b"").decode()

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise ValueError("it refers to the same bytes again and again")


@cache
def _names(kind: Any) -> Mapping[int, str]:
    """Names of a schema's enumeration by their numbers."""
    return {number: name for name, number in vars(kind).items() if isinstance(number, int)}


@cache
def _fields(options: Any) -> tuple[str, ...]:
    """Fields of an operator's options that hold no list."""
    return tuple(
        name
        for name, method in vars(options).items()
        if inspect.isfunction(method)
        and method.__code__.co_argcount == 1
        and not name.endswith(_HELPERS)
    )


def _stored(buffer: Any) -> npt.NDArray[np.uint8] | None:
    data: Any = buffer.DataAsNumpy()
    return data if not isinstance(data, int) and len(data) else None


def _macs(
    name: str, inputs: tuple[int, ...], outputs: tuple[int, ...], tensors: list[Tensor]
) -> int:
    """Multiply-accumulates of one operator; 0 where it multiplies by no weights."""
    if name not in SUMMED:
        return 0
    weights = tensors[inputs[WEIGHTS_INPUT]]
    return tensors[outputs[0]].elements * math.prod(weights.shape[SUMMED[name]])
