"""Stacks: an ``.npz`` with maps (wafers, rows, columns) and, under any key, their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from edge.dataset.mixedwm38 import NAMED, PATTERN_ORDER, PUBLISHED
from edge.errors import DataError, why
from edge.formats.archive import UNREADABLE
from edge.formats.npz import Arrays
from edge.wafer.patterns import WM811K, spelled
from train.importers import columns
from train.importers.report import SourceKind
from train.importers.table import LabelledTable

if TYPE_CHECKING:
    from pathlib import Path

    from edge.formats.npy import Header
    from train.importers.table import Column

#: What the array is called that says what numbers, or columns of 0 and 1, mean (``spelled``).
_LEGENDS: Final = ("labelnames", "classnames", "classes", "categories", "names")

#: Arrays of an archive that are looked at.
_MOST: Final = 16


def is_mixed(source: Path) -> bool:
    """Whether an archive is laid out as MixedWM38 is. Raises: as ``read``."""
    try:
        with Arrays(source) as file:
            if file.names >= PUBLISHED:
                return file.header("arr_1").shape[1:] == (len(PATTERN_ORDER),)
            if not file.names >= NAMED or len(file.header("labels").shape) != 2:
                return False
            names = file.read("label_names")
            return all(WM811K.named(str(name)) for name in names.ravel().tolist())
    except UNREADABLE as error:
        raise _unreadable(source, error) from error


def read(source: Path) -> LabelledTable | None:
    """Read the maps, their labels, and what else stands beside them with an entry a wafer.

    Returns:
        The columns; None where nothing is a stack of maps.

    Raises:
        DataError: unreadable, or it cannot be told which array holds what.
    """
    try:
        with Arrays(source) as file:
            headers = {name: _header(file, name) for name in sorted(file.names)[:_MOST]}
            known = {name: header for name, header in headers.items() if header}
            maps = _one(source, "maps", [n for n, h in known.items() if h.is_stack])
            if not maps:
                return None
            wafers = known[maps].shape[0]
            beside = {n: h for n, h in known.items() if n != maps and h.shape[:1] == (wafers,)}
            legends = [n for n, h in known.items() if spelled(n) in _LEGENDS and len(h.shape) == 1]
            labels = _labels(source, beside, legends)
            if not labels and len(known) < len(headers):
                odd = ", ".join(name for name in headers if name not in known)
                raise DataError(
                    f"{source}: {odd} may be the labels, but hold Python objects, which are not "
                    "opened (they can run code); save them as text: labels.astype(str)"
                )
            more = (n for n in beside if columns.role(n) or n in columns.OFFICIAL)
            wanted = dict.fromkeys(filter(None, (maps, labels, *more)))
            found: dict[str, Column] = {name: file.read(name) for name in wanted}
            texts = file.read(legends[0]).tolist() if len(legends) == 1 else []
    except UNREADABLE as error:
        raise _unreadable(source, error) from error
    legend = {str(number): columns.text(name) for number, name in enumerate(texts)}
    roles = {columns.role("maps"): maps, columns.role("labels"): labels}
    return LabelledTable(wafers, found, SourceKind.STACK, roles, legend)


def _header(file: Arrays, name: str) -> Header | None:
    """None where the array is no plain one."""
    try:
        return file.header(name)
    except ValueError:
        return None


def _labels(source: Path, beside: dict[str, Header], legends: list[str]) -> str:
    """The array of labels: called so, or else the only one that can be it."""
    fit = [n for n, h in beside.items() if len(h.shape) <= 2 and h.dtype.kind in "biufSU"]
    named = [name for name in fit if columns.role(name) == columns.role("labels")]
    free = [name for name in fit if not columns.role(name) and name not in legends]
    return _one(source, "labels", named or free)


def _one(source: Path, what: str, found: list[str]) -> str:
    """The one of several arrays that is called so; empty where there is none."""
    called = [name for name in found if columns.role(name) == columns.role(what)]
    if len(found) > 1 and len(called) != 1:
        raise DataError(
            f"{source}: several arrays may be the {what} ({', '.join(found)}); call one {what!r}, "
            "or leave the others out"
        )
    return (called or [*found, ""])[0]


def _unreadable(source: Path, error: BaseException) -> DataError:
    return DataError(f"{source}: cannot be read ({why(error)}); was the download complete?")
