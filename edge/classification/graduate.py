"""A pattern of one's own on its way into a network: its examples as a class of labelled wafers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import numpy as np
from msgspec import structs

from edge.classification.refit import grids_of
from edge.dataset.labelled_set import LabelledSet, build, concatenate
from edge.errors import OutputError, UsageError
from edge.own.pattern_file import SUFFIX, OwnPattern, path_of
from edge.system.typed import MismatchError

#: How the names of files in a class folder state lot and wafer.
NAME_PATTERN = "{lot}_{wafer}"


def class_folder(pattern: OwnPattern, folder: Path) -> tuple[Path, bool]:
    """Write the examples as ``.npy`` files into a class folder of the pattern's name.

    Returns:
        The class folder, and whether all files are named by ``NAME_PATTERN``: else lot or wafer of
        an example is not known, and they are numbered.

    Raises:
        UsageError: an example is no wafer map.
        OutputError: the class folder is there already, or cannot be written.
    """
    grids = grids_of(pattern)
    place = folder / path_of(folder, pattern.name).name.removesuffix(SUFFIX)
    names = [
        f"{quote(one.lot or '', ' ')}_{quote(one.wafer or '', ' ')}" for one in pattern.examples
    ]
    named = len(set(names)) == len(names) and all(one.lot and one.wafer for one in pattern.examples)
    try:
        place.mkdir(parents=True)
        for number, (name, dies) in enumerate(zip(names, grids, strict=True)):
            np.save(place / f"{name if named else f'{number:02d}'}.npy", dies)
    except FileExistsError:
        raise OutputError(f"{place}: is there already; choose another folder") from None
    except OSError as error:
        raise OutputError(f"{place}: cannot be written ({error.strerror})") from error
    return place, named


def with_examples(labelled: LabelledSet, pattern: OwnPattern) -> LabelledSet:
    """A labelled set with the examples as wafers of one more class; it is to be split anew.

    Where it has a class of that name already they are wafers of that.

    Raises:
        UsageError: an example is no wafer map, or the set has as many classes as it may.
    """
    patterns = labelled.patterns
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
