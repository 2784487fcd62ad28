"""Labelled wafers from whatever holds them: the labelled set, or class folders of wafer maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edge.dataset.class_folders import class_folders
from edge.dataset.labelled_set import LabelledSet, build
from edge.dataset.reading import check_bounds, load
from edge.errors import DataError, InputError
from edge.formats import paths
from edge.formats.fab.rules import NO_RULES, Rules
from edge.wafer.patterns import PatternSet
from edge.wafer.wafermap import DieGrid
from edge.wafer.warned import Warned


def load_any(
    path: Path,
    patterns: PatternSet | None = None,
    rules: Rules = NO_RULES,
    warned: Warned | None = None,
) -> LabelledSet:
    """Read a labelled-set ``.npz``, or a folder with one sub-folder a pattern.

    Args:
        path: The file or folder.
        patterns: What class folders are named after; None: whatever they are called.
        rules: What passes in files of a fab that do not say so themselves.
        warned: Gets what the files of class folders warn of.

    Raises:
        DataError: unreadable set, a sub-folder that is no pattern, or a wafer map that cannot be
            read: a figure must not silently rest on fewer wafers than were given.
    """
    try:
        if not path.is_dir():
            return load(path)
        return from_class_folders(path, patterns, rules, warned or Warned())
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror})") from error


def from_class_folders(
    path: Path, patterns: PatternSet | None, rules: Rules, warned: Warned
) -> LabelledSet:
    """Read ``path/<pattern>/<wafer maps>``, at any depth. Raises: as ``load_any``."""
    grids: list[DieGrid] = []
    labels: list[str] = []
    parts: list[str] = []
    dies = 0
    found = class_folders(path, patterns)
    for folder, name in found.files():
        for item in warned.noting(paths.read_items([name], rules=rules)):
            if isinstance(item, InputError):
                raise DataError(f"{item} (or take it out of the set)") from item
            dies += item.dies.size
            check_bounds(len(grids) + 1, dies, str(path))
            grids.append(item.dies)
            labels.append(folder.pattern)
            parts.append(folder.part)
    found.check_complete(set(labels))
    columns = {"part": np.asarray(parts, dtype=str)} if any(parts) else {}
    return build(grids, labels, found.patterns, **columns)
