"""The model file: a ``.tflite`` with ``metadata.json`` in a zip appended to it.

Any TFLite runtime loads it as it is (a flatbuffer ends where it says), ``zipfile`` reads the
metadata. Everything that turns a wafer map into a verdict stands in it, so a model file and this
package are all a station needs. A file whose metadata is missing, newer, or does not match its
tensors is refused: a silent mismatch would give wrong verdicts with full confidence.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from edge.errors import ModelError, UsageError
from edge.formats.archive import UNREADABLE, open_archive
from edge.model.audit import audit
from edge.model.metadata import Metadata, Quantised, Tensors, parsed
from edge.system import shipped
from edge.system.regular_file import read_bytes
from edge.verdict.rule import ReviewRule
from edge.wafer import encoding
from edge.wafer.patterns import PatternSet

if TYPE_CHECKING:
    from edge.model.runtime import Interpreter

METADATA_NAME: Final = "metadata.json"
MAX_BYTES: Final = 64 * 2**20


@dataclass(frozen=True)
class ModelFile:
    """A checked model file in memory: where it was read from, its bytes, what it says of itself."""

    path: Path
    content: bytes
    metadata: Metadata

    def __repr__(self) -> str:
        return f"<ModelFile {self.name}, {len(self.content):,} bytes, {self.path}>"

    @classmethod
    def of(cls, path: Path, tflite: bytes, document: dict[str, Any]) -> ModelFile:
        """A model file made here, in memory; see ``attach``.

        Raises:
            MismatchError: a section is not what it must be.
        """
        return cls(path, attach(tflite, document), parsed(document))

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the whole file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def document(self) -> dict[str, Any]:
        """The metadata as they stand in the file, with keys of later releases."""
        return _taken_apart(self.path, self.content)[1]

    @property
    def network(self) -> bytes:
        """The bare ``.tflite``, without the metadata behind it."""
        return _taken_apart(self.path, self.content)[0]

    @cached_property
    def network_sha256(self) -> str:
        """Hex digest of the network alone: its embedding is the same wherever this is."""
        return self.metadata.tflite_sha256 or hashlib.sha256(self.network).hexdigest()

    @property
    def name(self) -> str:
        """Short identity for records: the model's name and the first 12 digits of its hash."""
        return f"{self.metadata.name}@{self.sha256[:12]}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Pattern of each output."""
        return self.metadata.labels

    @property
    def patterns(self) -> PatternSet:
        """What it tells apart: the one order of all figures; that of its outputs may differ."""
        return self.metadata.patterns

    def require_exclusive(self, what: str) -> None:
        """Refuse a file that names several patterns a wafer; ``what`` takes one, in words.

        Raises:
            UsageError: it is.
        """
        if self.patterns.is_several:
            why = f"names several patterns a wafer, and {what} is for files that name one"
            raise UsageError(f"{self.path}: {why}; see docs/several-patterns.md")

    @property
    def temperature(self) -> float:
        """What logits are divided by before the softmax."""
        return self.metadata.temperature

    @property
    def review(self) -> ReviewRule:
        """When a wafer goes to a person."""
        rule = self.metadata.review
        return ReviewRule(
            rule.below, rule.unfamiliar.above, rule.mixed.above, rule.min_dies, self.patterns
        )


def check_tensors(
    path: Path, declared: Tensors, interpreter: Interpreter, patterns: int
) -> tuple[int, int]:
    """Compare what a model file declares with what the interpreter says of its tensors.

    Returns:
        Index of the logits and of the embedding, which are told apart by their shape.

    Raises:
        ModelError: shape, type or quantisation differ, naming both values.
    """
    size, outputs = declared.encoding.size, interpreter.get_output_details()
    image = (1, size, size, encoding.PLANES)
    try:
        _place("input", interpreter.get_input_details(), image, declared.input)
        return (
            _place("logits", outputs, (1, patterns), declared.output),
            _place("embedding", outputs, (1, declared.embedding.size), declared.embedding),
        )
    except ValueError as error:
        raise refusal(
            path,
            f"{error}; the file was changed after conversion, convert it again with "
            "`wm-edge convert`",
        ) from None


def _place(
    what: str, details: list[dict[str, Any]], shape: tuple[int, ...], declared: Quantised
) -> int:
    """Index of the int8 tensor of this shape; ValueError where it is not as declared."""
    shapes = [tuple(int(n) for n in tensor["shape"]) for tensor in details]
    types = [np.dtype(tensor["dtype"]).name for tensor in details]
    if shape not in shapes or types[shapes.index(shape)] != "int8":
        listed = ", ".join(f"{kind} {found}" for kind, found in zip(types, shapes, strict=True))
        raise ValueError(f"its {what} tensor is {listed}, the metadata says int8 {shape}")
    tensor = details[shapes.index(shape)]
    scale, zero_point = tensor["quantization"]
    if not declared.same(scale, zero_point):
        raise ValueError(
            f"its {what} tensor has scale {scale:.8g} and zero point {zero_point}, "
            f"the metadata says {declared.scale:.8g} and {declared.zero_point}"
        )
    return int(tensor["index"])


def load(path: str | Path | None = None) -> ModelFile:
    """Read a model file and check its metadata.

    Args:
        path: A path; of a text, the name of a model file that ships (``edge.system.shipped``) goes
            before a file of that name. None: the default of those that ship.

    Raises:
        ModelError: missing or unreadable file, not a TFLite model, no metadata, a newer layout,
            an encoding that this version does not have, or metadata that makes no sense.
    """
    path = shipped.shipped_path() if path is None else shipped.located(path) or Path(path)
    content, network, document = read_parts(path)
    for finding in audit(network, document):
        if not finding.sound:
            raise refusal(path, finding.message)
    return ModelFile(path, content, parsed(document))


def refusal(path: Path, why: str) -> ModelError:
    """The error for a file that no station may use."""
    return ModelError(f"{path}: refused, {why}")


def attach(tflite: bytes, document: dict[str, Any]) -> bytes:
    """Append the metadata, with the network's hash, to a bare ``.tflite``: alike from the same."""
    document = {**document, "tflite_sha256": hashlib.sha256(tflite).hexdigest()}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        entry = zipfile.ZipInfo(METADATA_NAME, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(entry, json.dumps(document, indent=1, sort_keys=True), compresslevel=9)
    return tflite + archive.getvalue()


def read_parts(path: Path) -> tuple[bytes, bytes, dict[str, Any]]:
    """The whole file, its network and its metadata, whatever they say.

    Raises:
        ModelError: it cannot be read, is no TFLite model or carries no metadata.
    """
    try:
        content = read_bytes(path, MAX_BYTES)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        # It was given by ``--model``, as an argument, in a file or by a caller.
        raise ModelError(
            f"{path}: cannot be read ({reason}); check the name of the model file: "
            f"{shipped.known()}"
        ) from error
    if content[4:8] != b"TFL3":
        raise ModelError(f"{path}: not a TFLite model (wrong magic bytes)")
    return (content, *_taken_apart(path, content))


def _taken_apart(path: Path, content: bytes) -> tuple[bytes, dict[str, Any]]:
    try:
        with open_archive(io.BytesIO(content)) as archive:
            entry = archive.getinfo(METADATA_NAME)
            if entry.file_size > MAX_BYTES:
                raise refusal(path, f"its metadata claims {entry.file_size} bytes")
            document = json.loads(archive.read(entry))
            start = min(item.header_offset for item in archive.infolist())
    except (zipfile.BadZipFile, KeyError):
        raise refusal(
            path,
            "it carries no metadata (truncated, or a bare .tflite that `wm-edge convert` did not "
            "make); labels, encoding and thresholds are unknown",
        ) from None
    except UNREADABLE as error:
        raise refusal(path, f"its metadata cannot be read ({error})") from error
    if not isinstance(document, dict):
        raise refusal(path, "its metadata is not a JSON object")
    return content[:start], document
