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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edge.errors import RuntimeUnavailableError, UsageError
from edge.model.wheels import Backend
from edge.system.choice import Choice
from edge.system.native_log import silence_native_output

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
        return _noted(*_SOURCES[self.backend]) or installed()[self.backend] or "unknown"


def start(
    content: bytes,
    *,
    backend: Backend | None = None,
    threads: int = 1,
    kernels: Kernels = Kernels.FAST,
    keep_all: bool = False,
) -> Runtime:
    """Start an interpreter for a model.

    Args:
        content: The ``.tflite`` file's bytes.
        backend: Use this one; None follows ``WM_EDGE_BACKEND``, else takes the first that works.
        threads: Threads inside one inference. More than 1 slows a model of 0.1 ms down.
        kernels: Which operator implementations.
        keep_all: Every activation of the last run can be read, not the outputs alone.

    Raises:
        RuntimeUnavailableError: none works; the message lists every attempt and the mend.
        UsageError: ``WM_EDGE_BACKEND`` names an unknown runtime.
    """
    chosen = backend or _from_environment()
    attempts: list[tuple[Backend, str]] = []
    for candidate in [chosen] if chosen else Backend:
        module, _ = _SOURCES[candidate]
        try:
            interpreter = _construct(module, content, threads, kernels, keep_all=keep_all)
        # A native runtime raises whatever it likes (SystemError with a wrong NumPy, for one).
        except Exception as error:  # noqa: BLE001
            attempts.append((candidate, _short(error)))
            continue
        return Runtime(candidate, interpreter)
    raise RuntimeUnavailableError(_advice(attempts))


def _advice(attempts: list[tuple[Backend, str]]) -> str:
    """What was tried, and how to mend what can be mended on this machine."""
    from edge.model import wheels

    lines = ["no TFLite runtime could run this model:"]
    for candidate, reason in attempts:
        lines.append(f"  {candidate}: {reason}")
        if wheels.exists(candidate):
            lines.append(f"    mend: {wheels.mend(candidate)}")
    if not any(wheels.exists(candidate) for candidate, _ in attempts):
        lines.append(f"  mend: {wheels.mend(attempts[0][0])}")
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
    with silence_native_output(), warnings.catch_warnings():
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


def _noted(module: str, distribution: str) -> str:
    """Version in the name of what pip wrote beside a loaded package; empty where it is not clear.

    ``importlib.metadata`` says the same, and takes longer to load than a model file.
    """
    file = getattr(sys.modules.get(module.partition(".")[0]), "__file__", None) or ""
    begin, end = distribution.replace("-", "_") + "-", ".dist-info"
    beside = Path(file).absolute().parents[1].glob(f"{begin}*{end}") if file else ()
    found = [path.name.removeprefix(begin).removesuffix(end) for path in beside]
    return found[0] if len(found) == 1 else ""


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
