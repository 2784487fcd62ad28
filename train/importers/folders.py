"""Class folders: one folder a pattern, named after it, with a wafer map a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from edge.dataset.class_folders import class_folders
from edge.errors import InputError
from edge.formats.name_pattern import Names
from edge.formats.paths import HIDDEN, eligible, expand, read_items
from edge.system.text import counted
from edge.wafer.patterns import WM811K
from train.importers.report import Collector, Imported, SourceKind

if TYPE_CHECKING:
    from pathlib import Path

    from edge.formats.name_pattern import NamePattern
    from edge.wafer.wafermap import WaferMap
    from train.importers.restricted_unpickler import Progress


def import_folders(
    source: Path,
    *,
    pattern: NamePattern | None = None,
    none: str | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Import class folders of any files that wm-edge can classify (images, npy, csv, ...).

    Everything below a class folder is its pattern's, as for ``wm-edge evaluate``. A file that
    cannot be read is left out and reported; the others go on. Hidden files and folders are passed
    over, and files with other endings.

    Args:
        source: The folder of the class folders, see ``class_folders``.
        pattern: Where lot and wafer stand in the path of a file below its class folder.
        none: Which of them means no pattern, where their names do not say it.
        progress: Called with the files read and in all.

    Returns:
        The wafers; lot and wafer as they stand where the files or their names state them.

    Raises:
        DataError: the folders are no pattern set, or one has no usable file.
    """
    found = class_folders(source, none=none)
    folders = [folder for folder, _, _ in found.folders]
    files = [
        (item, label, part) for folder, label, part in found.folders for item in expand([folder])
    ]
    names = Names(pattern, folders) if pattern else None
    collector = Collector(str(source), SourceKind.FOLDERS, found.patterns)
    for sentence in found.merged:
        collector.note(sentence)
    beside = sum(path.is_file() for path in source.iterdir() if not path.name.startswith(HIDDEN))
    if beside:
        collector.note(f"passed over: {counted(beside, 'file')} beside the class folders")
    others = sum(map(_others, folders))
    if others:
        collector.note(f"passed over: {counted(others, 'file')} with an ending of no wafer map")
    slots = 0
    for done, (item, label, part) in enumerate(files, start=1):
        for wafer in read_items([item], names):
            _note(wafer, names, collector)
            slots += _collect(wafer, label, part, collector)
        if progress is not None:
            progress(done, len(files))
    if names and names.misses > 1:
        collector.note(f"{names.misses} files in all do not fit the name pattern")
    if slots:
        collector.note(f"slots ({slots}) are not kept: a labelled set has lot and wafer alone")
    imported = collector.finish()
    if found.patterns != WM811K:
        found.check_complete(set(imported.labelled.labels.tolist()))
    return imported


def _others(folder: Path) -> int:
    """Visible files below a folder whose names are not those of wafer maps."""
    return sum(
        not name.startswith(HIDDEN) and not eligible(name)
        for _, _, names in os.walk(folder)
        for name in names
    )


def _note(found: WaferMap | InputError, names: Names | None, collector: Collector) -> None:
    """Say of the first wafer without a lot that its name does not fit."""
    if names is None or isinstance(found, InputError):
        return
    known = {"source": found.source, "lot": found.lot, "wafer": found.wafer, "slot": found.slot}
    if sentence := names.note(known):
        collector.note(sentence)


def _collect(found: WaferMap | InputError, label: str, part: str, collector: Collector) -> bool:
    """Keep a wafer; returns whether it has a slot, which a set cannot keep."""
    if isinstance(found, InputError):
        collector.leave_out(f"unreadable ({found.kind.value})", str(found))
        return False
    collector.add(
        found.dies,
        label,
        name=found.source,
        lot=found.lot or "",
        wafer=found.wafer or "",
        part=part,
    )
    return found.slot is not None
