"""The shape of a model file's sections: what classifier and model card may rely on."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from edge.model.training_sketch import Sketch
from edge.wafer.patterns import PATTERNS
from edge.wafer.probes import PROBES

#: Largest natural logarithm of how much more or less common a pattern is.
MAX_FREQUENCY: Final = 20

#: Coordinates of an embedding; more are no embedding.
MAX_EMBEDDING: Final = 4096

#: Conversion puts a class without wafers at 1e4; far beyond, distances overflow float32.
LARGEST: Final = 1e6

#: What is obeyed instead of shown: control characters, breaks of a line, marks that turn the
#: direction of a text. Halves of a character are not even text.
_OBEYED: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

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
    "review?": {"share": float, "wrong": int, "wrong_caught": int},
}
_REVIEW: Final = {
    "below": dict.fromkeys(PATTERNS, float),
    "frequency": dict.fromkeys(PATTERNS, float),
    "objective": {"*": float},
    "min_dies": int,
    "unfamiliar": {"above": float, "means": [[float]]},
    "mixed": {"above": float, "weights": [float], "bias": float},
}

_QUANTISED: Final = {"scale": float, "zero_point": int}
_BEFORE_AFTER: Final = {"before": float, "after": float}
_SECTIONS: Final = {
    "name": str,
    "temperature": float,
    "input": _QUANTISED,
    "output": _QUANTISED,
    "embedding": {**_QUANTISED, "size": int},
    "review": _REVIEW,
    "selftest": {"logits": [[int]], "embedding": [[int]]},
    "calibration_error?": {"float": _BEFORE_AFTER, "int8": _BEFORE_AFTER, "confidence": float},
    "created?": str,
    "network?": {"name?": str, "recipe?": str, "parameters?": int, "float_sha256?": str},
    "training?": {"data?": str, "wafers?": int, "split?": str, "sketch?": str},
    "tools?": {"*": str},
    "accuracy?": (_ACCURACY, {}, None),
    "intended_use?": [str],
    "not_for?": [str],
    "notice?": (str, [str]),
}


def check_texts(metadata: dict[str, Any]) -> None:
    """Check that no text holds what a terminal, a page or a compiler would obey.

    A notice may have several lines and tabs.

    Raises:
        ValueError: one does; names the place.
    """
    left: list[tuple[str, Any]] = [("", metadata)]
    while left:
        place, value = left.pop()
        if isinstance(value, dict):
            left += [(f"a key{place and ' of ' + place}", key) for key in value]
            left += [(place or str(key), item) for key, item in value.items()]
        elif isinstance(value, list):
            left += [(place, item) for item in value]
        elif isinstance(value, str):
            text = re.sub("[\t\n]", " ", value) if place == "notice" else value
            if found := _OBEYED.search(text):
                raise ValueError(f"a control character (U+{ord(found[0]):04X}) in {place}")


def check_sections(metadata: dict[str, Any]) -> None:
    """Check that every section has the shape it must have.

    Raises:
        TypeError: a section has another type than it must; names it.
    """
    for key, shape in _SECTIONS.items():
        name = key.rstrip("?")
        if not _fits({name: metadata[name]} if name in metadata else {}, {key: shape}):
            raise TypeError(f"{name} is not what it must be")


def check_review(metadata: dict[str, Any]) -> None:
    """Check that what decides over review fits together; after ``check_sections``.

    Raises:
        ValueError: a threshold out of range, or numbers that do not fit the embedding.
    """
    review, size = metadata["review"], metadata["embedding"]["size"]
    classes = len(PATTERNS)
    if set(review["below"]) != set(PATTERNS):
        raise ValueError("its review thresholds are not one a pattern")
    if not all(0 <= value <= 1 for value in (*review["below"].values(), review["mixed"]["above"])):
        raise ValueError("a review threshold is not in 0..1")
    if any(abs(value) > MAX_FREQUENCY for value in review["frequency"].values()):
        raise ValueError(f"a frequency of a pattern is not in -{MAX_FREQUENCY}..{MAX_FREQUENCY}")
    if review["unfamiliar"]["above"] <= 0 or metadata["embedding"]["scale"] <= 0:
        raise ValueError("the largest distance or the embedding's scale is not above 0")
    if size == classes or not 1 <= size <= MAX_EMBEDDING:
        raise ValueError(f"an embedding of {size} coordinates")
    rows = [*review["unfamiliar"]["means"], review["mixed"]["weights"]]
    if len(rows) != classes + 1 or any(len(row) != size for row in rows):
        raise ValueError("its class means or weights do not fit the embedding")
    if any(abs(value) > LARGEST for row in (*rows, [review["mixed"]["bias"]]) for value in row):
        raise ValueError(f"a class mean or weight beyond {LARGEST:g}")


def check_knowledge(metadata: dict[str, Any]) -> None:
    """Check the self-test's answers and the sketch of the training wafers.

    Raises:
        ValueError: they do not fit the network, or cannot be read.
    """
    tests = metadata["selftest"]
    for key, length in (("logits", len(PATTERNS)), ("embedding", metadata["embedding"]["size"])):
        if len(tests[key]) != PROBES or any(len(row) != length for row in tests[key]):
            raise ValueError(f"its self-test is not {PROBES} wafers of {length} {key}")
        if any(not -128 <= value <= 127 for row in tests[key] for value in row):
            raise ValueError(f"its self-test holds {key} that are no int8")
    sketch = metadata.get("training", {}).get("sketch")
    if sketch is not None:
        Sketch.parse(sketch)


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
