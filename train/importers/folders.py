"""Class folders: one folder a pattern, named after it, with a wafer map a file; or maps alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.dataset.class_folders import ClassFolder, class_folders
from edge.errors import DataError, InputError, why
from edge.formats.fab.rules import NO_RULES, Rules
from edge.formats.name_pattern import Names
from edge.formats.paths import expand, read_items
from edge.wafer.patterns import SetKind
from edge.wafer.warned import Warned
from train.importers.report import Collector, Imported, SourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from edge.formats.name_pattern import NamePattern
    from edge.wafer.patterns import PatternSet
    from edge.wafer.wafermap import WaferMap
    from train.importers.pickle_file import Progress


def import_folders(
    source: Path,
    *,
    pattern: NamePattern | None = None,
    none: str | None = None,
    patterns: PatternSet | None = None,
    kind: SetKind = SetKind.EXCLUSIVE,
    rules: Rules = NO_RULES,
    progress: Progress | None = None,
) -> Imported:
    """Import class folders of any files that wm-edge can classify (images, npy, csv, ...).

    Everything below a class folder is its pattern's, as for ``wm-edge evaluate``. A file that
    cannot be read is left out and reported; the others go on. Hidden files and folders are passed
    over, and files of no format that is read.

    Args:
        source: The folder of the class folders, see ``class_folders``.
        pattern: Where lot and wafer stand in the path of a file below its class folder.
        none: Which of them means no pattern, where their names do not say it.
        patterns: What they are named after; None: whatever they are called.
        kind: Of the pattern set that their names make.
        rules: What passes in files of a fab that do not say so themselves.
        progress: Called with the files read and in all.

    Returns:
        The wafers; lot and wafer as they stand where the files or their names state them.

    Raises:
        DataError: the folders are no pattern set, or one has no usable file.
    """
    try:
        found = class_folders(source, patterns, none, kind)
    except OSError as error:
        raise DataError(f"{error.filename or source}: cannot be read ({why(error)})") from error
    collector = Collector(str(source), SourceKind.FOLDERS, found.patterns)
    for sentence in found.notes:
        collector.note(sentence)
    names = Names(pattern, [folder.path for folder in found.folders]) if pattern else None
    _read(list(found.files()), names, rules, collector, progress)
    found.check_complete(collector.labels, collector.problems)
    return collector.finish()


def import_unlabelled(
    source: Path,
    *,
    pattern: NamePattern | None = None,
    patterns: PatternSet | None = None,
    rules: Rules = NO_RULES,
    progress: Progress | None = None,
) -> Imported:
    """Import wafer maps without a label: a file that wm-edge can classify, or all below a folder.

    Args:
        source: The file or folder.
        pattern: Where lot and wafer stand in the path of a file below the folder.
        patterns: What labels may be given one day; None: WM-811K's nine.
        rules: What passes in files of a fab that do not say so themselves.
        progress: Called with the files read and in all.

    Raises:
        DataError: not one wafer map can be used.
    """
    collector = Collector(str(source), SourceKind.MAPS, patterns)
    names = Names(pattern, [source] if source.is_dir() else []) if pattern else None
    none = ClassFolder(source, "", "")
    _read([(none, item) for item in expand([source])], names, rules, collector, progress)
    return collector.finish()


def _read(
    files: list[tuple[ClassFolder, str | InputError]],
    names: Names | None,
    rules: Rules,
    collector: Collector,
    progress: Progress | None,
) -> None:
    slots, warned = 0, Warned()
    for done, (folder, item) in enumerate(files, start=1):
        for wafer in warned.noting(read_items([item], names, rules)):
            _note(wafer, names, collector)
            slots += _collect(wafer, folder, collector)
        if progress is not None:
            progress(done, len(files))
    if names and names.misses > 1:
        collector.note(f"{names.misses} files in all do not fit the name pattern")
    for sentence in warned.sentences():
        collector.note(sentence)
    if slots:
        collector.note(f"slots ({slots}) are not kept: a labelled set has lot and wafer alone")


def _note(found: WaferMap | InputError, names: Names | None, collector: Collector) -> None:
    """Say of the first wafer without a lot that its name does not fit."""
    if names is None or isinstance(found, InputError):
        return
    known = {"source": found.source, "lot": found.lot, "wafer": found.wafer, "slot": found.slot}
    if sentence := names.note(known):
        collector.note(sentence)


def _collect(found: WaferMap | InputError, folder: ClassFolder, collector: Collector) -> bool:
    """Keep a wafer; returns whether it has a slot, which a set cannot keep."""
    if isinstance(found, InputError):
        collector.leave_out(f"unreadable ({found.kind.value})", str(found))
        return False
    collector.add(
        found.dies,
        folder.pattern,
        name=found.source,
        lot=found.lot or "",
        wafer=found.wafer or "",
        part=folder.part,
    )
    return found.slot is not None
