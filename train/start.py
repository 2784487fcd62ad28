"""The network that a training starts from: that of a model file, or of another run.

Of a model file's network only int8 is left. Its weights times their scales are float weights again,
each at most half a step from what was trained. Whether they are understood aright is told by the
wafers of the self-test: a network made of them must give what the file gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from msgspec.structs import asdict

from edge.errors import DataError, ModelError, UsageError
from edge.model import flatbuffer
from edge.model.metadata import Layout
from edge.model.model_file import ModelFile, load
from edge.model.network import WEIGHTS_INPUT, Network, Operator, Tensor
from edge.model.training import Origin
from edge.system import shipped
from edge.system.files import exists
from edge.system.regular_file import read_bytes
from edge.system.typed import MismatchError, decode
from edge.wafer import encoding
from edge.wafer.patterns import WM811K, PatternSet
from edge.wafer.probes import PROBES, probe
from train.backend import array
from train.recipe import EncodingName, NetworkRecipe
from train.run import Run

if TYPE_CHECKING:
    from train.network.rebuilt import Weights

#: Networks that can be rebuilt of folded weights.
STARTS: Final = ("residual", "symmetric")

#: Steps of the int8 logits by which half of the answers may differ: one or two are rounding, those
#: of another graph are tens. Not all: a file may cut off what lies outside its ranges.
STEPS: Final = 3

#: Bytes of a run's ``model.keras``.
_LARGEST: Final = 256 * 2**20

#: What counts as a step of a float network's logits: what int8 files have, about.
_FLOAT_STEP: Final = 0.05

_MEND: Final = "start from the run folder that it was converted from, or train without --from"


@dataclass(frozen=True)
class Start:
    """A network to start from.

    Attributes:
        origin: What a run keeps of it, under ``from`` in its ``config.json``.
        network: One of ``STARTS``.
        layout: How wide and deep it is; None: as its own is.
        labels: Pattern of each output.
        weights: In the order in which they are used, norms folded in.
        answers: Its logits (probes, patterns) for the wafers of the self-test.
        step: What is one step in them.
    """

    origin: Origin
    network: str
    layout: Layout | None
    labels: tuple[str, ...]
    weights: tuple[Weights, ...]
    answers: npt.NDArray[np.floating]
    step: float


def read(name_or_path: str) -> Start:
    """Read a start by the name of a model file that ships, or a model file or run folder.

    Raises:
        ModelError: the model file cannot be used, or its network is none that can be rebuilt.
        DataError: the run folder is none, is damaged or has not been finished.
        UsageError: there is no such thing, or the run was made with another encoding.
    """
    from train.network.rebuilt import rebuilt

    path = located(name_or_path)
    try:
        start = _of_run(Run.open(path)) if path.is_dir() else _of_model_file(load(path))
        if start.network not in STARTS:
            raise ModelError(
                f"{name_or_path}: its network is {start.network or 'unknown'}, and a training "
                f"starts from {' or '.join(STARTS)} alone; train without --from"
            )
        network = rebuilt(start.network, len(start.labels), start.weights, _layout(start))
        found = array(network(probes(), training=False))
        apart = float(np.median(np.abs(found - start.answers))) / start.step
    except ValueError as error:
        raise ModelError(f"{name_or_path}: {error}; {_MEND}") from None
    if not apart <= STEPS:  # not a number counts as far
        what = f"rebuilt, its answers are {apart:.0f} steps of int8 from its own"
        raise ModelError(f"{name_or_path}: {what}; {_MEND}")
    return start


def _layout(start: Start) -> Layout | None:
    """The layout, within what a recipe may say: a file may claim anything."""
    claimed = {"name": start.network, **(asdict(start.layout) if start.layout else {})}
    return decode(NetworkRecipe, claimed).layout


def located(name_or_path: str) -> Path:
    """Where a start is.

    Raises:
        UsageError: there is no such thing.
    """
    path = shipped.located(name_or_path) or Path(name_or_path)
    if not exists(path):
        what = f"no network {name_or_path!r} to start from"
        raise UsageError(
            f"{what}: neither {' or '.join(shipped.names())} nor a model file or run folder"
        )
    return path


def probes() -> npt.NDArray[np.float32]:
    """The wafers of the self-test as a float network takes them, (probes, size, size, 2)."""
    return encoding.to_shares(np.stack([encoding.encode(probe(n)) for n in range(PROBES)]))


def _of_model_file(model: ModelFile) -> Start:
    data, network = model.metadata, flatbuffer.read(model.network, model.path)
    notice = data.notice.splitlines() if isinstance(data.notice, str) else data.notice
    return Start(
        Origin(model.name, model.sha256, tuple(notice), data.training.sketches),
        data.network.name,
        data.network.layout,
        model.labels,
        weights_of(network, len(model.labels)),
        data.output.real(np.asarray(data.selftest.logits, np.int8)),
        data.output.scale,
    )


def weights_of(network: Network, patterns: int) -> tuple[Weights, ...]:
    """The weights of the layers that ``patterns`` logits depend on, in the order of Keras.

    Convolutions in the order of execution; then dense layers, those of one map side by side.
    """
    from train.network.rebuilt import Weights

    made_by = {number: op for op in network.operators for number in op.outputs}

    def place(operator: Operator) -> tuple[bool, int, bool]:
        pool = made_by.get(operator.inputs[0])
        seen = made_by.get(pool.inputs[0]) if pool else None
        dense = operator.name == "FULLY_CONNECTED"
        if not (dense and pool and seen):
            return dense, operator.index, False
        return dense, seen.index, pool.name == "REDUCE_MAX"

    return tuple(
        Weights(_kernel(found), _bias(network, operator, found))
        for operator in sorted(_towards_logits(network, patterns), key=place)
        if (found := network.weights(operator)) is not None
    )


def _towards_logits(network: Network, patterns: int) -> Iterator[Operator]:
    """The operators that the logits depend on, in the order of execution."""
    wanted = {n for n in network.outputs if network.tensors[n].shape == (1, patterns)}
    found = []
    for operator in reversed(network.operators):
        if not wanted.isdisjoint(operator.outputs):
            wanted.update(operator.operands)
            found.append(operator)
    return reversed(found)


def _kernel(weights: Tensor) -> npt.NDArray[np.float32]:
    """Weights in Keras's order of axes."""
    values = _real(weights)
    return values.transpose(1, 2, 3, 0) if values.ndim == 4 else values.T


def _bias(network: Network, operator: Operator, weights: Tensor) -> npt.NDArray[np.float32]:
    given = operator.operands[WEIGHTS_INPUT + 1 :]
    return _real(network.tensors[given[0]]) if given else np.zeros(weights.shape[0], np.float32)


def _real(tensor: Tensor) -> npt.NDArray[np.float32]:
    """The real numbers of a constant with a scale for each of its first axis, one, or none."""
    values = tensor.values
    if values is None:
        raise ModelError(f"tensor {tensor.name}: no constant")
    scales = np.asarray(tensor.scales or (1,), np.float32)
    return values.astype(np.float32) * scales.reshape(-1, *[1] * (values.ndim - 1))


def _of_run(run: Run) -> Start:
    from train.network.rebuilt import folded

    config, recipe = run.config, run.recipe
    if not run.finished:
        raise DataError(f"{run.path}: the training has not been finished; --resume goes on with it")
    if recipe.encoding is not EncodingName.STATION:
        what = f"{run.path}: trained on the encoding {recipe.encoding.value!r}"
        raise UsageError(f"{what}, which no other run can go on with")
    before = run.origin or Origin()
    sketches = (*([config["sketch"]] if "sketch" in config else []), *before.sketches)
    sha256 = hashlib.sha256(read_bytes(run.model_path, _LARGEST)).hexdigest()
    try:
        patterns = decode(PatternSet, config["patterns"]) if "patterns" in config else WM811K
        origin = Origin(run.path.resolve().name, sha256, before.notice, sketches)
    except MismatchError as error:
        raise DataError(f"{run.path / 'config.json'}: {error}; the run is damaged") from None
    model = run.load_model()
    return Start(
        origin,
        recipe.network.name,
        recipe.network.layout,
        patterns.names,
        tuple(folded(model)),
        array(model(probes(), training=False)),
        _FLOAT_STEP,
    )
