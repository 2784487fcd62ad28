"""The audit of a model file: a station stops at the first bad finding, the gate shows them all."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeVar

from edge.model import metadata
from edge.model.metadata import FORMAT, SEVERAL_FORMAT, EncodingId, Meaning, Quantised, Review
from edge.system.text import obeyed
from edge.system.typed import MismatchError, decode
from edge.wafer import encoding

T = TypeVar("T")


class Finding(NamedTuple):
    """What one check of ``edge.gate.checks.MODEL_CHECKS`` found, or what is wrong and the mend."""

    check: str
    message: str
    sound: bool = True


def audit(network: bytes, document: dict[str, Any]) -> Iterator[Finding]:
    """Check all that can be said of a bare ``.tflite`` and its metadata without a runtime."""
    for check, look in _CHECKS:
        try:
            finding = Finding(check, look(network, document))
        except MismatchError as error:
            finding = Finding(
                check, f"its metadata is malformed: {error}; convert it again", sound=False
            )
        except ValueError as error:
            finding = Finding(check, str(error), sound=False)
        yield finding


def _network_hash(network: bytes, document: dict[str, Any]) -> str:
    found = hashlib.sha256(network).hexdigest()
    if document.get("tflite_sha256") != found:
        raise ValueError(
            f"its network (sha256 {found[:12]}) does not match its metadata (damaged, or changed "
            "after conversion); copy the file again or convert it again"
        )
    return f"sha256 {found[:12]}"


def _format(_network: bytes, document: dict[str, Any]) -> str:
    found = document.get("format")
    if type(found) is not int or found < 1:
        raise ValueError("its metadata names no format version")
    if found < FORMAT:
        what = f"format {found}, which knows no embedding; this version reads {FORMAT}"
        raise ValueError(f"made by an older wm-edge (metadata {what}); convert its run again")
    if found > SEVERAL_FORMAT:
        reads = f"this version reads {SEVERAL_FORMAT}"
        what = f"made for a newer wm-edge (metadata format {found}, {reads})"
        raise ValueError(f"{what}; upgrade with `pip install -U wm-edge`")
    return f"metadata format {found}"


def _texts(_network: bytes, document: dict[str, Any]) -> str:
    if found := obeyed(document):
        raise ValueError(f"its metadata holds {found}, which no text needs; convert it again")
    return "no control characters"


def _encoding(_network: bytes, document: dict[str, Any]) -> str:
    declared = _section(document, "encoding", EncodingId)
    ours = EncodingId(encoding.NAME, encoding.VERSION, encoding.SIZE)
    if str(declared) != str(ours):
        raise ValueError(
            f"it needs the encoding {declared}, this wm-edge has {ours}: convert the run again, or "
            "install the wm-edge that made the file"
        )
    return f"{declared}, {declared.size} cells a side"


def _labels(_network: bytes, document: dict[str, Any]) -> str:
    labels = _section(document, "labels", tuple[str, ...])
    meaning = _section(document, "patterns", Meaning) if "patterns" in document else None
    try:
        metadata.pattern_set(labels, meaning)
    except MismatchError as error:
        raise ValueError(f"its labels {error}") from None
    return ", ".join(labels)


def _declared_input(_network: bytes, document: dict[str, Any]) -> str:
    found = _section(document, "input", Quantised)
    if not found.same(encoding.INPUT_SCALE, encoding.INPUT_ZERO_POINT):
        raise ValueError(
            f"input scale {found.scale:.8g} and zero point {found.zero_point} are not the "
            f"encoding's 1/255 and {encoding.INPUT_ZERO_POINT}"
        )
    return "declared as the encoding has it"


def _review_table(_network: bytes, document: dict[str, Any]) -> str:
    labels = _section(document, "labels", tuple[str, ...])
    try:
        _section(document, "review", Review).check(labels)
    except MismatchError as error:
        place = error.place if "review" in error.place[:1] else ("review", *error.place)
        raise MismatchError(place, error.what) from None
    return "one threshold a pattern, and limits"


def _whole(_network: bytes, document: dict[str, Any]) -> str:
    metadata.parsed(document)
    return "all sections"


def _section(document: dict[str, Any], name: str, kind: type[T]) -> T:
    """One section, whatever the others hold."""
    if name not in document:
        raise ValueError(f"its section {name!r} is lost; convert it again")
    try:
        return decode(kind, document[name])
    except MismatchError as error:
        raise MismatchError((name, *error.place), error.what) from None


#: What `load` insists on, in the order in which it does.
_CHECKS: Final[tuple[tuple[str, Callable[[bytes, dict[str, Any]], str]], ...]] = (
    ("network-hash", _network_hash),
    ("model-file", _format),
    ("model-file", _texts),
    ("encoding", _encoding),
    ("labels", _labels),
    ("quantization", _declared_input),
    ("review-table", _review_table),
    ("model-file", _whole),
)
