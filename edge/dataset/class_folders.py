"""Labelled wafers from whatever holds them: the labelled set, or class folders of wafer maps."""

from __future__ import annotations

from pathlib import Path

from edge.dataset.labelled_set import LabelledSet, build, check_bounds
from edge.dataset.reading import load
from edge.errors import DataError, InputError
from edge.formats import paths
from edge.wafer.patterns import PATTERNS, SPELLING, pattern_named
from edge.wafer.wafermap import DieGrid


def load_any(path: Path) -> LabelledSet:
    """Read a labelled-set ``.npz``, or a folder with one sub-folder a pattern.

    Raises:
        DataError: unreadable set, a sub-folder that is no pattern, or a wafer map that cannot be
            read: a figure must not silently rest on fewer wafers than were given.
    """
    try:
        return from_class_folders(path) if path.is_dir() else load(path)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror})") from error


def from_class_folders(path: Path) -> LabelledSet:
    """Read ``path/<pattern>/<wafer maps>``, at any depth. Raises: as ``load_any``."""
    grids: list[DieGrid] = []
    labels: list[str] = []
    dies = 0
    for folder, pattern in class_folders(path):
        for item in paths.read_items(paths.expand([folder])):
            if isinstance(item, InputError):
                raise DataError(f"{item} (or take it out of the set)") from item
            dies += item.dies.size
            check_bounds(len(grids) + 1, dies, str(path))
            grids.append(item.dies)
            labels.append(pattern)
    return build(grids, labels)


def class_folders(path: Path) -> list[tuple[Path, str]]:
    """The sub-folders with the pattern that each is named after (``patterns.pattern_named``).

    Hidden folders are passed over.

    Raises:
        DataError: a sub-folder is named after no pattern, or there is none.
    """
    found = []
    for folder in sorted(path.iterdir()):
        if not folder.is_dir() or folder.name.startswith((".", "__")):
            continue
        pattern = pattern_named(folder.name)
        if pattern is None:
            raise DataError(
                f"{folder}: a class folder is named after its pattern, and this is none of "
                f"{', '.join(PATTERNS)} ({SPELLING}); rename it or move it elsewhere"
            )
        found.append((folder, pattern))
    if not found:
        raise DataError(
            f"{path}: has no class folders; expected is one folder a pattern "
            f"({', '.join(PATTERNS)}) with a wafer map a file"
        )
    return found
