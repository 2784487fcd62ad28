"""Class folders: one folder a pattern, named after it, with a wafer map a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge.errors import InputError
from edge.labelled import class_folders
from train.importers.report import Collector, Imported, SourceKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge.wafermap import WaferMap
    from train.unpickle import Progress


def import_folders(source: Path, *, progress: Progress | None = None) -> Imported:
    """Import class folders of any files that wm-edge can classify (images, npy, csv, ...).

    A file that cannot be read is left out and reported; the others go on. Hidden files and
    folders are passed over.

    Args:
        source: The folder of the class folders; their names are matched whatever the case.
        progress: Called with the files read and in all.

    Returns:
        The wafers; lot and wafer number where the files state them.

    Raises:
        DataError: a folder is named after no pattern, or there is no usable file at all.
    """
    files = [
        (path, pattern) for folder, pattern in class_folders(source) for path in _visible(folder)
    ]
    collector = Collector(str(source), SourceKind.FOLDERS)
    beside = sum(path.is_file() for path in _visible(source))
    if beside:
        collector.note(f"{beside} files beside the class folders were passed over")
    for done, (path, pattern) in enumerate(files, start=1):
        if path.is_dir():
            collector.leave_out("folder inside a class folder", f"{path}: a folder")
        else:
            for found in _read(path):
                _collect(found, pattern, collector)
        if progress is not None:
            progress(done, len(files))
    return collector.finish()


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith((".", "__")))


def _read(path: Path) -> Iterator[WaferMap | InputError]:
    from edge import formats  # the readers load OpenCV: not needed for the other sources

    try:
        yield from formats.read(path)
    except InputError as error:
        yield error


def _collect(found: WaferMap | InputError, pattern: str, collector: Collector) -> None:
    if isinstance(found, InputError):
        collector.leave_out(f"unreadable ({found.kind.value})", str(found))
        return
    wafer = found.wafer or ""
    collector.add(
        found.dies,
        pattern,
        name=found.source,
        lot=found.lot or "",
        wafer=int(wafer) if wafer.isascii() and wafer.isdigit() else -1,
    )
