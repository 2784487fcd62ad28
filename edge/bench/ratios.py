"""Which figure is held against which, and the bars."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from edge.bench.figures import Ratio, Row
from edge.bench.subject import SubjectKind

#: int8 against the same network in float, in the same runtime: ``invoke`` against ``invoke``.
FASTER_THAN_FLOAT: Final = 1.5
#: int8 ``classify``, encoding and verdict included, against ``predict`` alone.
FASTER_THAN_KERAS: Final = 50.0
#: The whole path against its two unavoidable parts.
WHOLE_AGAINST_PARTS: Final = 1.15


def ratios(rows: Sequence[Row]) -> list[Ratio]:
    """All ratios that these rows allow; rows that failed take no part."""
    return list(_ratios([row for row in rows if row.failure is None]))


def _ratios(rows: Sequence[Row]) -> Iterator[Ratio]:
    quantised = [row for row in rows if row.kind is SubjectKind.INT8]
    for row in quantised:
        encode, invoke = row.rounds_us["encode"], row.rounds_us["invoke"]
        whole = row.rounds_us["classify"]
        for other in rows:
            if other.kind is SubjectKind.FLOAT and _backend(other) == _backend(row):
                yield over_rounds(
                    f"{other.name} / {row.name}, invoke",
                    other.rounds_us["invoke"],
                    invoke,
                    bar=FASTER_THAN_FLOAT,
                )
            elif other.kind is SubjectKind.KERAS:
                yield over_rounds(
                    f"{other.name} predict / {row.name} classify",
                    other.rounds_us["invoke"],
                    whole,
                    bar=FASTER_THAN_KERAS,
                )
        yield over_rounds(
            f"{row.name}, classify / (encode + invoke)",
            whole,
            [a + b for a, b in zip(encode, invoke, strict=True)],
            bar=WHOLE_AGAINST_PARTS,
            at_least=False,
        )
    for row in quantised[1:]:
        first = quantised[0]
        yield over_rounds(
            f"{row.name} / {first.name}, classify",
            row.rounds_us["classify"],
            first.rounds_us["classify"],
        )


def over_rounds(
    name: str,
    top: Sequence[float],
    bottom: Sequence[float],
    *,
    bar: float | None = None,
    at_least: bool = True,
) -> Ratio:
    """Median, smallest and largest of the quotients of two figures, round by round."""
    quotients = [a / b for a, b in zip(top, bottom, strict=True)]
    return Ratio(name, median(quotients), min(quotients), max(quotients), bar, at_least)


def _backend(row: Row) -> str:
    return row.name.partition(" ")[2]
