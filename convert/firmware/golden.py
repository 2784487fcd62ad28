"""Wafers with known answers, for a self-test on the board: ``golden.h`` and ``golden.c``.

Drawn by formulas, never real ones. The answers are those of the station with the arithmetic of the
kernels that the firmware is made of, which it must give to the byte.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from convert.firmware import csource
from convert.firmware.rounding import Rounding
from convert.firmware.simulate import Simulation
from convert.firmware.sources import template
from edge.classification.classifier import Classifier
from edge.classification.prediction import Prediction
from edge.dataset.drawn import SIDES, drawn
from edge.model import flatbuffer
from edge.model.model_file import ModelFile
from edge.model.runtime import Kernels
from edge.verdict.rule import MIN_FAILS, REASONS
from edge.wafer import encoding, probes
from edge.wafer.patterns import PATTERNS
from edge.wafer.wafermap import FAIL, PASS, DieGrid, WaferMap

#: Places of the drawn wafers that are taken: pattern and side, each another.
_DRAWN: Final = (("Center", 26), ("Donut", 33), ("Edge-Ring", 40), ("Scratch", 64), ("none", 26))
#: A fragment, smaller than the network's input, with rows and columns outside its dies.
_FRAGMENT: Final = (9, 7)


@dataclass(frozen=True)
class Golden:
    """One wafer and its answers, int8 those of the network.

    They are all 0 where the wafer is ``clear``: so few dies fail that no network was asked.
    """

    dies: DieGrid
    encoded: encoding.Encoded
    logits: npt.NDArray[np.int8]
    embedding: npt.NDArray[np.int8]
    prediction: Prediction
    clear: bool


def wafers() -> list[DieGrid]:
    """The wafers, uint8 (rows, columns) each; the same in every run."""
    drawn_set = drawn()
    places = [SIDES.index(side) * len(PATTERNS) + PATTERNS.index(name) for name, side in _DRAWN]
    rows, columns = np.indices(_FRAGMENT)
    fragment = np.where((rows > 1) & (columns > 0), 1 + (rows * columns % 5 == 0), 0)
    return [
        *(probes.probe(which) for which in range(probes.PROBES)),
        *(few_fails(fails) for fails in (0, MIN_FAILS - 1, MIN_FAILS)),
        *(drawn_set.grid(place) for place in places),
        fragment.astype(np.uint8),
    ]


def few_fails(fails: int) -> DieGrid:
    """A round wafer with so few failing dies, in its middle row: uint8 (26, 26)."""
    dies: DieGrid = np.minimum(probes.probe(0), PASS)
    dies[len(dies) // 2, 2 : 2 + 5 * fails : 5] = FAIL
    return dies


class _Simulated(Classifier):
    """The station's own verdict on what kernels of TFLite Micro's arithmetic would give."""

    def __init__(self, model: ModelFile) -> None:
        super().__init__(model, kernels=Kernels.REFERENCE)
        self._simulation = Simulation(flatbuffer.read(model.content, model.path), Rounding.MICRO)

    def outputs(self, encoded: encoding.Encoded) -> tuple[list[int], npt.NDArray[np.int8]]:
        found = self._simulation(encoding.to_int8(encoded)[np.newaxis])
        return found[self._logits][0].tolist(), found[self._embedding][0]


def answers(
    model: ModelFile, grids: Sequence[DieGrid], rounding: Rounding = Rounding.LITERT
) -> list[Golden]:
    """What the station says of wafers.

    With the arithmetic of LiteRT's reference kernels themselves, or that of TFLite Micro as
    ``convert.firmware.simulate`` computes it, since a station need not have it.

    Raises:
        RuntimeUnavailableError: no TFLite runtime works here.
        ModelError: the file's tensors do not match its metadata.
    """
    classifier = (
        _Simulated(model)
        if rounding is Rounding.MICRO
        else Classifier(model, kernels=Kernels.REFERENCE)
    )
    found = []
    for dies in grids:
        encoded = encoding.encode(dies, classifier.size)
        prediction = classifier.classify(WaferMap(dies))
        logits, embedding = (np.asarray(one, np.int8) for one in classifier.outputs(encoded))
        if clear := classifier.is_clear(prediction.wafer_map):
            logits, embedding = np.zeros_like(logits), np.zeros_like(embedding)
        found.append(Golden(dies, encoded, logits, embedding, prediction, clear))
    return found


def packed(dies: DieGrid) -> npt.NDArray[np.uint8]:
    """Two bits a die, row by row, the first in the lowest bits: ``wm_grid.cells``, uint8 (n,)."""
    flat = np.zeros(-(-dies.size // 4) * 4, np.uint8)
    flat[: dies.size] = dies.reshape(-1)
    bytes_: npt.NDArray[np.uint8] = (flat.reshape(-1, 4) << np.asarray([0, 2, 4, 6], np.uint8)).sum(
        axis=1, dtype=np.uint8
    )
    return bytes_


def header(count: int) -> str:
    """``golden.h`` for so many wafers."""
    return template("golden.h", {"COUNT": count})


def body(wafers_: Sequence[Golden]) -> str:
    """``golden.c``."""
    arrays = [
        csource.array(f"dies{place}", packed(golden.dies)) for place, golden in enumerate(wafers_)
    ]
    items = [_item(place, golden) for place, golden in enumerate(wafers_)]
    return (
        '#include "golden.h"\n\n'
        + "\n".join(arrays)
        + "\nconst golden_wafer golden_wafers[GOLDEN_WAFERS] = {\n"
        + "".join(items)
        + "};\n"
    )


def _item(place: int, golden: Golden) -> str:
    prediction = golden.prediction
    values = {
        "rows": golden.dies.shape[0],
        "columns": golden.dies.shape[1],
        "dies": f"dies{place}",
        "encoded_crc": f"{zlib.crc32(golden.encoded.tobytes()):#010x}u",
        "die_count": prediction.wafer_map.die_count,
        "fail_count": prediction.wafer_map.fail_count,
        "pattern": list(prediction.probabilities).index(prediction.pattern),
        "reason": f"(wm_reason){REASONS.index(prediction.reason)}",
        "logits": _list(golden.logits.tolist()),
        "embedding": _list(golden.embedding.tolist()),
        "probabilities": _list([_float(value) for value in prediction.probabilities.values()]),
        "confidence": _float(prediction.confidence),
        "below": _float(prediction.below),
        "unfamiliarity": _float(prediction.unfamiliarity),
        "mixture": _float(prediction.mixture),
    }
    members = "".join(f"     .{name} = {value},\n" for name, value in values.items())
    return f"    {{\n{members}    }},\n"


def _list(values: Sequence[object]) -> str:
    return "{" + ", ".join(map(str, values)) + "}"


def _float(value: float) -> str:
    """A float32 literal."""
    return f"{float(np.float32(value))!r}f"
