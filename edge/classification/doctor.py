"""Is this machine ready? Each check says what it found and how to mend it.

NumPy and OpenCV are imported inside their own checks: where they cannot be loaded, the doctor is
what people run.
"""

from __future__ import annotations

import importlib
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from edge import __version__
from edge.camera.confine import DEAF, MEND
from edge.errors import ModelError, RuntimeUnavailableError, cause
from edge.model import wheels
from edge.model.runtime import installed, package
from edge.model.wheels import Backend
from edge.system import shipped
from edge.system.text import printable

if TYPE_CHECKING:
    from edge.model.model_file import ModelFile

#: What pip calls a library -> what Python does.
LIBRARIES: Final = {"numpy": "numpy", "opencv-python-headless": "cv2", "click": "click"}

#: What else gives the same library.
_INSTEAD: Final = {
    "opencv-python-headless": (
        "opencv-python",
        "opencv-contrib-python-headless",
        "python3-opencv",
    )
}

#: Inferences that are timed.
RUNS = 200


@dataclass(frozen=True)
class Check:
    """One line of the report.

    Attributes:
        name: What was looked at.
        found: What is there.
        mend: What to do, or empty where all is well.
        exit_code: 0, or what the process should end with.
    """

    name: str
    found: str
    mend: str = ""
    exit_code: int = 0


def examine(model: Path | None = None, backend: Backend | None = None) -> Iterator[Check]:
    """Look at the interpreter, the libraries, the runtimes, the model file and the speed."""
    yield Check("wm-edge", f"{__version__}, Python {platform.python_version()}")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    yield Check("machine", f"{machine}, {'64' if sys.maxsize > 2**32 else '32'}-bit Python")
    libraries = [_library(name) for name in LIBRARIES]
    yield from libraries
    versions = installed()
    for candidate, version in versions.items():
        has = "not installed" if wheels.exists(candidate) else f"there is none for {wheels.here()}"
        yield Check(str(candidate), version or has)
    broken = [check.name for check in libraries if check.exit_code]
    if broken:
        found = f"not examined: {' and '.join(broken)} cannot be loaded"
        yield Check("model and runtime", found, "see above", 3)
        return
    opencv_version = importlib.import_module("cv2").__version__
    if opencv_version.startswith(DEAF):
        yield Check(
            "videos and streams",
            f"refused: OpenCV {opencv_version} would follow where they lead",
            MEND,
        )
    numpy_version = importlib.import_module("numpy").__version__
    if versions[Backend.TFLITE] and int(numpy_version.split(".")[0]) >= 2:
        yield Check(
            "numpy with tflite",
            f"tflite-runtime cannot work with NumPy {numpy_version}",
            f"pip install 'numpy<2'{_or_litert()}",
        )
    from edge.model.model_file import load

    try:
        model_file = load(model)
    except ModelError as error:
        yield Check("model", str(error), "give another --model", error.exit_code)
        return
    yield Check("model", f"{printable(model_file.name)}, {len(model_file.content) / 1000:.1f} kB")
    yield from _first_uses(model_file, backend)
    yield from _run(model_file, backend)
    if len(shipped.names()) > 1:
        yield _side_by_side(backend)


def _first_uses(model_file: ModelFile, backend: Backend | None) -> Iterator[Check]:
    """The runtimes that must not be loaded here, up to the first that may: each tried afresh."""
    from edge.classification.first_use import FirstUse

    trial = FirstUse(model_file, afresh=True)
    for candidate in [backend] if backend else Backend:
        refused = trial.objection(candidate)
        if refused:
            yield Check(f"{candidate} in use", refused.reason, refused.mend)
        elif package(candidate):
            return


def _side_by_side(backend: Backend | None) -> Check:
    """The model files that ship, compared here."""
    from edge.classification.classifier import Classifier
    from edge.classification.side_by_side import relative_times, table
    from edge.model.model_file import load

    try:
        models = [load(path) for path in shipped.paths()]
        times = relative_times([Classifier(model, backend=backend) for model in models])
    except (RuntimeUnavailableError, ModelError) as error:
        return Check("models that ship", str(error), "install wm-edge again", error.exit_code)
    return Check("models that ship", "\n".join(table(models, times)))


def _run(model_file: ModelFile, backend: Backend | None) -> Iterator[Check]:
    import numpy as np

    from edge.classification.classifier import Classifier
    from edge.classification.selftest import TOLERANCE, largest_difference
    from edge.wafer.probes import PROBES
    from edge.wafer.wafermap import FAIL, PASS, WaferMap

    try:
        began = time.perf_counter()
        classifier = Classifier(model_file, backend=backend)
        started = time.perf_counter() - began
    except (RuntimeUnavailableError, ModelError) as error:
        yield Check("runtime", str(error), "see above", error.exit_code)
        return
    runtime = classifier.runtime
    yield Check(
        "runtime", f"{runtime.backend} {runtime.version}, started in {1000 * started:.0f} ms"
    )
    dies = np.full((26, 26), PASS, np.uint8)
    dies[10:16, 10:16] = FAIL
    wafer_map = WaferMap(dies)
    whole, invoke = [], []
    for _ in range(RUNS):
        began = time.perf_counter()
        classifier.classify(wafer_map)
        whole.append(time.perf_counter() - began)
        began = time.perf_counter()
        runtime.interpreter.invoke()
        invoke.append(time.perf_counter() - began)
    found = (
        f"{1e6 * sorted(invoke)[RUNS // 2]:.0f} µs an inference, "
        f"{1e6 * sorted(whole)[RUNS // 2]:.0f} µs a wafer with encoding and verdict (1 thread)"
    )
    slow = runtime.backend is Backend.TFLITE and wheels.exists(Backend.LITERT)
    mend = f"LiteRT is about 5 x faster here: {wheels.mend(Backend.LITERT)}" if slow else ""
    yield Check("speed", found, mend)
    difference = largest_difference(classifier)
    sound = difference <= TOLERANCE
    yield Check(
        "self-test",
        f"{PROBES} known wafers, off what convert saw by {difference} steps of {TOLERANCE} allowed",
        "" if sound else "the file or the runtime computes something else; try another --backend",
        0 if sound else RuntimeUnavailableError.exit_code,
    )


def _or_litert() -> str:
    if not wheels.exists(Backend.LITERT):
        return ""
    return f", or use LiteRT: {wheels.mend(Backend.LITERT)}"


def _library(name: str) -> Check:
    """Is the library there, and can it be loaded? A wheel may lack what the system must give."""
    check = _distribution(name)
    if check.exit_code:
        return check
    try:
        importlib.import_module(LIBRARIES[name])
    except Exception as error:  # noqa: BLE001 - whatever a broken library raises is the finding
        found = f"{check.found} cannot be loaded ({cause(error)})"
        return Check(name, found, f"pip install --force-reinstall {name}", 3)
    return check


def _distribution(name: str) -> Check:
    for other in (name, *_INSTEAD.get(name, ())):
        with suppress(metadata.PackageNotFoundError):
            version = metadata.version(other)
            return Check(name, version if other == name else f"{other} {version} serves instead")
    return Check(name, "not installed", f"pip install {name}", 3)
