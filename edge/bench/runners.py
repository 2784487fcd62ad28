"""What a child process runs: a model file, a float network in TFLite or Keras, or the peak.

Each takes a wafer map to a verdict and says how long each stage took. Keras is imported by name in
the child that was told to run it, and nowhere else: a station has no TensorFlow.
"""

from __future__ import annotations

import copy
import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.bench import peak
from edge.bench.subject import Subject, SubjectKind
from edge.classification.classifier import Classifier
from edge.errors import ModelError
from edge.evaluation import metrics
from edge.model import float_network
from edge.model import model_file as model
from edge.model.runtime import start
from edge.model.wheels import Backend
from edge.wafer import encoding
from edge.wafer.wafermap import WaferMap

#: Nanoseconds by stage.
Sample = dict[str, int]


class Runner(ABC):
    """Something that is measured: ``network`` is its ``.tflite``, empty for Keras."""

    version: str
    network: bytes = b""

    @abstractmethod
    def classify(self, wafer_map: WaferMap) -> object:
        """Wafer map to verdict, the whole way."""

    @abstractmethod
    def sample(self, wafers: Sequence[WaferMap], step: int) -> Sample:
        """Time every stage once, on the wafers from ``step`` on.

        Each stage takes the next wafer, so that none finds its data warm in the cache.
        """


def make(subject: Subject) -> Runner:
    """Load what a child was told to run.

    Raises:
        WmEdgeError: it cannot be run; Keras and the runtimes may raise anything else as well.
    """
    if subject.kind is SubjectKind.PEAK:
        return PeakRunner()
    if subject.path is None:
        raise ModelError(f"{subject.name}: no file was named")
    if subject.kind is SubjectKind.KERAS:
        return KerasRunner(subject.path, subject.patterns)
    if subject.kind is SubjectKind.INT8:
        return Int8Runner(subject.path, Backend(subject.backend))
    return FloatRunner(subject.path, Backend(subject.backend), subject.patterns)


class _Timed:
    """A function that notes when it was last called and when it was done."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.began = self.ended = 0
        self._function = function

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.began = perf_counter_ns()
        result = self._function(*arguments, **options)
        self.ended = perf_counter_ns()
        return result


class _Traced:
    """An interpreter whose ``invoke`` is timed."""

    def __init__(self, interpreter: Any) -> None:
        self.invoke = _Timed(interpreter.invoke)
        self._interpreter = interpreter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._interpreter, name)


class Int8Runner(Runner):
    """A model file in the station's own classifier.

    ``decode`` is everything after ``invoke`` in a call of ``classify``: copying the output,
    probabilities, verdict, prediction.
    """

    def __init__(self, path: Path, backend: Backend) -> None:
        model_file = model.load(path)
        self.network = model_file.content
        self._classifier = Classifier(model_file, backend=backend)
        self.version = self._classifier.runtime.version
        self._size = model_file.metadata.encoding.size
        # A second classifier around the same interpreter: the first stays as it always is.
        interpreter = _Traced(self._classifier.runtime.interpreter)
        self._invoke = interpreter.invoke
        self._traced = copy.copy(self._classifier)
        self._traced.runtime = replace(self._classifier.runtime, interpreter=interpreter)

    def classify(self, wafer_map: WaferMap) -> object:
        """As a station does."""
        return self._classifier.classify(wafer_map)

    def sample(self, wafers: Sequence[WaferMap], step: int) -> Sample:
        """Encode alone, invoke and decode within a call of ``classify``, and another whole one."""
        one, two, three = (wafers[(step + ahead) % len(wafers)] for ahead in range(3))
        began = perf_counter_ns()
        encoding.encode(one.dies, self._size)
        encoded = perf_counter_ns()
        self._traced.classify(two)
        traced = perf_counter_ns()
        self._classifier.classify(three)
        ended = perf_counter_ns()
        return {
            "encode": encoded - began,
            "invoke": self._invoke.ended - self._invoke.began,
            "decode": traced - self._invoke.ended,
            "classify": ended - traced,
        }


class _FloatRunner(Runner):
    """Encode, run, decode by hand: what a float network needs where there is no classifier.

    ``encode`` and ``decode`` are everything before and after the network itself.
    """

    _size: int
    _timed: _Timed

    @abstractmethod
    def predict(self, shares: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Logits (patterns,) of an encoded wafer, float32 (1, size, size, 2), by ``_timed``."""

    def classify(self, wafer_map: WaferMap) -> object:
        """Class and probability, as a station with a float network would find them."""
        shares = encoding.to_shares(encoding.encode(wafer_map.dies, self._size))[np.newaxis]
        probabilities = metrics.softmax(self.predict(shares)[np.newaxis])[0]
        best = int(probabilities.argmax())
        return best, float(probabilities[best])

    def sample(self, wafers: Sequence[WaferMap], step: int) -> Sample:
        """The stages of one wafer, and the whole of another."""
        one, two = (wafers[(step + ahead) % len(wafers)] for ahead in range(2))
        began = perf_counter_ns()
        self.classify(one)
        decoded = perf_counter_ns()
        stages = {
            "encode": self._timed.began - began,
            "invoke": self._timed.ended - self._timed.began,
            "decode": decoded - self._timed.ended,
        }
        began = perf_counter_ns()
        self.classify(two)
        return {**stages, "classify": perf_counter_ns() - began}


class FloatRunner(_FloatRunner):
    """The network in float TFLite, one thread as the classifier has it."""

    def __init__(self, path: Path, backend: Backend, patterns: int) -> None:
        self.network = float_network.read(path)
        runtime = start(self.network, backend=backend)
        self.version = runtime.version
        self._interpreter = runtime.interpreter
        self._timed = _Timed(self._interpreter.invoke)
        inputs = self._interpreter.get_input_details()[0]
        self._size = _check_input(path, inputs["shape"].tolist(), np.dtype(inputs["dtype"]).name)
        self._input = inputs["index"]
        outputs = self._interpreter.get_output_details()
        which = _logits_among(path, [output["shape"].tolist() for output in outputs], patterns)
        self._output = outputs[which]["index"]

    def predict(self, shares: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Copy in, invoke, copy out."""
        self._interpreter.set_tensor(self._input, shares)
        self._timed()
        return self._interpreter.get_tensor(self._output)[0]


class KerasRunner(_FloatRunner):
    """The float network of a run folder, through ``keras.Model.predict`` a wafer at a time."""

    def __init__(self, run: Path, patterns: int) -> None:
        path = run / "model.keras"
        keras = importlib.import_module("keras")
        self.version = metadata.version("keras")
        network = keras.models.load_model(path, compile=False)
        self._timed = _Timed(network.predict)
        self._size = _check_input(path, [1, *network.input_shape[1:]], "float32")
        shapes = [[1, *output.shape[1:]] for output in network.outputs]
        self._which = _logits_among(path, shapes, patterns)

    def predict(self, shares: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """``keras.Model.predict``, which copies in and out itself."""
        found = self._timed(shares, verbose=0)
        logits: npt.NDArray[np.float32] = found[self._which] if isinstance(found, list) else found
        return logits[0]


class PeakRunner(Runner):
    """The large convolution of ``edge.bench.peak``; wafers do not matter to it."""

    def __init__(self) -> None:
        self.network = peak.network()
        runtime = start(self.network, backend=Backend.LITERT)
        self.version = runtime.version
        self._invoke = runtime.interpreter.invoke

    def classify(self, wafer_map: WaferMap) -> object:
        """One run; there is no verdict."""
        return self.sample([wafer_map], 0)

    def sample(self, wafers: Sequence[WaferMap], step: int) -> Sample:
        """There is nothing but ``invoke``."""
        began = perf_counter_ns()
        self._invoke()
        return {"invoke": perf_counter_ns() - began}


def _check_input(path: Path, shape: list[Any], dtype: str) -> int:
    """Side of the network's input in cells. Raises: ModelError where it takes no wafers."""
    square = len(shape) == 4 and shape[0] == 1 and shape[1] == shape[2]
    if dtype != "float32" or not square or shape[3] != encoding.PLANES:
        raise ModelError(
            f"{path}: takes {dtype} {shape}, a float network takes float32 "
            f"[1, size, size, {encoding.PLANES}]; give the network that the model file was made of"
        )
    return int(shape[1])


def _logits_among(path: Path, shapes: list[list[Any]], patterns: int) -> int:
    """Place of the logits among the outputs. Raises: ModelError where there are none."""
    if [1, patterns] not in shapes:
        what = f"{path}: none of its outputs {shapes} has a logit for each of {patterns} patterns"
        raise ModelError(f"{what}; give the network that the model file was made of")
    return shapes.index([1, patterns])
