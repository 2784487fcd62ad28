"""The record: all that is known of a wafer, or of an input that could not be read, flat.

Every key is declared here, once: its type, its meaning and the step of the store that brought it.
From that follow the members of JSON objects and their order, the columns of CSV and of the store,
and the JSON Schema. A new key comes last, may be null, and names the store's next step.

Records flow as dicts: JSON needs one, and one goes from process to process in a third of the time.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias, TypeVar

from msgspec import NODEFAULT, UNSET, Meta, Struct, UnsetType

from edge.errors import InputKind
from edge.system.typed import Share, about
from edge.verdict.rule import Reason, Verdict
from edge.wafer.patterns import JOINT

Record = dict[str, Any]

#: ``kind`` of what takes the place of a record in a sink that will never take it.
UNDELIVERABLE: Final = "undeliverable"

T = TypeVar("T")

#: What a station alone knows: records of ``classify`` have no such key.
OfStation: TypeAlias = T | UnsetType

#: Of a column of the store: which step brought it, that older rows have an empty text.
_STEP_3: Final = Meta(extra={"step": 3})
_STEP_4: Final = Meta(extra={"step": 4})
_STEP_6: Final = Meta(extra={"step": 6})
_STEP_7: Final = Meta(extra={"step": 7})
_STEP_8: Final = Meta(extra={"step": 8})
_EMPTY: Final = Meta(extra={"default": "''"})

_Id = Annotated[OfStation[str], about("<store>-<number>; results and errors share one sequence")]
_Source = Annotated[str, about("the file, at a station absolute, or the camera's name")]
_Hash = Annotated[OfStation[str], about("SHA-256 of the file; of the wafer map for a camera, hex")]
_Name = Annotated[OfStation[str], about("name of the station")]
_Tool = Annotated[OfStation[str], about("version of wm-edge")]
_SeenAt = Annotated[OfStation[str], about("when it was noticed, UTC, ISO 8601")]
_RecordedAt = Annotated[OfStation[str], about("when it was recorded, UTC, ISO 8601")]
_Waited = Annotated[OfStation[int], about("milliseconds from noticing to having the verdict")]
_Suggested = Annotated[
    OfStation[str | None], about("pattern of one's own that claims the wafer"), _STEP_4
]
_MovedTo = Annotated[OfStation[str | None], about("where the file goes once recorded"), _STEP_3]
#: Of a wafer from a file of a fab alone; in records of ``classify`` other wafers have no such key.
_Device = Annotated[OfStation[str | None], about("product, where the file says it"), _STEP_6]
_Retests = Annotated[
    OfStation[int | None], about("results that a later one of the same die replaced"), _STEP_6
]
_Legend = Annotated[
    OfStation[str | None],
    about("who says what passes: file, recipe NAME, option --pass-bins"),
    _STEP_6,
]
_Turned = Annotated[
    OfStation[int | None],
    about("degrees, counter-clockwise, that brought notch or flat down; null: as drawn"),
    _STEP_6,
]
_Warning = Annotated[OfStation[str | None], about("what somebody should know of it"), _STEP_6]
#: Of a model file that names several patterns a wafer; others' records of ``classify`` lack it.
_Patterns = Annotated[
    OfStation[dict[str, Share] | None],
    about("of several patterns a wafer, the probability of each that is named or in doubt"),
    _STEP_8,
]
_KINDS = [*(kind.value for kind in InputKind), UNDELIVERABLE]


class Result(Struct, kw_only=True):
    """What is known of a wafer."""

    id: _Id = UNSET
    source: _Source
    index: Annotated[int, about("position in the source"), Meta(ge=0)]
    lot: Annotated[str | None, about("lot, where it is known")]
    wafer: Annotated[str | None, about("number or name within the lot, where it is known")]
    slot: Annotated[OfStation[int | None], about("cassette slot, where it is known")] = UNSET
    orientation: Annotated[OfStation[int | None], about("notch or flat, in degrees")] = UNSET
    pattern: Annotated[str, about("most probable pattern, or all of several, joined by +")]
    probability: Annotated[Share, about("calibrated probability of that pattern")]
    probabilities: Annotated[dict[str, Share], about("calibrated probability of each pattern")]
    verdict: Annotated[Verdict, about("accept, or leave it to a person")]
    reason: Annotated[Reason | None, about("what decided over the verdict")]
    confidence: Annotated[Share, about("chance that the pattern is right")]
    below: Annotated[Share, about("smallest confidence that is accepted")]
    unfamiliarity: Annotated[float, about("distance to the nearest class, standard deviations")]
    mixture: Annotated[Share, about("probability that two patterns overlap")]
    dies: Annotated[int, about("dies on the wafer"), Meta(ge=0)]
    fails: Annotated[int, about("failing dies"), Meta(ge=0)]
    model: Annotated[str, about("name and hash of the model file")]
    symmetries: Annotated[int, about("views that were averaged: 1 or 8")]
    latency_us: Annotated[int, about("encoding, inference and verdict, microseconds")]
    source_sha256: _Hash = UNSET
    event: Annotated[OfStation[str], about("tells equal maps of a camera apart"), _EMPTY] = UNSET
    station: _Name = UNSET
    tool: _Tool = UNSET
    model_sha256: Annotated[OfStation[str], about("SHA-256 of the model file, hex")] = UNSET
    encoding: Annotated[OfStation[str], about("encoding and its version")] = UNSET
    runtime: Annotated[OfStation[str], about("runtime, its version and kernels")] = UNSET
    unfamiliar_above: Annotated[OfStation[float], about("limit of unfamiliarity")] = UNSET
    mixed_above: Annotated[OfStation[float], about("limit of mixture")] = UNSET
    seen_at: _SeenAt = UNSET
    recorded_at: _RecordedAt = UNSET
    waited_ms: _Waited = UNSET
    file: Annotated[OfStation[str], about("path below the watched folder"), _STEP_3, _EMPTY] = UNSET
    same_as: Annotated[OfStation[str | None], about("id of one of equal content"), _STEP_3] = UNSET
    moved_to: _MovedTo = UNSET
    suggested: _Suggested = UNSET
    device: _Device = UNSET
    retests: _Retests = UNSET
    legend: _Legend = UNSET
    turned: _Turned = UNSET
    warning: _Warning = UNSET
    patterns: _Patterns = UNSET


class Error(Struct, kw_only=True):
    """What is known of an input that could not be read."""

    id: _Id = UNSET
    source: _Source
    index: Annotated[OfStation[int | None], about("always null")] = UNSET
    error: Annotated[str, about("what is wrong, and what to do")]
    kind: Annotated[str, about("what kind of mistake", enum=_KINDS)]
    source_sha256: Annotated[_Hash, _EMPTY] = UNSET
    station: _Name = UNSET
    tool: _Tool = UNSET
    seen_at: _SeenAt = UNSET
    recorded_at: _RecordedAt = UNSET
    waited_ms: _Waited = UNSET
    moved_to: _MovedTo = UNSET
    lot: Annotated[OfStation[str | None], about("lot, where it is known"), _STEP_7] = UNSET
    wafer: Annotated[OfStation[str | None], about("wafer, where it is known"), _STEP_7] = UNSET


#: Keys behind the ``id``, and those of a result that ``classify`` knows, too.
RESULT_KEYS: Final = Result.__struct_fields__[1:]
ERROR_KEYS: Final = Error.__struct_fields__[1:]
CLASSIFY_KEYS: Final = tuple(
    key
    for key, default in zip(Result.__struct_fields__, Result.__struct_defaults__, strict=True)
    if default is NODEFAULT
)

#: Keys of a wafer from a file of a fab, each of its wafer map.
FAB_KEYS: Final = ("device", "retests", "legend", "turned", "warning")

#: What a result carries to the store beside its keys, for a table of its own; no sink shows it: a
#: ``edge.store.wafer_maps.KeptMap``.
MAP: Final = "_map"


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a record: a line of JSON, a message of MQTT."""
    from msgspec.json import schema_components

    from edge.system.typed_schema import documented

    kinds, definitions = schema_components((Result, Error))
    return documented("wm-edge record", {"oneOf": [*kinds], "$defs": definitions})


def named(record: Record) -> list[str]:
    """The patterns that a result names: one, or all of several; ``none`` where that is none."""
    pattern: str = record["pattern"]
    return pattern.split(JOINT) if "patterns" in record else [pattern]


def number_of(record: Record) -> int:
    """The number in a record's ``id``, which is ``<store>-<number>``."""
    return int(record["id"].rpartition("-")[2])


#: What of a result is left then, beside what an error has: which wafer it is, and what to do.
_ESSENTIAL: Final = ("lot", "wafer", "slot", "pattern", "verdict", "reason")

#: Characters of a text in it.
_SHORT: Final = 120


def short(record: Record, why: str) -> Record:
    """What takes the place of a record that a sink will never take, and why, in a few words."""
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
