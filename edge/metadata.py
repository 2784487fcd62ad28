"""The shape of a model file's optional sections: what the model card may rely on."""

from __future__ import annotations

import math
from typing import Any, Final

from edge.patterns import PATTERNS

#: A shape is a type, a list (of one shape: any length), alternatives in a tuple, or a dictionary of
#: shapes by key, where ``?`` marks a key that may be missing and ``*`` stands for any key.
_SCORE: Final = {"n": int, "recall": (float, None), "ci95": [float, float]}
_FIGURES: Final = {"macro_recall": float, "per_class": dict.fromkeys(PATTERNS, _SCORE)}
_ACCURACY: Final = {
    "on": str,
    "wafers": int,
    "float": _FIGURES,
    "int8": _FIGURES,
    "agreement": float,
    "int8_average_symmetries?": (_FIGURES, None),
    "allowed_drop?": (float, None),
}
_SECTIONS: Final = {
    "name": str,
    "created?": str,
    "network?": {"name?": str, "recipe?": str, "parameters?": int},
    "training?": {"data?": str, "wafers?": int, "split?": str},
    "tools?": {"*": str},
    "accuracy?": (_ACCURACY, {}, None),
    "intended_use?": [str],
    "not_for?": [str],
    "notice?": (str, [str]),
}


def check_sections(metadata: dict[str, Any]) -> None:
    """Check the name and the sections that are only shown to people.

    Raises:
        TypeError: a section has another type than it must; names it.
    """
    for key, shape in _SECTIONS.items():
        name = key.rstrip("?")
        if not _fits({name: metadata[name]} if name in metadata else {}, {key: shape}):
            raise TypeError(f"{name} is not what it must be")


def _fits(value: Any, shape: Any) -> bool:
    if isinstance(shape, tuple):
        return any(_fits(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, list) and _fits_items(value, shape)
    if isinstance(shape, dict):
        return isinstance(value, dict) and _fits_keys(value, shape)
    if shape is float:
        return type(value) in (int, float) and math.isfinite(value)
    return value is None if shape is None else type(value) is shape


def _fits_items(value: list[Any], shape: list[Any]) -> bool:
    if len(shape) == 1:
        return all(_fits(item, shape[0]) for item in value)
    return len(value) == len(shape) and all(map(_fits, value, shape))


def _fits_keys(value: dict[str, Any], shape: dict[str, Any]) -> bool:
    if not shape:
        return not value
    if "*" in shape:
        return all(_fits(item, shape["*"]) for item in value.values())
    for key, inner in shape.items():
        name = key.rstrip("?")
        if name not in value:
            if key == name:
                return False
        elif not _fits(value[name], inner):
            return False
    return True
