"""Public data in, labelled set out: WM-811K, MixedWM38 and class folders."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edge.dataset.mixedwm38 import NAMED, PUBLISHED
from edge.dataset.reading import REQUIRED
from edge.errors import DataError, UsageError, why
from edge.formats.archive import UNREADABLE, open_archive
from edge.system.regular_file import open_regular
from train.importers.folders import import_folders
from train.importers.frame import import_frame
from train.importers.mixed import import_mixed
from train.importers.report import Imported, ImportReport, SourceKind
from train.importers.restricted_unpickler import is_compressed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from edge.formats.name_pattern import NamePattern
    from train.importers.restricted_unpickler import Progress

__all__ = ["ImportReport", "Imported", "SourceKind", "import_dataset"]

_KNOWN = (
    "LSWMD.pkl or the MIR pickle of WM-811K, the .npz of MixedWM38, or a folder of class folders"
)


def import_dataset(
    source: str | Path,
    *,
    pattern: NamePattern | None = None,
    none: str | None = None,
    legend: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Imported:
    """Import a public data set, recognised by its content.

    Args:
        source: ``LSWMD.pkl``, the MIR pickle, MixedWM38's ``.npz``, or a folder of class folders.
        pattern: Where lot and wafer stand in the names below the class folders.
        none: Which class folder means no pattern, where its name does not say it.
        legend: Pattern of each label of a data frame that is a number: {"0": "none"}.
        progress: Called with what has been read and how much there is (bytes of a pickle, wafers,
            files).

    Returns:
        The labelled set and a report of what was kept and left out.

    Raises:
        UsageError: a name pattern, or ``none``, for something else than class folders;
            a legend for something else than a data frame.
        DataError: no such file, not one of these, refused, damaged, or nothing usable in it.
    """
    source = Path(source)
    try:
        if source.is_dir() and not legend:
            return import_folders(source, pattern=pattern, none=none, progress=progress)
        if pattern is not None:
            raise UsageError(
                f"{source}: a name pattern is for class folders; this is one file of many wafers"
            )
        if none is not None:
            raise UsageError(f"{source}: --none is for class folders; here the labels say it")
        if source.is_dir():
            raise UsageError(f"{source}: --label is for data frames; folders have names")
        with open_regular(source) as file:
            start = file.read(8)
    except FileNotFoundError as error:
        raise DataError(f"{source}: no such file or folder") from error
    except OSError as error:
        raise DataError(f"{source}: cannot be read ({why(error)})") from error
    if start.startswith(b"PK\x03\x04"):
        if legend:
            raise UsageError(f"{source}: --label is for data frames; this says what it holds")
        return _import_zip(source, progress)
    if (
        start.startswith(b"\x80")
        or is_compressed(start)
        or source.suffix.lower() in (".pkl", ".pickle")
    ):
        return import_frame(source, legend=legend, progress=progress)
    raise DataError(f"{source}: not a known data set; known are {_KNOWN}")


def _import_zip(source: Path, progress: Progress | None) -> Imported:
    try:
        with open_regular(source) as file, open_archive(file) as archive:
            members = archive.namelist()
    except UNREADABLE as error:
        raise DataError(
            f"{source}: cannot be read ({why(error)}); was the download complete?"
        ) from error
    arrays = {name.removesuffix(".npy") for name in members if name.endswith(".npy")}
    if arrays >= PUBLISHED or arrays >= NAMED:
        return import_mixed(source, progress=progress)
    if arrays.issuperset(REQUIRED):
        raise DataError(f"{source}: is a labelled set already; there is nothing to import")
    if any(Path(name).suffix.lower() in (".pkl", ".pickle", ".npz") for name in members):
        raise DataError(f"{source}: a zip archive; unpack it and import the file inside")
    what = f"{source}: no known data set, its arrays are {', '.join(sorted(arrays)[:5]) or 'none'}"
    raise DataError(f"{what}; known are {_KNOWN}. Maps without patterns are for `wm-edge classify`")
