"""Model files in, what tells them apart out: figures side by side, a row a figure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Final

from edge.model import flatbuffer
from edge.model.measured import ClassFigures
from edge.model.model_file import ModelFile
from edge.system.text import columns, padded, printable

if TYPE_CHECKING:
    from edge.classification.classifier import Classifier

#: Classes of fewer wafers say little.
_FEW: Final = 100

#: Inferences of each that are timed.
_RUNS: Final = 200

_UNKNOWN: Final = "-"


def table(models: Sequence[ModelFile], times: Sequence[float] = ()) -> list[str]:
    """A line a figure, a column a model file.

    Args:
        models: At least one.
        times: What an inference of each takes relative to that of the first; none: not measured.
    """
    rows = [("model file", [printable(model.metadata.name) for model in models])]
    rows += [(what, [figure(model) for model in models]) for what, figure in _FIGURES.items()]
    if times:
        rows.append(("time of an inference here, relative", [f"{one:.2f}" for one in times]))
    first = max(columns(what) for what, _ in rows)
    widths = [max(map(columns, column)) for column in zip(*(row for _, row in rows), strict=True)]

    def line(what: str, row: Sequence[str]) -> str:
        cells = (" " * (width - columns(one)) + one for one, width in zip(row, widths, strict=True))
        return "  ".join([padded(what, first), *cells])

    return [line(what, row) for what, row in rows]


def relative_times(classifiers: Sequence[Classifier]) -> list[float]:
    """Median time of an inference of each, in turns on one thread, relative to the first's."""
    taken: list[list[float]] = [[] for _ in classifiers]
    for _ in range(_RUNS):
        for times, classifier in zip(taken, classifiers, strict=True):
            began = time.perf_counter()
            classifier.runtime.interpreter.invoke()
            times.append(time.perf_counter() - began)
    return [median(times) / median(taken[0]) for times in taken]


def _kilo(model: ModelFile, key: str) -> str:
    known = model.metadata.firmware
    return _UNKNOWN if known is None else f"{getattr(known, key) / 1000:.1f}"


def _accuracy(model: ModelFile) -> str:
    known = model.metadata.accuracy
    return f"{100 * known.int8.macro_recall:.1f}" if known else _UNKNOWN


def _weakest(model: ModelFile) -> str:
    known = model.metadata.accuracy
    classes: Mapping[str, ClassFigures] = known.int8.per_class if known else {}
    shares = [
        (each.recall, name)
        for name, each in classes.items()
        if each.recall is not None and each.n >= _FEW
    ]
    if not shares:
        return _UNKNOWN
    least, name = min(shares)
    return f"{printable(name)} {100 * least:.1f}"


def _reviewed(model: ModelFile) -> str:
    known = model.metadata.accuracy
    return f"{100 * known.review.share:.1f}" if known and known.review else _UNKNOWN


_FIGURES: Final[Mapping[str, Callable[[ModelFile], str]]] = {
    "size, kB": lambda model: f"{len(model.content) / 1000:.1f}",
    "multiply-accumulates, million": lambda model: (
        f"{flatbuffer.read(model.network, model.path).macs / 1e6:.1f}"
    ),
    "flash of a microcontroller, kB": lambda model: _kilo(model, "flash"),
    "RAM of a microcontroller, kB": lambda model: _kilo(model, "ram"),
    "mean per-class accuracy, %": _accuracy,
    f"weakest of {_FEW} wafers or more, %": _weakest,
    "to a person, %": _reviewed,
}
