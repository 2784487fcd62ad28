"""What to try when plain int8 costs too much, in order of what it costs the station.

1. other ranges for the activations: same operators, same speed;
2. channels evened out: the same;
3. float or 16-bit arithmetic for the most sensitive layers, at last 16 bits for all: slower;
4. fine-tuning with int8's rounding in the loop: same operators and speed, minutes of work, and the
   network is no longer quite the one that was trained.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from convert.quantise import Calibration
from convert.remedy.search import Build, Trial

if TYPE_CHECKING:
    import keras

#: Wafers that set ranges beside those of the plain conversion, for every remedy.
MORE_WAFERS = 1500


def trials(
    network: keras.Model,
    calibration: Calibration,
    wafers: npt.NDArray[np.uint8],
    tell: Callable[[str], None] = lambda _: None,
    *,
    seed: int = 0,
) -> Iterator[Trial]:
    """Build one remedy after another; stop asking at the first that passes.

    Args:
        network: The float network, of one output or several; left as it is.
        calibration: The wafers of the plain conversion.
        wafers: Encoded wafers of the training part, uint8 (W, size, size, 2); some of them widen
            the calibration, all of them serve fine-tuning.
        tell: Receives progress, a line at a time.
        seed: Chooses the wafers.

    Yields:
        A trial each; a remedy that could not be built is one with a failure.
    """
    try:
        remedies = list(_remedies(network, calibration, wafers, tell, seed))
    except Exception as error:  # noqa: BLE001 - Keras too
        yield Trial("any", None, f"the network cannot be taken apart: {_short(error)}", 0.0)
        return
    for name, build in remedies:
        tell(f"remedy: {name}")
        began = time.monotonic()
        try:
            content, note = build()
        # A converter raises whatever it likes; the next remedy may still serve.
        except Exception as error:  # noqa: BLE001
            yield Trial(name, None, _short(error), time.monotonic() - began)
            continue
        yield Trial(name, content, "", time.monotonic() - began, note)


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _remedies(
    network: keras.Model,
    calibration: Calibration,
    wafers: npt.NDArray[np.uint8],
    tell: Callable[[str], None],
    seed: int,
) -> Iterator[tuple[str, Build]]:
    from convert.remedy import clipping, equalise, finetune, mixed
    from convert.remedy.graph import folded

    plain = folded(network)
    chosen = np.random.default_rng(seed).permutation(len(wafers))[:MORE_WAFERS]
    planes = np.concatenate([calibration.planes, wafers[np.sort(chosen)]])
    wide = Calibration(np.arange(len(planes)), planes, calibration.manifest)
    yield from clipping.remedies(plain, wide)
    yield from equalise.remedies(plain, wide)
    yield from mixed.remedies(plain, wide)
    yield from finetune.remedies(plain, wide, wafers, tell, seed)
