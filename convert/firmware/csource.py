"""C constants as text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.system.text import printable

_TYPES: Final = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int32": "int32_t",
    "uint64": "uint64_t",
    "float64": "double",
}
_WIDTH: Final = 100
_INDENT: Final = "    "
_LINE: Final = re.compile(f"(.{{1,{_WIDTH - len(_INDENT)}}})(?: |$)")
_INT32_MIN: Final = -(2**31)


def array(name: str, values: npt.NDArray[Any], *, scope: str = "static ") -> str:
    """A constant array of the C type of its dtype; two dimensions keep their rows.

    It is int8, uint8, int32 or float64; ``scope`` stands before ``const``.
    """
    sides = "".join(f"[{side}]" for side in values.shape)
    kind = _TYPES[values.dtype.newbyteorder("=").name]
    rows = values if values.ndim == 2 else values[np.newaxis]
    blocks = [_wrapped(", ".join(map(number, row.tolist()))) for row in rows]
    body = "},\n{\n".join(blocks)
    body = f"{{\n{body}}},\n" if values.ndim == 2 else body
    return f"{scope}const {kind} {name}{sides} = {{\n{body}}};\n"


def number(value: float) -> str:
    """A whole number, or a floating point one with all its digits."""
    if isinstance(value, float):
        return repr(value)
    # -2147483648 is the negative of a number that fits no int.
    return f"({value + 1} - 1)" if value == _INT32_MIN else str(value)


def string(text: str) -> str:
    r"""A string literal; what is not printable ASCII as its UTF-8 bytes in octal."""
    plain = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in text.encode()
    )
    return f'"{plain}"'


def comment(lines: Iterable[str]) -> str:
    """A comment of several lines.

    Nothing in them ends it: no ``*/``, also none that a spliced line or a trigraph would make.
    """
    text = "\n * ".join(map(_commented, lines))
    return f"/* {text}\n */\n"


def _commented(line: str) -> str:
    """One line of a comment."""
    shown = printable(" ".join(line.split()).replace("\\", "_"), "_")
    for pair in ("*/", "/*", "??"):
        while pair in shown:
            shown = shown.replace(pair, " ".join(pair))
    return shown


def _wrapped(text: str) -> str:
    """Lines as long as they may be; no number is longer than one."""
    return _LINE.sub(rf"{_INDENT}\1\n", text) or "\n"
