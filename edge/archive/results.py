"""Verdicts as Parquet: the columns of a result, and what a folder of results is of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from edge.classification.block import REASONS, Columns
from edge.classification.classifier import Classifier
from edge.errors import UsageError, why
from edge.model.model_file import ModelFile
from edge.model.runtime import Kernels
from edge.system.files import exists, write_text
from edge.system.regular_file import read_bytes
from edge.verdict.rule import ReviewRule, Verdict

#: Says what a folder of results is of; two of them never share one. What reads the folder as one
#: table passes over names that begin so.
NOTE: Final = "_run.json"

#: Bytes of such a note.
_MAX_NOTE: Final = 2**20

#: Changes with the columns, so that results of two layouts have two names.
LAYOUT: Final = 1

#: Steps of a probability in a column ``p_PATTERN``: 255 is 1.
STEPS: Final = 255

#: Columns of the maps that results keep.
KEPT: Final = ("lot", "wafer", "source", "index")
#: Digits of a hash in the name of a result.
_PART, _MODEL, _SETTINGS = 12, 12, 8

_NAME: Final = pa.dictionary(pa.int32(), pa.string())


class Settings(NamedTuple):
    """How wafers are judged.

    Attributes:
        model: The model file.
        review: When a wafer goes to a person.
        average_symmetries: Average over eight views.
        kernels: ``reference`` gives the same bytes on every machine.
    """

    model: ModelFile
    review: ReviewRule
    average_symmetries: bool = False
    kernels: Kernels = Kernels.FAST

    def classifier(self) -> Classifier:
        """A classifier of these settings."""
        return Classifier(
            self.model,
            kernels=self.kernels,
            average_symmetries=self.average_symmetries,
            review=self.review,
        )

    @property
    def sha256(self) -> str:
        """Of all but the model file, hex."""
        return hashlib.sha256(json.dumps(self._told, sort_keys=True).encode()).hexdigest()

    @property
    def _told(self) -> dict[str, Any]:
        rule = self.review
        return {
            "layout": LAYOUT,
            "below": dict(rule.below),
            "unfamiliar_above": repr(rule.unfamiliar_above),
            "mixed_above": rule.mixed_above,
            "min_dies": rule.min_dies,
            "average_symmetries": self.average_symmetries,
            "kernels": str(self.kernels),
        }

    @property
    def note(self) -> dict[str, Any]:
        """What ``NOTE`` says of them."""
        return {
            "model": self.model.name,
            "model_sha256": self.model.sha256,
            "settings_sha256": self.sha256,
            "patterns": list(self.model.labels),
            "settings": self._told,
        }

    def name_of(self, part_sha256: str) -> str:
        """Name of the result of a part."""
        return name(part_sha256, self.model.sha256, self.sha256)


def name(part: str, model: str, settings: str) -> str:
    """Name of the result of a part, by the hashes of all three."""
    return f"{part[:_PART]}-{model[:_MODEL]}-{settings[:_SETTINGS]}.parquet"


def claim(folder: Path, settings: Settings) -> None:
    """Make a folder of results, or see that it is one of these settings.

    Raises:
        UsageError: it cannot be made, or is of another model file or other settings; or the model
            file names several patterns a wafer.
        OutputError: its note cannot be written.
    """
    if settings.model.patterns.is_several:
        what = f"{settings.model.path}: names several patterns a wafer, and results have no place"
        raise UsageError(f"{what} for them; give a model file of one pattern a wafer")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: cannot be made ({why(error)}); name another") from error
    path = folder / NOTE
    if not exists(path):
        if any(folder.glob("*.parquet")):
            raise UsageError(f"{folder}: holds other Parquet files; choose a folder of its own")
        write_text(path, json.dumps(settings.note, indent=1) + "\n")
    there = note_of(folder)
    for key, what in (("model_sha256", "model file"), ("settings_sha256", "settings")):
        if there[key] != settings.note[key]:
            raise UsageError(
                f"{folder}: holds results of another {what} ({there['model']}); choose another "
                "folder: `wm-edge archive compare` takes both"
            )


def note_of(folder: Path) -> dict[str, Any]:
    """What a folder of results is of.

    Raises:
        UsageError: it is none.
    """
    path = folder / NOTE
    try:
        note = msgspec.json.decode(read_bytes(path, _MAX_NOTE), type=dict[str, Any])
        if all(isinstance(note[key], str) for key in ("model", "model_sha256", "settings_sha256")):
            return note
    except (OSError, KeyError, msgspec.MsgspecError) as error:
        what = f"{folder}: no folder of results ({NOTE}: {why(error)})"
        raise UsageError(f"{what}; `wm-edge archive run` makes one") from error
    raise UsageError(f"{path}: is damaged; choose another folder")


def schema(settings: Settings) -> pa.Schema:
    """The columns of a result, a row each of the part, in its order."""
    fields = [("lot", _NAME), ("wafer", _NAME), ("source", _NAME), ("index", pa.int32())]
    fields += [("pattern", _NAME), ("verdict", _NAME), ("reason", _NAME)]
    floats = ("probability", "confidence", "below", "unfamiliarity", "mixture")
    fields += [(name, pa.float32()) for name in floats]
    fields += [("dies", pa.int32()), ("fails", pa.int32())]
    fields += [(f"p_{label}", pa.uint8()) for label in settings.model.labels]
    fields += [("embedding", pa.binary(settings.model.metadata.embedding.size))]
    fields += [("error", pa.string()), ("kind", _NAME)]
    told = {"wm-edge": json.dumps(settings.note)}
    return pa.schema(fields, metadata=told)


def table_of(
    maps: pa.Table,
    columns: Columns,
    good: npt.NDArray[np.intp],
    errors: dict[int, tuple[str, str]],
    schema: pa.Schema,
) -> pa.Table:
    """The results of some rows of a part.

    Args:
        maps: The rows.
        columns: Predictions of those that could be judged.
        good: Their places among the rows.
        errors: Place of each other row: what is wrong, and the kind of mistake.
        schema: Of the results.
    """
    place = np.full(maps.num_rows, -1, np.int64)
    place[good] = np.arange(len(good))
    taken = pa.array(place, mask=place < 0)
    named = {name: maps[name].combine_chunks() for name in KEPT if name in maps.column_names}
    told = [errors.get(row, (None, None)) for row in range(maps.num_rows)] if errors else []
    named["error"] = pa.array([each[0] for each in told], pa.string()) if told else None
    named["kind"] = pa.array([each[1] for each in told], pa.string()) if told else None
    plain = _judged(columns)
    arrays = []
    for field in schema:
        if field.name in plain:
            values = plain[field.name].take(taken)
        else:
            values = named.get(field.name)
            values = pa.nulls(maps.num_rows, field.type) if values is None else values
        if pa.types.is_dictionary(field.type) and not pa.types.is_dictionary(values.type):
            values = values.cast(pa.string()).dictionary_encode()
        arrays.append(values.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


def _judged(columns: Columns) -> dict[str, pa.Array]:
    """The columns of what was judged, by name."""
    best = columns.probabilities.max(axis=1, initial=0.0)
    steps = np.rint(columns.probabilities * STEPS).astype(np.uint8)
    verdicts = [Verdict.ACCEPT if not reason else reason.verdict for reason in REASONS]
    kinds = [None if reason is None else reason.value for reason in REASONS]
    size = columns.embedding.shape[1]
    bits = np.packbits(columns.asked, bitorder="little")
    buffers = [pa.py_buffer(bits.tobytes()), pa.py_buffer(columns.embedding.tobytes())]
    found = {
        "pattern": _dictionary(columns.pattern, columns.labels),
        "verdict": _dictionary(columns.reason, [each.value for each in verdicts]),
        "reason": pa.array(kinds, pa.string()).take(pa.array(columns.reason)),
        "probability": pa.array(best.astype(np.float32)),
        "dies": pa.array(columns.dies),
        "fails": pa.array(columns.fails),
        "embedding": pa.FixedSizeBinaryArray.from_buffers(pa.binary(size), len(columns), buffers),
    }
    for name in ("confidence", "below", "unfamiliarity", "mixture"):
        found[name] = pa.array(getattr(columns, name).astype(np.float32))
    named = zip(columns.labels, steps.T, strict=True)
    return found | {f"p_{label}": pa.array(np.ascontiguousarray(each)) for label, each in named}


def _dictionary(places: npt.NDArray[Any], names: Any) -> pa.Array:
    return pa.array(list(names), pa.string()).take(pa.array(places))
