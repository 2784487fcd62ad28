"""Data in, labelled set out: WM-811K and other tables, stacks, MixedWM38, class folders, maps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge.dataset.reading import REQUIRED
from edge.errors import DataError, UsageError, why
from edge.formats.archive import UNREADABLE, open_archive
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.npz import MEMBER
from edge.system.regular_file import open_regular
from edge.wafer.patterns import WM811K_SEVERAL, SetKind
from train.importers import stack, table
from train.importers.folders import import_folders, import_unlabelled
from train.importers.frame import import_table
from train.importers.mixed import import_mixed
from train.importers.pickle_file import PICKLES, ZIP, is_compressed
from train.importers.report import Imported, ImportReport, SourceKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.formats.name_pattern import NamePattern
    from edge.wafer.patterns import PatternSet
    from train.importers.pickle_file import Progress
    from train.importers.table import LabelledTable

__all__ = ["ImportReport", "Imported", "SourceKind", "import_dataset"]

_KNOWN = (
    "LSWMD.pkl or the MIR pickle of WM-811K, another pickled table, the .npz of MixedWM38 or of "
    "maps with labels, a folder of class folders, and with --unlabelled wafer maps alone"
)

#: What options are for.
_MEANT_FOR = {
    "--name-pattern": (SourceKind.FOLDERS, SourceKind.MAPS),
    "--none": (SourceKind.FOLDERS, SourceKind.TABLE, SourceKind.STACK),
    "--pass-bins": (SourceKind.FOLDERS, SourceKind.MAPS),
    "--label": (SourceKind.TABLE, SourceKind.STACK),
}


def import_dataset(
    source: str | Path,
    *,
    pattern: NamePattern | None = None,
    none: str | None = None,
    patterns: PatternSet | None = None,
    kind: SetKind | None = None,
    rules: Rules = NO_RULES,
    legend: Mapping[str, str] | None = None,
    unlabelled: bool = False,
    progress: Progress | None = None,
) -> Imported:
    """Import a data set, recognised by its content.

    Args:
        source: ``LSWMD.pkl``, the MIR pickle, another pickled table, the ``.npz`` of MixedWM38 or
            of maps with labels, or a folder of class folders.
        pattern: Where lot and wafer stand in the names below the class folders.
        none: Which class folder or label means no pattern, where its name does not say it; what
            rows of zeros are among columns of 0 and 1.
        patterns: What the labels can be; None: all that come.
        kind: Of the pattern set; None: that of ``patterns``, or exclusive. Of several, a label may
            join names by ``+``, and rows of zeros are wafers without a pattern.
        rules: What passes in files of a fab that do not say so themselves.
        legend: Pattern of a label of a table or stack, by what stands there: {"0": "none"}.
        unlabelled: Keep the wafers of a table that have no label, and take maps without labels: a
            file, or all below a folder, whatever the folders in it are called.
        progress: Called with what has been read and how much there is (bytes of a pickle, wafers,
            files).

    Returns:
        The labelled set and a report of what was kept and left out.

    Raises:
        UsageError: an option that is for something else than the source.
        DataError: no such file, not one of these, refused, damaged, or nothing usable in it.
    """
    source = Path(source)
    if none is not None and patterns is not None:
        raise UsageError("--none and --pattern-set exclude each other: the file says which is none")
    of = _set_kind(kind, patterns, none)
    source_kind, found = _recognised(source, unlabelled=unlabelled)
    given: dict[str, object] = {
        "--name-pattern": pattern,
        "--none": none,
        "--label": legend,
        "--pass-bins": rules != NO_RULES,
    }
    _check(source, source_kind, given)
    if source_kind is SourceKind.FOLDERS:
        return import_folders(
            source,
            pattern=pattern,
            none=none,
            patterns=patterns,
            kind=of,
            rules=rules,
            progress=progress,
        )
    if source_kind is SourceKind.MAPS:
        preset = WM811K_SEVERAL if of is SetKind.SEVERAL else None
        return import_unlabelled(
            source, pattern=pattern, patterns=patterns or preset, rules=rules, progress=progress
        )
    if source_kind is SourceKind.MIXED:
        return import_mixed(source, patterns=patterns, kind=of, progress=progress)
    found = found or table.read(source, progress=progress)
    return import_table(
        source, found, legend=legend, patterns=patterns, none=none, kind=of, unlabelled=unlabelled
    )


def _set_kind(kind: SetKind | None, patterns: PatternSet | None, none: str | None) -> SetKind:
    """How many patterns a wafer may show.

    Raises:
        UsageError: the pattern set is of the other kind, or something else means no pattern there.
    """
    own = patterns and (SetKind.SEVERAL if patterns.is_several else SetKind.EXCLUSIVE)
    if kind and own and kind is not own:
        what = f"the pattern set is {own}, and {kind} was asked for"
        raise UsageError(f'{what}; say kind = "{kind}" in its file')
    found = own or kind or SetKind.EXCLUSIVE
    if found is SetKind.SEVERAL and none is not None:
        raise UsageError("--none is for sets of one pattern a wafer; of several it is `none`")
    return found


def _recognised(source: Path, *, unlabelled: bool) -> tuple[SourceKind, LabelledTable | None]:
    """What a source is, and its maps with labels where that is how it is told."""
    try:
        kind = _kind(source, unlabelled=unlabelled)
        found = stack.read(source) if kind is SourceKind.STACK else None
    except FileNotFoundError as error:
        raise DataError(f"{source}: no such file or folder") from error
    except UNREADABLE as error:
        what = f"{source}: cannot be read ({why(error)}); was the download complete?"
        raise DataError(what) from error
    if kind is SourceKind.STACK and found is None:
        kind = SourceKind.MAPS
    if kind is SourceKind.MAPS and not unlabelled:
        raise DataError(f"{source}: no known data set with labels; known are {_KNOWN}")
    return kind, found


def _check(source: Path, kind: SourceKind, given: dict[str, object]) -> None:
    """Refuse options that are for something else than a source of this kind."""
    for option, value in given.items():
        if value and kind not in _MEANT_FOR[option]:
            listed = " and ".join(each.value for each in _MEANT_FOR[option])
            raise UsageError(f"{source}: {option} is for {listed}; this is {kind.value}")


def _kind(source: Path, *, unlabelled: bool) -> SourceKind:
    """What a source is, by its first bytes and its list of contents.

    Raises:
        DataError: it cannot be imported.
        OSError: it cannot be read; and whatever else ``UNREADABLE`` names.
    """
    if source.is_dir():
        return SourceKind.MAPS if unlabelled else SourceKind.FOLDERS
    with open_regular(source) as file:
        start = file.read(8)
        members = open_archive(file).namelist() if start.startswith(ZIP) else []
    arrays = {name.removesuffix(MEMBER) for name in members if name.endswith(MEMBER)}
    if arrays.issuperset(REQUIRED):
        raise DataError(f"{source}: is a labelled set already; there is nothing to import")
    if arrays:
        return SourceKind.MIXED if stack.is_mixed(source) else SourceKind.STACK
    if any(name.lower().endswith(".npz") for name in members):
        raise DataError(f"{source}: a zip archive; unpack it and import the file inside")
    if start.startswith((b"\x80", ZIP)) or is_compressed(start):
        return SourceKind.TABLE
    return SourceKind.TABLE if source.suffix.lower() in PICKLES else SourceKind.MAPS
