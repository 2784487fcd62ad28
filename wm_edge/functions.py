"""A file, a folder or an array in; wafer maps and predictions out."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final

import numpy.typing as npt

from edge.classification.classifier import Classifier
from edge.classification.prediction import Prediction
from edge.errors import InputError, InputKind
from edge.formats.fab.rules import rules_of
from edge.formats.name_pattern import NamePattern, Names
from edge.formats.paths import expand, read_items
from edge.model.model_file import load
from edge.wafer.wafermap import WaferMap, as_grid
from edge.wafer.warned import Warned

#: A classifier is not for several threads at once, and all share the one that ships.
_ONE_AT_A_TIME: Final = Lock()


def read(
    path: str | Path,
    *,
    on_error: Callable[[InputError], object] | None = None,
    name_pattern: str = "",
    pass_bins: Sequence[str] = (),
    none_bins: Sequence[str] = (),
    recipes: str | Path | None = None,
) -> Iterator[WaferMap]:
    """Read wafer maps, one after the other: none is kept.

    What a file warns of is the ``warning`` of its wafers; at the end the first few are told, with
    how many there are, as a ``UserWarning`` of Python's.

    Args:
        path: A file of any format that ``wm-edge classify`` reads, a folder or a pattern (``*``).
        on_error: Called with each wafer, file or folder that cannot be used; the others go on. By
            default the first ends it.
        name_pattern: Where lot, wafer and slot stand in names, ``{lot}_{wafer}``, if anywhere.
        pass_bins: Codes that pass in files of probers and testers, all others fail; none: as the
            file says, or a recipe.
        none_bins: Codes that are no die in such files.
        recipes: A folder of recipes (``*.toml``) for such files of a device or a tool, and for
            pictures in colours of their own.

    Raises:
        ValueError: the pattern is none.
        TypeError: codes that are no list of texts.
        UsageError: a code is said to pass and to be no die, or a recipe cannot be used.
        InputError: the first that cannot be used, where there is no ``on_error``.
    """
    names = Names(NamePattern(name_pattern), [path]) if name_pattern else None
    folder = None if recipes is None else Path(recipes)
    rules = rules_of(_codes(pass_bins), _codes(none_bins), folder)
    warned = Warned()
    try:
        for item in warned.noting(read_items(expand([path]), names, rules)):
            if isinstance(item, WaferMap):
                yield item
            elif on_error is None:
                raise item
            else:
                on_error(item)
    finally:  # whoever stops after the first wafer is told of that one
        for sentence in warned.sentences():
            warnings.warn(sentence, stacklevel=2)


def _codes(given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, str) or not all(isinstance(code, str) for code in given):
        what = f"codes are a list of texts, as ['01', 'A5'], not {given!r}"
        raise TypeError(what)
    return tuple(given)


def classify(
    wafer: WaferMap | npt.ArrayLike | str | Path, classifier: Classifier | None = None
) -> Prediction:
    """Classify one wafer.

    Args:
        wafer: A file of one wafer, a wafer map, or an array (rows, columns) of 0 no die, 1 pass,
            2 fail, row 0 at the top.
        classifier: None for the model file that ships, loaded once.

    Raises:
        TypeError: it is something else.
        InputError: it cannot be read, or is not exactly one wafer.
        ModelError: the model file that ships is damaged.
        RuntimeUnavailableError: no TFLite runtime works here.
    """
    if classifier is not None and not isinstance(classifier, Classifier):
        what = f"the second argument is a Classifier, not {type(classifier).__name__}"
        raise TypeError(f"{what}; make one for all wafers: Classifier(load(path))")
    found = _one(wafer)
    if classifier is not None:
        return classifier.classify(found)
    with _ONE_AT_A_TIME:
        return _shipped().classify(found)


@cache
def _shipped() -> Classifier:
    return Classifier(load())


def _one(wafer: WaferMap | npt.ArrayLike | str | Path) -> WaferMap:
    if isinstance(wafer, WaferMap):
        return wafer
    if isinstance(wafer, (str, os.PathLike)):
        return _of_file(os.fspath(wafer))
    numbers = (
        not any(isinstance(one, (str, os.PathLike, WaferMap)) for one in wafer)
        if isinstance(wafer, (list, tuple))
        else hasattr(wafer, "__array__")
    )
    if not numbers:
        what = "classify() takes one wafer: its path, an array (rows, columns) or a WaferMap"
        mend = "of several give one after the other, of what is open the path"
        raise TypeError(f"{what}, not {type(wafer).__name__}; {mend}")
    return WaferMap(as_grid(wafer, "array").copy())  # what becomes of the array is the script's


def _of_file(path: str) -> WaferMap:
    if not path or "://" in path:
        what = "no name of a file; give the path of one, and save first what is elsewhere"
        raise InputError(path or repr(path), InputKind.MISSING, what)
    wafers = [] if Path(path).is_dir() else list(islice(read(path), 2))
    if len(wafers) == 1:
        return wafers[0]
    what = "holds several wafers" if wafers else "is a folder"
    text = f"{what}, and classify() takes one wafer; go through it with wm_edge.read()"
    raise InputError(path, InputKind.AMBIGUOUS, text)
