"""A pattern of one's own on its way into a network: its examples as a class of labelled wafers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import structs

from edge.classification.refit import grids_of
from edge.dataset.class_folders import check_folder_name
from edge.dataset.labelled_set import LabelledSet, build, concatenate
from edge.errors import OutputError, UsageError
from edge.formats.name_pattern import NamePattern
from edge.formats.registry import HIDDEN
from edge.own.pattern_file import Example, OwnPattern
from edge.system.typed import MismatchError

#: How the names of files in a class folder state lot and wafer.
NAME_PATTERN: Final = "{lot}_{wafer}"

#: Characters of such a name: most file systems take 255 bytes.
_LONGEST: Final = 60


def class_folder(pattern: OwnPattern, folder: Path) -> tuple[Path, bool]:
    """Write the examples as ``.npy`` files into a class folder of the pattern's name.

    Returns:
        The class folder, and whether all files are named by ``NAME_PATTERN``: else lot or wafer of
        an example is not known, and they are numbered.

    Raises:
        UsageError: an example is no wafer map, or no folder can have the pattern's name.
        OutputError: the class folder is there already, or cannot be written.
    """
    check_folder_name(pattern.name, "put the examples into a labelled set (--data)")
    grids, place = grids_of(pattern), folder / pattern.name
    names = [f"{one.lot}_{one.wafer}" for one in pattern.examples]
    named = len(set(names)) == len(names) and all(map(_is_read_back, pattern.examples, names))
    try:
        place.mkdir(parents=True)
        for number, (name, dies) in enumerate(zip(names, grids, strict=True)):
            np.save(place / f"{name if named else f'{number:02d}'}.npy", dies)
    except FileExistsError:
        raise OutputError(f"{place}: is there already; choose another folder") from None
    except OSError as error:
        raise OutputError(f"{place}: cannot be written ({error.strerror})") from error
    return place, named


def _is_read_back(example: Example, name: str) -> bool:
    """Whether a name says lot and wafer of an example, and a file can be called so."""
    said = NamePattern(NAME_PATTERN).match(f"{name}.npy")
    is_plain = name.isprintable() and len(name) <= _LONGEST and not name.startswith(HIDDEN)
    return is_plain and said == (example.lot, example.wafer, None)


def with_examples(labelled: LabelledSet, pattern: OwnPattern) -> LabelledSet:
    """A labelled set with the examples as wafers of one more class; it is to be split anew.

    Where it has a class of that name already they are wafers of that.

    Raises:
        UsageError: an example is no wafer map, or the set has as many classes as it may, or is one
            of several patterns a wafer.
    """
    patterns = labelled.patterns
    if patterns.is_several:
        raise UsageError("wafers of the set show several patterns, and an example shows one")
    label = patterns.named(pattern.name)
    if label is None:
        label = pattern.name
        others = (name for name in patterns if name != patterns.none)
        names = (*others, label, *([patterns.none] if patterns.none else []))
        try:
            patterns = structs.replace(patterns, names=names)
        except MismatchError as error:
            raise UsageError(f"{label}: cannot be a class of that set: {error}") from None
    columns = {name: values for name, values in labelled.columns.items() if name != "part"}
    count = len(pattern.examples)
    texts = {
        key: np.asarray([getattr(one, key) or "" for one in pattern.examples], str)
        for key in ("lot", "wafer")
    }
    more = build(grids_of(pattern), [label] * count, patterns, **texts)
    return concatenate([replace(labelled, patterns=patterns, columns=columns), more])
