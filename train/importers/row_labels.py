"""What the labels of a table mean: texts, numbers of a legend, or a column of 0 and 1 a pattern."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from edge.errors import DataError
from edge.formats.columns import UNKNOWN
from edge.system.text import counted
from edge.wafer.patterns import JOINT, NOTHING, SetKind, flaw
from train.importers import columns

if TYPE_CHECKING:
    from pathlib import Path

    from edge.wafer.patterns import PatternSet
    from train.importers.report import Collector
    from train.importers.table import Column, LabelledTable

#: Numbers without a meaning that are told.
_MOST: Final = 10


@dataclass
class RowLabels:
    """Reads a column of labels, once.

    Attributes:
        source: For messages, as ``column``.
        legend: Pattern of a label as the file says it; of a row of 0 and 1, by the place of its 1.
        given: The same as the caller says it, who has the last word.
        patterns: What the labels can be; None: all that come.
        none: What a row of zeros means; None: what ``patterns`` say.
        kind: Of the pattern set; of several, a row of 0 and 1 may hold more than one 1.
    """

    source: Path
    column: str
    legend: Mapping[str, str]
    given: Mapping[str, str]
    patterns: PatternSet | None
    none: str | None
    kind: SetKind = SetKind.EXCLUSIVE
    _seen: set[str] = field(default_factory=set)
    _unknown: dict[str, None] = field(default_factory=dict)
    _zeros: list[int] = field(default_factory=list)
    _hot: bool = False

    def read(
        self, cells: Iterable[object], collector: Collector, *, unlabelled: bool
    ) -> list[str | None]:
        """Of each row its label; empty where it has none, None where it is several, and may not be.

        Raises:
            DataError: what numbers or rows of zeros mean is not known, or a label cannot be one.
        """
        found = [self._label(cell, row) for row, cell in enumerate(cells)]
        if self._unknown:
            listed = sorted(self._unknown, key=float)
            shown = ", ".join([*listed[:_MOST], *(["..."] if listed[_MOST:] else [])])
            how = " ".join(f"--label {number}=NAME" for number in listed[:_MOST])
            raise DataError(
                f"{self.source}: the column {self.column} holds numbers, and what {shown} "
                f"{'mean' if len(listed) > 1 else 'means'} is not known here; say it with {how}"
            )
        for number in self.given:
            if number not in self._seen:
                collector.note(f"--label {number}={self.given[number]}: no row has this label")
        if self._hot and self._zeros:
            self._mean_none(found, collector, unlabelled=unlabelled)
        return found

    def _mean_none(
        self, found: list[str | None], collector: Collector, *, unlabelled: bool
    ) -> None:
        """Give the rows of zeros their meaning: no pattern, which is a label, or no label."""
        several = NOTHING if self.kind is SetKind.SEVERAL else None
        meant = several or self.none or (self.patterns.none if self.patterns else None)
        rows = counted(len(self._zeros), "row")
        if meant is None and not unlabelled:
            raise DataError(
                f"{self.source}: only zeros stand in {rows} of {self.column} (first: row "
                f"{self._zeros[0]}): no pattern, or no label? --none NAME makes them wafers "
                "without a pattern, called so; --unlabelled keeps them without a label"
            )
        collector.note(f"{rows} of zeros: {'no label' if meant is None else f'taken as {meant}'}")
        for row in self._zeros:
            found[row] = meant or ""

    def _label(self, cell: object, row: int) -> str | None:
        found = columns.unpacked(cell, self.source, row)
        if isinstance(found, list) and columns.is_zeros(found):
            if found:
                self._zeros.append(row)
            return ""
        if isinstance(found, list) and all(columns.number(item) in ("0", "1") for item in found):
            hot = [place for place, item in enumerate(found) if item]
            self._hot = True
            if len(hot) > 1:
                return self._joined(hot) if self.kind is SetKind.SEVERAL else None
            found = hot[0]
        number = columns.number(found)
        text = number or columns.text_of(found, self.source, row, self.column).strip()
        self._seen.add(text)
        if text in self.given or text in self.legend:
            text = self.given.get(text) or self.legend[text]
        elif text in UNKNOWN:
            return ""
        elif number and not (self.patterns and self.patterns.named(number)):
            self._unknown[number] = None
            return ""
        if wrong := flaw(text):
            what = f"the label {text!r:.60} {wrong}"
            raise DataError(f"{self.source}: row {row}: {what}")
        return text

    def _joined(self, places: list[int]) -> str:
        """The label of a row with a 1 in several places; empty where one's name is not known."""
        known = {**self.legend, **self.given}
        texts = [str(place) for place in places]
        self._seen.update(texts)
        if missing := [text for text in texts if text not in known]:
            self._unknown.update(dict.fromkeys(missing))
            return ""
        return JOINT.join(known[text] for text in texts)


def flags(found: LabelledTable, source: Path) -> tuple[LabelledTable, tuple[str, ...]]:
    """Several columns of 0 and 1, where nothing else is a label, as one column of labels.

    Returns:
        The table, and the names of these columns, a pattern each; as it was, and none, else.
    """
    roles = {**columns.chosen(found.columns, source), **found.roles}
    # `Grid` may be a pattern beside `waferMap`: what is not taken for something else is looked at.
    used = {*roles.values(), *columns.OFFICIAL}
    hot = {n: values for n, values in found.columns.items() if n not in used and _is_flag(values)}
    labels = columns.role("label")
    if labels in roles or len(hot) < 2:
        return found, ()
    rows: list[object] = [list(row) for row in zip(*map(list, hot.values()), strict=True)]
    rest = {name: values for name, values in found.columns.items() if name not in hot}
    legend = {str(place): name for place, name in enumerate(hot)}
    return replace(found, columns={**rest, labels: rows}, legend=legend), tuple(hot)


def _is_flag(values: Column) -> bool:
    if isinstance(values, np.ndarray):
        return (
            values.ndim == 1 and values.dtype.kind in "biuf" and bool(np.isin(values, (0, 1)).all())
        )
    return all(columns.number(value) in ("0", "1") for value in values)
