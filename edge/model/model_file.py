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
import math
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np

from edge.errors import ModelError
from edge.formats.archive import open_archive
from edge.model.metadata import check_knowledge, check_review, check_sections, check_texts
from edge.model.runtime import Interpreter
from edge.system.files import exists, replacing
from edge.system.regular_file import read_bytes
from edge.verdict.rule import ReviewRule
from edge.wafer import encoding
from edge.wafer.patterns import PATTERNS

#: Version of the metadata layout.
FORMAT: Final = 2
METADATA_NAME: Final = "metadata.json"
MAX_BYTES: Final = 64 * 2**20
#: Smallest and largest sensible one; `wm-edge convert` stays well inside.
TEMPERATURES: Final = (0.05, 20.0)
SHIPPED: Final = "wm811k.tflite"


@dataclass(frozen=True)
class ModelFile:
    """A checked model file in memory.

    Attributes:
        path: Where it was read from.
        content: All its bytes.
        metadata: The parsed ``metadata.json``; see docs/model-file.md for its keys.
    """

    path: Path
    content: bytes
    metadata: dict[str, Any]

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the whole file."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def name(self) -> str:
        """Short identity for records: the model's name and the first 12 digits of its hash."""
        return f"{self.metadata['name']}@{self.sha256[:12]}"

    @property
    def labels(self) -> tuple[str, ...]:
        """Pattern of each output."""
        return tuple(self.metadata["labels"])

    @property
    def temperature(self) -> float:
        """What logits are divided by before the softmax."""
        return float(self.metadata["temperature"])

    @property
    def review(self) -> ReviewRule:
        """When a wafer goes to a person."""
        rule = self.metadata["review"]
        return ReviewRule(
            {name: float(value) for name, value in rule["below"].items()},
            float(rule["unfamiliar"]["above"]),
            float(rule["mixed"]["above"]),
            int(rule["min_dies"]),
        )

    def check_tensors(self, interpreter: Interpreter) -> tuple[int, int]:
        """Compare the metadata with what the interpreter says of the tensors.

        Returns:
            Index of the logits and of the embedding, which are told apart by their shape.

        Raises:
            ModelError: shape, type or quantisation differ, naming both values.
        """
        size = self.metadata["encoding"]["size"]
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        classes = len(self.labels)
        expected = (
            ("input", inputs, (1, size, size, encoding.PLANES), "input"),
            ("logits", outputs, (1, classes), "output"),
            ("embedding", outputs, (1, self.metadata["embedding"]["size"]), "embedding"),
        )
        found = [
            self._tensor(what, details, shape, self.metadata[section])
            for what, details, shape, section in expected
        ]
        return found[1], found[2]

    def _tensor(
        self,
        what: str,
        details: list[dict[str, Any]],
        shape: tuple[int, ...],
        declared: dict[str, Any],
    ) -> int:
        """Index of the int8 tensor of this shape."""
        shapes = [tuple(int(n) for n in tensor["shape"]) for tensor in details]
        types = [np.dtype(tensor["dtype"]).name for tensor in details]
        if shape not in shapes or types[shapes.index(shape)] != "int8":
            listed = ", ".join(f"{kind} {found}" for kind, found in zip(types, shapes, strict=True))
            raise self._refuse(f"its {what} tensor is {listed}, the metadata says int8 {shape}")
        tensor = details[shapes.index(shape)]
        scale, zero_point = tensor["quantization"]
        same_scale = math.isclose(scale, declared["scale"], rel_tol=1e-5)
        if not same_scale or zero_point != declared["zero_point"]:
            raise self._refuse(
                f"its {what} tensor has scale {scale:.8g} and zero point {zero_point}, "
                f"the metadata says {declared['scale']:.8g} and {declared['zero_point']}"
            )
        return int(tensor["index"])

    def _refuse(self, why: str) -> ModelError:
        return ModelError(
            f"{self.path}: refused, {why}; the file was changed after conversion, "
            "convert it again with `wm-edge convert`"
        )


def shipped_path() -> Path:
    """The model file inside the package."""
    return Path(str(resources.files("edge") / "models" / SHIPPED))


def load(path: str | Path | None = None) -> ModelFile:
    """Read a model file and check its metadata.

    Args:
        path: A model file; None for the one that ships.

    Raises:
        ModelError: missing or unreadable file, not a TFLite model, no metadata, a newer layout,
            an encoding that this version does not have, or metadata that makes no sense.
    """
    path = shipped_path() if path is None else Path(path)
    content = _read(path)
    if content[4:8] != b"TFL3":
        raise ModelError(f"{path}: not a TFLite model (wrong magic bytes)")
    metadata = _read_metadata(path, content)
    _check_metadata(path, metadata)
    return ModelFile(path, content, metadata)


def attach(tflite: bytes, metadata: dict[str, Any]) -> bytes:
    """Append the metadata to a bare ``.tflite``.

    Args:
        tflite: The converter's output, without metadata.
        metadata: JSON-compatible; the hash of ``tflite`` is added under ``tflite_sha256``.

    Returns:
        The model file's bytes; the same input always gives the same bytes.
    """
    metadata = {**metadata, "tflite_sha256": hashlib.sha256(tflite).hexdigest()}
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        entry = zipfile.ZipInfo(METADATA_NAME, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        file.writestr(entry, json.dumps(metadata, indent=1, sort_keys=True), compresslevel=9)
    return tflite + archive.getvalue()


def save(content: bytes, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a model file, whole or not at all.

    Raises:
        ModelError: the file exists and ``overwrite`` is False, or it cannot be written.
    """
    path = Path(path)
    if exists(path) and not overwrite:
        raise ModelError(f"{path}: exists already; choose another name or pass --overwrite")
    try:
        with replacing(path) as file:
            file.write(content)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror})") from error


#: It was given by ``--model``, as an argument, in a file or by a caller.
_CHECK: Final = "check the name of the model file"


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); {_CHECK}") from error
    except ValueError as error:  # a NUL in the name
        raise ModelError(f"{path}: cannot be read ({error}); {_CHECK}") from error


def _read_metadata(path: Path, content: bytes) -> dict[str, Any]:
    try:
        with open_archive(io.BytesIO(content)) as archive:
            entry = archive.getinfo(METADATA_NAME)
            if entry.file_size > MAX_BYTES:
                raise ModelError(f"{path}: refused, its metadata claims {entry.file_size} bytes")
            metadata = json.loads(archive.read(entry))
            start = min(item.header_offset for item in archive.infolist())
    except (zipfile.BadZipFile, KeyError):
        raise ModelError(
            f"{path}: refused, it carries no metadata (truncated, or a bare .tflite that "
            "`wm-edge convert` did not make); labels, encoding and thresholds are unknown"
        ) from None
    # NotImplementedError (an unknown compression) is a RuntimeError.
    except (ValueError, RuntimeError, OSError, EOFError, zlib.error) as error:
        raise ModelError(f"{path}: refused, its metadata cannot be read ({error})") from error
    if not isinstance(metadata, dict):
        raise ModelError(f"{path}: refused, its metadata is not a JSON object")
    body = hashlib.sha256(content[:start]).hexdigest()
    if metadata.get("tflite_sha256") != body:
        raise ModelError(
            f"{path}: refused, its network does not match its metadata (damaged, or changed "
            "after conversion); copy the file again or convert it again"
        )
    return metadata


def _check_metadata(path: Path, metadata: dict[str, Any]) -> None:
    found = metadata.get("format")
    if not isinstance(found, int) or found < 1:
        raise ModelError(f"{path}: refused, its metadata names no format version")
    if found < FORMAT:
        raise ModelError(
            f"{path}: refused, made by an older wm-edge (metadata format {found}, which knows no "
            f"embedding; this version reads {FORMAT}); convert its run again"
        )
    if found > FORMAT:
        raise ModelError(
            f"{path}: refused, made for a newer wm-edge (metadata format {found}, this version "
            f"reads {FORMAT}); upgrade with `pip install -U wm-edge`"
        )
    try:
        _check_values(path, metadata)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(
            f"{path}: refused, its metadata is incomplete or malformed ({error!r})"
        ) from error


def _check_values(path: Path, metadata: dict[str, Any]) -> None:
    try:
        check_texts(metadata)
    except ValueError as error:
        raise ModelError(
            f"{path}: refused, its metadata holds {error}, which no text needs; convert it again"
        ) from error
    declared = metadata["encoding"]
    ours = {"name": encoding.NAME, "version": encoding.VERSION}
    if {key: declared[key] for key in ours} != ours:
        raise ModelError(
            f"{path}: refused, it needs the encoding {declared['name']} version "
            f"{declared['version']}, this wm-edge has {encoding.NAME} version {encoding.VERSION}"
        )
    size = declared["size"]
    if not isinstance(size, int) or not encoding.MIN_SIZE <= size <= 512:
        raise ModelError(f"{path}: refused, encoding size {size!r} makes no sense")
    labels = metadata["labels"]
    if sorted(labels) != sorted(PATTERNS):
        raise ModelError(f"{path}: refused, its labels {labels} are not the nine patterns")
    quantised = metadata["input"]
    expected = (encoding.INPUT_SCALE, encoding.INPUT_ZERO_POINT)
    if not (
        math.isclose(quantised["scale"], expected[0], rel_tol=1e-5)
        and quantised["zero_point"] == expected[1]
    ):
        raise ModelError(
            f"{path}: refused, input scale {quantised['scale']} and zero point "
            f"{quantised['zero_point']} are not the encoding's 1/255 and {expected[1]}"
        )
    low, high = TEMPERATURES
    if not low <= metadata["temperature"] <= high:
        raise ModelError(
            f"{path}: refused, temperature {metadata['temperature']!r} is not in {low:g}..{high:g}"
        )
    for section in ("review", "embedding", "selftest"):
        if section not in metadata:
            raise ModelError(f"{path}: refused, its section {section!r} is lost; convert it again")
    check_sections(metadata)
    check_review(metadata)
    check_knowledge(metadata)
