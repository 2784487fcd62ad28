"""The file of ordinary wafers beside a model file: examples of a new pattern are held against them.

``mine.ordinary.npz`` beside ``mine.tflite`` holds embeddings and numbers of wafers that did not
train the network, not their maps; where there are few of those, of some that did as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from edge.classification.views import Sees, view
from edge.errors import OutputError, UsageError, why
from edge.formats.archive import UNREADABLE
from edge.formats.npz import Arrays
from edge.model.model_file import ModelFile
from edge.own.numbers import COUNT
from edge.own.ordinary import Ordinary
from edge.system import shipped
from edge.system.files import exists, replacing
from edge.wafer.wafermap import DieGrid

#: Version of the layout, and of what the numbers mean.
FORMAT: Final = 2

#: Most wafers that are written, and bytes that are read.
MOST: Final = 5000
MAX_BYTES: Final = 64 * 2**20

#: Of the draw.
_SEED: Final = 17

_NAMES: Final = ("format", "network", "embeddings", "numbers")

#: Not in files that hold none of those.
_TRAINED: Final = "trained"

#: So few digits are enough, and keep the file small.
_HALF: Final = np.dtype("<f2")


def beside(model: Path) -> Path:
    """Where the file of a model file lies."""
    return model.with_name(f"{model.stem}.ordinary.npz")


def save(
    path: Path,
    model: ModelFile,
    sees: Sees,
    grids: Iterable[DieGrid],
    trained: Iterable[DieGrid] = (),
) -> Ordinary:
    """Write the file of a model file.

    Args:
        path: See ``beside``.
        model: The model file.
        sees: A classifier of it.
        grids: Maps of wafers that did not train its network, those of a lot one after another; of
            more than ``MOST`` some are drawn.
        trained: Maps of some that did, where there are few others.

    Returns:
        What it holds: of those with failing dies.

    Raises:
        OutputError: it cannot be written.
    """
    seen = [one for grid in grids if (one := view(sees, grid)) is not None]
    order = np.sort(np.random.default_rng(_SEED).permutation(len(seen))[:MOST])
    learnt = [one for grid in trained if (one := view(sees, grid)) is not None]
    found = [*(seen[which] for which in order), *learnt]
    size, count = model.metadata.embedding.size, len(found)
    embeddings = np.asarray([one for one, _ in found], np.int8).reshape(count, size)
    numbers = np.asarray([one for _, one in found], _HALF).reshape(count, COUNT)
    try:
        with replacing(path) as file:
            np.savez_compressed(
                file,
                format=FORMAT,
                network=model.network_sha256,
                embeddings=embeddings,
                numbers=numbers,
                trained=len(learnt),
            )
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from error
    return Ordinary(embeddings, numbers.astype(np.float64), len(learnt))


def of_model(model: ModelFile) -> Ordinary:
    """The ordinary wafers that came with a model file; none where none did.

    A copy of a model file that ships has those that ship with it.

    Raises:
        UsageError: the file beside it is damaged, or of another network.
    """
    own, size = beside(model.path), model.metadata.embedding.size
    for path in [own] if exists(own) else map(beside, shipped.paths()):
        try:
            network, found = _read(path)
            if network == model.network_sha256:
                return _checked(found, size)
            if path == own:
                raise ValueError(f"it is of another network than {model.path.name}")
        except FileNotFoundError:  # of an installation that leaves it out
            pass
        except UNREADABLE as error:
            what = f"{path}: of no use as ordinary wafers ({why(error)})"
            mend = "convert the model file again, or take this one away"
            raise UsageError(f"{what}; {mend}") from error
    return Ordinary(np.zeros((0, size), np.int8), np.zeros((0, COUNT)))


def _read(path: Path) -> tuple[str, list[npt.NDArray[Any]]]:
    """Network, embeddings, numbers and how many trained it, as they stand in a file."""
    with Arrays(path, MAX_BYTES) as file:
        if missing := [name for name in _NAMES if name not in file.names]:
            raise ValueError(f"it lacks {', '.join(missing)}")
        version, network, *found = (file.read(name) for name in _NAMES)
        found.append(file.read(_TRAINED) if _TRAINED in file.names else np.zeros((), np.int64))
    if str(version) != str(FORMAT):
        raise ValueError(f"its layout is {version}, this version reads {FORMAT}")
    return str(network), found


def _checked(arrays: list[npt.NDArray[Any]], size: int) -> Ordinary:
    embeddings, numbers, trained = arrays
    count = len(numbers) if numbers.ndim else 0
    if embeddings.shape != (count, size) or embeddings.dtype != np.int8:
        raise ValueError(f"its embeddings are no int8 ({count}, {size})")
    if numbers.shape != (count, COUNT) or numbers.dtype != _HALF:
        raise ValueError(f"its numbers are no float16 ({count}, {COUNT})")
    if not np.isfinite(numbers).all():
        raise ValueError("not all of its numbers are finite")
    if trained.shape or trained.dtype.kind != "i" or not 0 <= trained <= count:
        raise ValueError("it does not say how many of them trained the network")
    return Ordinary(embeddings, numbers.astype(np.float64), int(trained))
