"""The calibration manifest: which wafers set the activation ranges of a model file."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from edge.model.model_file import ModelFile
from edge.system.regular_file import read_text
from edge.system.typed import MismatchError, decode
from edge.wafer.patterns import PatternSet

#: A manifest of a thousand fingerprints takes 30 kB.
_MAX_BYTES: Final = 16 * 2**20


class _Manifest(Struct, frozen=True):
    per_class: dict[str, Annotated[int, Meta(ge=0)]]
    part: str = "unknown"
    fingerprints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Calibration:
    """The wafers that set the activation ranges: how many, of which part, of which patterns.

    ``fingerprints`` counts those that the manifest lists; their hash is of a fingerprint a line.
    """

    wafers: int
    part: str
    per_class: dict[str, int]
    fingerprints: int
    fingerprints_sha256: str | None


def calibration_manifest(model: ModelFile) -> dict[str, Any] | None:
    """The manifest in ``NAME.parity.json`` beside the model file.

    Returns:
        None where there is no such file, it cannot be read, or it is of another model file; the
        model file itself still tells how many wafers there were.
    """
    path = model.path.with_name(f"{model.path.stem}.parity.json")
    try:
        content = json.loads(read_text(path, _MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("model_sha256") != model.sha256:
        return None
    found = content.get("calibration")
    return found if isinstance(found, dict) else None


def checked(manifest: Any, patterns: PatternSet) -> Calibration | None:
    """The manifest as far as it is sound; it comes from a file that anyone may have written."""
    try:
        found = decode(_Manifest, manifest)
    except MismatchError:
        return None
    per_class = {name: found.per_class.get(name, 0) for name in patterns}
    # JSON may hold half a character.
    prints = "\n".join(found.fingerprints).encode("utf-8", "surrogatepass")
    return Calibration(
        sum(per_class.values()),
        found.part,
        per_class,
        len(found.fingerprints),
        hashlib.sha256(prints).hexdigest() if found.fingerprints else None,
    )
