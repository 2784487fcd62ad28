"""Labelled wafers from whatever holds them: the labelled set, or class folders of wafer maps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edge.dataset.labelled_set import LabelledSet, Part, build, check_bounds
from edge.dataset.reading import load
from edge.errors import DataError, InputError
from edge.formats import paths
from edge.system.typed import MismatchError
from edge.wafer.patterns import SPELLING, PatternSet, flaw, named_set, spelled
from edge.wafer.wafermap import DieGrid

#: What folders above the class folders may be called, and the part that each is.
_PARTS: Final = {
    "train": Part.TRAIN.value,
    "val": Part.VAL.value,
    "valid": Part.VAL.value,
    "validation": Part.VAL.value,
    "test": Part.TEST.value,
}


@dataclass(frozen=True)
class ClassFolders:
    """What folders there are.

    Attributes:
        folders: Each with its pattern, and its part or an empty text.
        patterns: The patterns that they show.
        merged: Names that are one pattern, a sentence each.
    """

    folders: tuple[tuple[Path, str, str], ...]
    patterns: PatternSet
    merged: tuple[str, ...]

    def check_complete(self, labels: set[str]) -> None:
        """Refuse a pattern that no wafer shows.

        Raises:
            DataError: a folder of that name holds no wafer map.
        """
        for folder, pattern, _ in self.folders:
            if pattern not in labels:
                raise DataError(
                    f"{folder}: an empty class folder, no wafer map of {pattern} was found; put "
                    "some there or move the folder elsewhere"
                )


def load_any(path: Path, patterns: PatternSet | None = None) -> LabelledSet:
    """Read a labelled-set ``.npz``, or a folder with one sub-folder a pattern.

    Args:
        path: The file or folder.
        patterns: What class folders are named after; None: whatever they are called.

    Raises:
        DataError: unreadable set, a sub-folder that is no pattern, or a wafer map that cannot be
            read: a figure must not silently rest on fewer wafers than were given.
    """
    try:
        return from_class_folders(path, patterns) if path.is_dir() else load(path)
    except OSError as error:
        raise DataError(f"{error.filename or path}: cannot be read ({error.strerror})") from error


def from_class_folders(path: Path, patterns: PatternSet | None = None) -> LabelledSet:
    """Read ``path/<pattern>/<wafer maps>``, at any depth. Raises: as ``load_any``."""
    grids: list[DieGrid] = []
    labels: list[str] = []
    parts: list[str] = []
    dies = 0
    found = class_folders(path, patterns)
    for folder, pattern, part in found.folders:
        for item in paths.read_items(paths.expand([folder])):
            if isinstance(item, InputError):
                raise DataError(f"{item} (or take it out of the set)") from item
            dies += item.dies.size
            check_bounds(len(grids) + 1, dies, str(path))
            grids.append(item.dies)
            labels.append(pattern)
            parts.append(part)
    columns = {"part": np.asarray(parts, dtype=str)} if any(parts) else {}
    return build(grids, labels, found.patterns, **columns)


def class_folders(
    path: Path, patterns: PatternSet | None = None, none: str | None = None
) -> ClassFolders:
    """The sub-folders with the pattern that each is named after, in any spelling.

    Folders ``train``, ``val`` and ``test`` above them say what part their wafers are. Hidden
    folders are passed over.

    Args:
        path: The folder of the class folders.
        patterns: What they are named after; None: whatever they are called (``named_set``).
        none: Which of them means no pattern, where their names do not say it.

    Raises:
        DataError: a sub-folder is named after no pattern, or there is none.
    """
    tops = [(folder, _PARTS.get(folder.name.casefold(), "")) for folder in _visible(path)]
    divided = bool(tops) and all(part for _, part in tops)
    found = [(each, part) for top, part in tops for each in _visible(top)] if divided else []
    found = found if divided else [(folder, "") for folder, _ in tops]
    if not found:
        known = f" ({patterns.listed})" if patterns else ""
        raise DataError(
            f"{path}: has no class folders; expected is one folder a pattern{known} with a wafer "
            "map a file"
        )
    for folder, _ in found:
        if wrong := flaw(folder.name):
            raise DataError(f"{folder}: a class folder is named after its pattern; this {wrong}")
    alike = {spelled(folder.name): folder.name for folder, _ in reversed(found)}
    try:
        patterns = patterns or named_set(alike.values(), none)
    except MismatchError as error:
        raise DataError(f"{path}: the class folders are no pattern set: {error}") from None
    named = [(folder, patterns.named(folder.name) or "", part) for folder, part in found]
    for folder, pattern, _ in named:
        if not pattern:
            raise DataError(
                f"{folder}: a class folder is named after its pattern, and this is none of "
                f"{patterns.listed} ({SPELLING}); rename it or move it elsewhere"
            )
    return ClassFolders(tuple(named), patterns, tuple(_merged(named)))


def _visible(path: Path) -> list[Path]:
    return [
        folder
        for folder in sorted(path.iterdir())
        if folder.is_dir() and not folder.name.startswith((".", "__"))
    ]


def _merged(named: list[tuple[Path, str, str]]) -> Iterator[str]:
    called: dict[str, set[str]] = {}
    for folder, pattern, _ in named:
        called.setdefault(pattern, set()).add(folder.name)
    for pattern, names in called.items():
        if len(names) > 1:
            yield f"the folders {' and '.join(sorted(names))} are one pattern, {pattern}"
