"""A file, a folder or an array in; wafer maps and predictions out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from edge.classification.classifier import Classifier
from edge.classification.prediction import Prediction
from edge.errors import InputError, InputKind
from edge.formats.paths import read_all
from edge.model.model_file import load
from edge.wafer.wafermap import WaferMap, check_grid

#: A classifier is not for several threads at once, and all share the one that ships.
_ONE_AT_A_TIME: Final = Lock()


def read(
    path: str | Path, *, on_error: Callable[[InputError], object] | None = None
) -> Iterator[WaferMap]:
    """Read wafer maps, one after the other: none is kept.

    Args:
        path: A file of any format that ``wm-edge classify`` reads, a folder or a pattern (``*``).
        on_error: Called with each wafer, file or folder that cannot be used; the others go on. By
            default the first ends it.

    Raises:
        InputError: the first that cannot be used, where there is no ``on_error``.
    """
    for item in read_all([path]):
        if isinstance(item, WaferMap):
            yield item
        elif on_error is None:
            raise item
        else:
            on_error(item)


def classify(
    wafer: WaferMap | npt.ArrayLike | str | Path, classifier: Classifier | None = None
) -> Prediction:
    """Classify one wafer.

    Args:
        wafer: A file of one wafer, a wafer map, or an array (rows, columns) of 0 no die, 1 pass,
            2 fail, row 0 at the top.
        classifier: None for the model file that ships, loaded once.

    Raises:
        InputError: it cannot be read, or is not exactly one wafer.
        ModelError: the model file that ships is damaged.
        RuntimeUnavailableError: no TFLite runtime works here.
    """
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
        return replace(wafer, dies=check_grid(np.asarray(wafer.dies), wafer.source or "wafer map"))
    if not isinstance(wafer, (str, os.PathLike)):
        return WaferMap(check_grid(np.asarray(wafer), "array"))
    wafers = list(islice(read(wafer), 2))
    if len(wafers) == 1:
        return wafers[0]
    kind, how_many = (
        (InputKind.AMBIGUOUS, "several wafers") if wafers else (InputKind.EMPTY, "no wafer")
    )
    text = f"holds {how_many}, and classify() takes one; go through it with wm_edge.read()"
    raise InputError(os.fspath(wafer), kind, text)
