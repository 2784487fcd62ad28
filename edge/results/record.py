"""What a station knows of a wafer or of an input that could not be read: one flat object each.

The same keys are columns of the store, of CSV and members of the JSON objects.
"""

from __future__ import annotations

from typing import Any, Final

from edge.errors import InputError

Record = dict[str, Any]

#: Keys of a result, behind its ``id``.
RESULT_KEYS: Final = (
    "source", "index", "lot", "wafer", "slot", "orientation", "pattern", "probability",
    "probabilities", "verdict", "reason", "confidence", "below", "unfamiliarity", "mixture",
    "dies", "fails", "model", "symmetries", "latency_us", "source_sha256", "event", "station",
    "tool", "model_sha256", "encoding", "runtime", "unfamiliar_above", "mixed_above", "seen_at",
    "recorded_at", "waited_ms", "file", "same_as", "moved_to",
)  # fmt: skip

#: Keys of an input that could not be read, behind its ``id``.
ERROR_KEYS: Final = (
    "source", "index", "error", "kind", "source_sha256", "station", "tool", "seen_at",
    "recorded_at", "waited_ms", "moved_to",
)  # fmt: skip

#: What a result carries to the store beside its keys, for a table of its own; no sink shows it: a
#: ``edge.store.wafer_maps.KeptMap``.
MAP: Final = "_map"


def number_of(record: Record) -> int:
    """The number in a record's ``id``, which is ``<store>-<number>``."""
    return int(record["id"].rpartition("-")[2])


#: ``kind`` of what takes the place of a record in a sink that will never take it.
UNDELIVERABLE: Final = "undeliverable"

#: What of a result is left then, beside what an error has: which wafer it is, and what to do.
_ESSENTIAL: Final = ("lot", "wafer", "slot", "pattern", "verdict", "reason")

#: Characters of a text in it.
_SHORT: Final = 120


def short(record: Record, why: str) -> Record:
    """What takes the place of a record that a sink will never take.

    Args:
        record: A result or an error, with its ``id``.
        why: In a few words.
    """
    kept = {key: record[key] for key in ("id", *_ESSENTIAL, *ERROR_KEYS) if key in record}
    return {
        **{key: _cut(value) for key, value in kept.items()},
        "error": f"not taken as it is ({why[: 2 * _SHORT]}); it is whole in the station's store",
        "kind": UNDELIVERABLE,
        "moved_to": None,
    }


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _SHORT:
        return f"\N{HORIZONTAL ELLIPSIS}{value[-_SHORT:]}"
    return value


def error_record(error: InputError) -> Record:
    """JSON form of an input that could not be read."""
    return {"source": error.source, "error": error.reason, "kind": error.kind.value}
