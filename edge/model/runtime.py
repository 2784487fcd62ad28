"""The TFLite runtime: LiteRT, else tflite-runtime, else TensorFlow's own.

A runtime is chosen by constructing an interpreter with the model, not by importing it:
tflite-runtime with NumPy 2 imports well and then fails, and an old runtime refuses a new model.
Two runtimes in one process can crash it, so a runtime that failed after its native code was
loaded is reported, and the next one is still tried: the process has nothing to lose by then.
"""

from __future__ import annotations

import importlib
import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from edge.errors import RuntimeUnavailableError, UsageError
from edge.model.wheels import Backend
from edge.system.choice import Choice
from edge.system.files import state_of
from edge.system.native_log import last_words, silence_native_output

if TYPE_CHECKING:
    import numpy.typing as npt  # the doctor must run where NumPy cannot be loaded

#: Forces one runtime, like ``--backend``.
ENVIRONMENT_VARIABLE = "WM_EDGE_BACKEND"


class Kernels(Choice):
    """Which implementation of the operators runs.

    ``fast`` is the runtime's default (XNNPACK where it has it); ``reference`` is plain
    arithmetic, slower, and the same on every machine; TFLite Micro rounds dense layers otherwise.
    """

    FAST = "fast"
    REFERENCE = "reference"


#: The module of each runtime's interpreter, and what pip calls it.
_SOURCES = {
    Backend.LITERT: ("ai_edge_litert.interpreter", "ai-edge-litert"),
    Backend.TFLITE: ("tflite_runtime.interpreter", "tflite-runtime"),
    Backend.TENSORFLOW: ("tensorflow.lite.python.interpreter", "tensorflow"),
}


class Interpreter(Protocol):
    """The part of the TFLite interpreter that is used here."""

    def allocate_tensors(self) -> None:
        """Plan the memory; once, before anything else."""

    def invoke(self) -> None:
        """Run the network; releases Python's lock."""

    def get_input_details(self) -> list[dict[str, Any]]:
        """Index, shape, dtype and quantisation of each input."""

    def get_output_details(self) -> list[dict[str, Any]]:
        """The same of each output."""

    def set_tensor(self, tensor_index: int, value: npt.NDArray[Any]) -> None:
        """Copy an input in."""

    def get_tensor(self, tensor_index: int) -> npt.NDArray[Any]:
        """Copy an output out."""


class Attempt(NamedTuple):
    """A runtime that is not used.

    Attributes:
        backend: Which.
        reason: Why not.
        mend: What to do, where that is more than to install it.
    """

    backend: Backend
    reason: str
    mend: str = ""


class Package(NamedTuple):
    """A runtime's package as it is installed.

    Attributes:
        version: Of its distribution.
        place: Its first file.
        changed_ns: When that was written, nanoseconds.
        is_loaded: Whether this process has imported it.
    """

    version: str
    place: str
    changed_ns: int
    is_loaded: bool


@dataclass(frozen=True)
class Runtime:
    """A running interpreter and where it comes from.

    Attributes:
        interpreter: Ready to invoke (tensors allocated).
    """

    backend: Backend
    interpreter: Interpreter

    @property
    def version(self) -> str:
        """Its distribution's version."""
        known = package(self.backend)
        return known.version if known else "unknown"


def start(
    content: bytes,
    *,
    backend: Backend | None = None,
    threads: int = 1,
    kernels: Kernels = Kernels.FAST,
    keep_all: bool = False,
    objection: Callable[[Backend], Attempt | None] | None = None,
) -> Runtime:
    """Start an interpreter for a model.

    Args:
        content: The ``.tflite`` file's bytes.
        backend: Use this one; None follows ``WM_EDGE_BACKEND``, else takes the first that works.
        threads: Threads inside one inference. More than 1 slows a model of 0.1 ms down.
        kernels: Which operator implementations.
        keep_all: Every activation of the last run can be read, not the outputs alone.
        objection: Says why a runtime must not be loaded into this process; None: it may.

    Raises:
        RuntimeUnavailableError: none works; the message lists every attempt and the mend.
        UsageError: ``WM_EDGE_BACKEND`` names an unknown runtime.
    """
    chosen = backend or _from_environment()
    attempts: list[Attempt] = []
    for candidate in [chosen] if chosen else Backend:
        module, _ = _SOURCES[candidate]
        if objection and (refused := objection(candidate)):
            attempts.append(refused)
            continue
        try:
            interpreter = _construct(module, content, threads, kernels, keep_all=keep_all)
        # A native runtime raises whatever it likes (SystemError with a wrong NumPy, for one).
        except Exception as error:  # noqa: BLE001
            attempts.append(Attempt(candidate, _short(error)))
            continue
        _tell([attempt for attempt in attempts if attempt.mend], candidate)
        return Runtime(candidate, interpreter)
    raise RuntimeUnavailableError(_advice(attempts))


def _tell(passed_over: list[Attempt], taken: Backend) -> None:
    """Say which runtime was to be had and is not used: it may be the faster one."""
    if passed_over:
        import logging  # slow to load

        log = logging.getLogger(__name__)
        for backend, reason, mend in passed_over:
            log.warning("%s %s; %s runs instead; mend: %s", backend, reason, taken, mend)


def _advice(attempts: list[Attempt]) -> str:
    """What was tried, and how to mend what can be mended on this machine."""
    from edge.model import wheels

    lines = ["no TFLite runtime could run this model:"]
    for candidate, reason, mend in attempts:
        lines.append(f"  {candidate}: {reason}")
        if mend or wheels.exists(candidate):
            lines.append(f"    mend: {mend or wheels.mend(candidate)}")
    if not any(wheels.exists(attempt.backend) for attempt in attempts):
        lines.append(f"  mend: {wheels.mend(attempts[0].backend)}")
    return "\n".join(lines)


def _from_environment() -> Backend | None:
    name = os.environ.get(ENVIRONMENT_VARIABLE, "").strip().lower()
    if not name:
        return None
    try:
        return Backend(name)
    except ValueError:
        known = ", ".join(backend.value for backend in Backend)
        raise UsageError(f"{ENVIRONMENT_VARIABLE}={name}: known runtimes are {known}") from None


def _construct(
    name: str, content: bytes, threads: int, kernels: Kernels, *, keep_all: bool
) -> Interpreter:
    with last_words(), silence_native_output(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that keeping all tensors takes memory
        module = importlib.import_module(name)
        options: dict[str, Any] = {"model_content": content, "num_threads": threads}
        if kernels is Kernels.REFERENCE:
            options["experimental_op_resolver_type"] = module.OpResolverType.BUILTIN_REF
        if keep_all:
            options["experimental_preserve_all_tensors"] = True
            # A delegate would keep what is inside it to itself.
            resolver = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            options["experimental_op_resolver_type"] = resolver
        interpreter: Interpreter = module.Interpreter(**options)
        interpreter.allocate_tensors()
        # The first run builds the delegate and logs; it also proves that the kernels work.
        interpreter.invoke()
    return interpreter


def package(backend: Backend) -> Package | None:
    """What is installed of a runtime, and whether it is in use here; None: nothing.

    Imports nothing; ``importlib.metadata`` alone would take longer than to load a model file.
    """
    module, distribution = _SOURCES[backend]
    name = module.partition(".")[0]
    loaded = sys.modules.get(name)
    try:
        spec = loaded.__spec__ if loaded else find_spec(name)
    except (ImportError, ValueError):
        return None
    place = (spec and spec.origin) or ""
    if not place:
        return None
    begin, end = distribution.replace("-", "_") + "-", ".dist-info"
    beside = Path(place).absolute().parents[1].glob(f"{begin}*{end}")
    found = [path.name.removeprefix(begin).removesuffix(end) for path in beside]
    version = found[0] if len(found) == 1 else installed()[backend] or "unknown"
    state = state_of(place)
    return Package(version, place, state.mtime_ns if state else 0, loaded is not None)


def installed() -> dict[Backend, str | None]:
    """Version of each runtime that is installed, None where it is not. Imports nothing."""
    from importlib import metadata

    found: dict[Backend, str | None] = {}
    for backend, (_, distribution) in _SOURCES.items():
        try:
            found[backend] = metadata.version(distribution)
        except metadata.PackageNotFoundError:
            found[backend] = None
    return found


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{type(error).__name__}: {text[:200]}"
