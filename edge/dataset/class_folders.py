"""Class folders of wafer maps: which there are, what each is named after, what lies beside."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from edge.dataset.labelled_set import Part
from edge.dataset.labels import set_of
from edge.errors import DataError, InputError, InputKind, UsageError
from edge.formats import paths
from edge.formats.registry import HIDDEN
from edge.system.text import counted
from edge.system.typed import MismatchError
from edge.wafer.patterns import SPELLING, PatternSet, SetKind, flaw, spelled

#: What folders above the class folders, and parts in a table, may be called, and what each is.
PARTS: Final = {
    "train": Part.TRAIN.value,
    "training": Part.TRAIN.value,
    "val": Part.VAL.value,
    "valid": Part.VAL.value,
    "validation": Part.VAL.value,
    "test": Part.TEST.value,
    "testing": Part.TEST.value,
}

#: How a folder beside the class folders is spelled whose wafers have no label.
_UNLABELLED: Final = ("unlabelled", "unlabeled")

#: Beginnings of names of folders that are passed over: hidden ones, and what systems keep.
_PASSED_OVER: Final = (HIDDEN, "__")

#: Files without a wafer map that are named.
_NAMED: Final = 3

#: What no folder's name can hold, on whatever system.
_NO_FOLDER: Final = re.compile(r'[/\\:*?"<>|]|[. ]$')


class ClassFolder(NamedTuple):
    """One folder.

    Attributes:
        path: Where it is.
        pattern: What it is named after; empty: its wafers have no label.
        part: A ``Part``, or empty.
    """

    path: Path
    pattern: str
    part: str


def check_folder_name(pattern: str, instead: str) -> None:
    """Refuse a pattern after which no class folder can be named; ``instead`` says what to do.

    Raises:
        UsageError: a system does not take that name, or readers take such a folder otherwise.
    """
    taken = pattern.startswith(_PASSED_OVER) or spelled(pattern) in _UNLABELLED
    if taken or pattern.casefold() in PARTS or _NO_FOLDER.search(pattern):
        raise UsageError(f"{pattern!r} cannot be the name of a class folder; {instead}")


@dataclass(frozen=True)
class ClassFolders:
    """What folders there are.

    Attributes:
        folders: All of them.
        patterns: The patterns that they show.
        notes: What was merged, passed over or followed, a sentence each.
    """

    folders: tuple[ClassFolder, ...]
    patterns: PatternSet
    notes: tuple[str, ...]

    def files(self) -> Iterator[tuple[ClassFolder, str | InputError]]:
        """The files of each folder, as ``paths.expand`` names them."""
        for folder in self.folders:
            for item in paths.expand([folder.path]):
                # Where no other folder of its pattern holds any, ``check_complete`` says so.
                if not (isinstance(item, InputError) and item.kind is InputKind.EMPTY):
                    yield folder, item

    def check_complete(self, labels: set[str], problems: Iterable[str] = ()) -> None:
        """Refuse a pattern that no wafer shows.

        Args:
            labels: Of the wafers found.
            problems: With files that could not be read.

        Raises:
            DataError: a folder of that name holds no wafer map.
        """
        for folder, pattern, _ in self.folders:
            if pattern and pattern not in labels:
                mine = (each for each in problems if each.startswith(f"{folder}{os.sep}"))
                first = next((f" (first: {each})" for each in mine), "")
                files = sum(isinstance(item, str) for item in paths.expand([folder]))
                held = (
                    f"{counted(files, 'file')}, none can be read"
                    if files
                    else "an empty class folder"
                )
                raise DataError(
                    f"{folder}: {held}, no wafer map of {pattern} was found{first}; put some "
                    "there or move the folder elsewhere"
                )


def class_folders(
    path: Path,
    patterns: PatternSet | None = None,
    none: str | None = None,
    kind: SetKind = SetKind.EXCLUSIVE,
) -> ClassFolders:
    """The sub-folders with the pattern that each is named after, in any spelling.

    Folders ``train``, ``val`` and ``test`` above them say what part their wafers are. Wafers of a
    folder ``unlabelled`` beside them have no label and no part. Hidden folders are passed over.

    Args:
        path: The folder of the class folders.
        patterns: What they are named after; None: whatever they are called (``set_of``).
        none: Which of them means no pattern, where their names do not say it.
        kind: Of the pattern set that their names make: of several, ``Center+Scratch`` holds wafers
            that show both.

    Raises:
        DataError: a sub-folder is named after no pattern, there is none, or a link in one leads
            out of it.
    """
    above, found = _found(path, patterns)
    named = [folder.path.name for folder in found if folder.pattern]
    if not named:
        known = f" ({patterns.listed})" if patterns else ""
        raise DataError(
            f"{path}: has no class folders; expected is one folder a pattern{known} with a wafer "
            "map a file (`wm-edge dataset import --unlabelled` takes wafers without a label)"
        )
    for folder, name, _ in found:
        if name and (wrong := flaw(name)):
            raise DataError(f"{folder}: a class folder is named after its pattern; this {wrong}")
    try:
        patterns = patterns or set_of(named, none, kind)
    except MismatchError as error:
        raise DataError(
            f"{path}: the class folders are no pattern set: {error}; rename them, or merge or move "
            "some"
        ) from None
    folders = tuple(each._replace(pattern=_label(each, patterns)) for each in found)
    return ClassFolders(folders, patterns, (*_merged(folders), *_notes(above, folders)))


def _label(each: ClassFolder, patterns: PatternSet) -> str:
    """What the wafers of a folder show, by its name; empty where they have no label."""
    try:
        return patterns.label_of(each.pattern) if each.pattern else ""
    except MismatchError as error:
        why = f" ({error})" if patterns.is_several else ""
        raise DataError(
            f"{each.path}: a class folder is named after its pattern, and this is none of "
            f"{patterns.listed} ({SPELLING}){why}; rename it or move it elsewhere"
        ) from None


def _found(path: Path, patterns: PatternSet | None) -> tuple[list[Path], list[ClassFolder]]:
    """The folders above the class folders, and these, their names not yet looked at."""

    def below(folder: Path, part: str) -> Iterator[ClassFolder]:
        for each in sorted(folder.iterdir()):
            if each.is_dir() and not each.name.startswith(_PASSED_OVER):
                known = patterns and patterns.named(each.name)
                bare = spelled(each.name) in _UNLABELLED and not known
                yield ClassFolder(each, "" if bare else each.name, "" if bare else part)

    tops = list(below(path, ""))
    parts = {top.path: PARTS.get(top.pattern.casefold(), "") for top in tops if top.pattern}
    if not any(parts.values()):
        return [path], tops
    if all(parts.values()):
        bare = [top for top in tops if not top.pattern]
        inner = [each for top, part in parts.items() for each in below(top, part)]
        return [path, *parts], [*inner, *bare]
    if any(part and next(below(top, part), None) for top, part in parts.items()):
        odd = next(top for top, part in parts.items() if not part)
        listed = ", ".join(top.name for top, part in parts.items() if part)
        raise DataError(
            f"{odd}: stands beside folders of parts ({listed}); put it into one of them, or move "
            "it elsewhere"
        )
    return [path], tops


def _merged(folders: Iterable[ClassFolder]) -> Iterator[str]:
    called: dict[str, set[str]] = {}
    for folder, pattern, _ in folders:
        called.setdefault(pattern, set()).add(folder.name)
    for pattern, names in called.items():
        if pattern and len(names) > 1:
            yield f"the folders {' and '.join(map(repr, sorted(names)))} are one pattern, {pattern}"


def _notes(above: Iterable[Path], folders: Iterable[ClassFolder]) -> Iterator[str]:
    """What lies beside and in class folders and is no wafer map."""
    seen: Counter[str] = Counter()
    others: list[str] = []
    for entry in (each for folder in above for each in folder.iterdir()):
        if entry.is_dir():
            seen["hidden"] += entry.name.startswith(_PASSED_OVER)
        else:
            seen["beside"] += not entry.name.startswith(HIDDEN)
    _check_apart([(_look_through(each.path, seen, others), each) for each in folders])
    for key, word, what in (
        ("beside", "file", "beside the class folders"),
        ("hidden", "folder", "whose names begin with . or __"),
        ("others", "file", "in them of no format that is read"),
    ):
        if seen[key]:
            named = f", as {', '.join(sorted(others))}" if key == "others" else ""
            yield f"passed over: {counted(seen[key], word)} {what}{named}"
    if seen["links"]:
        yield f"followed: {counted(seen['links'], 'link')} to wafer maps"


def _check_apart(found: list[tuple[Path, ClassFolder]]) -> None:
    """Refuse folders of two patterns, each with where it really is, that hold the same wafers."""
    homes = dict(found)
    for home, inner in found:
        for outer in filter(None, map(homes.get, (home, *home.parents))):
            if outer.pattern != inner.pattern:
                raise DataError(
                    f"{outer.path}: its wafers are those of {inner.path}, too, through a link; a "
                    "wafer has one label, take the link away"
                )


def _look_through(folder: Path, seen: Counter[str], others: list[str]) -> Path:
    """Count visible files below a folder that are no wafer maps, and links to such as are.

    ``others`` gets the names of the first that are none.

    Returns:
        Where the folder really is.

    Raises:
        DataError: a link leads to a folder elsewhere: its wafers would be of this pattern, too.
    """
    home = Path(os.path.realpath(folder))
    waiting = [os.fspath(folder)]
    while waiting:
        # One that cannot be listed is told where it is read.
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.name.startswith(HIDDEN):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                elif entry.is_symlink() and os.path.isdir(entry.path):  # noqa: PTH112
                    if home not in Path(os.path.realpath(entry.path)).parents:
                        raise DataError(
                            f"{entry.path}: a link that leads out of its class folder; take it "
                            "away, or put what it leads to in its place"
                        )
                else:
                    counts = paths.counts(entry.name, entry.path)
                    seen["others"] += not counts
                    if not counts and len(others) < _NAMED:
                        others.append(entry.name)
                    seen["links"] += entry.is_symlink() and counts
    return home
