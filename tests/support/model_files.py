"""Model files with one thing changed, so that a refusal can be provoked."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.model.model_file import ModelFile, attach

#: The model file that shipped first, of which tests know more than that it ships.
OLD = Path(__file__).parents[1] / "data" / "wm811k-2026-11.tflite"

Change = Callable[[dict[str, Any]], object]


def bare(content: bytes) -> bytes:
    """The network without the metadata at its end."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return content[: min(entry.header_offset for entry in archive.infolist())]


def changed(model: ModelFile, change: Change) -> bytes:
    """The model file with other metadata; the hash of the network stays right."""
    document = model.document
    change(document)
    return attach(bare(model.content), document)


def with_metadata(model: ModelFile, change: Change) -> ModelFile:
    """The same in memory, past the audit of ``edge.model.model_file.load``."""
    document = model.document
    change(document)
    return ModelFile.of(Path("changed.tflite"), bare(model.content), document)


def called(*names: str, **meaning: Any) -> Change:
    """A change: the patterns get other names, in their order, and another ``meaning``."""

    def change(metadata: dict[str, Any]) -> None:
        new = dict(zip(metadata["labels"], names, strict=True))
        review, accuracy = metadata["review"], metadata["accuracy"]
        tables = [(review, key) for key in ("below", "frequency", "holds") if key in review]
        tables += [(form, "per_class") for form in accuracy.values() if "per_class" in str(form)]
        for place, key in tables:
            place[key] = {new[name]: value for name, value in place[key].items()}
        metadata |= {"labels": list(names), "patterns": {"none": names[-1], **meaning}}

    return change


def put(*keys: Any, value: Any) -> Change:
    """A change: one value, found by its keys."""

    def change(metadata: dict[str, Any]) -> None:
        place: Any = metadata
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value

    return change
