"""How a runtime is chosen, what is said when none works, and silence on stdout and stderr."""

from __future__ import annotations

import importlib
from importlib import metadata
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.errors import RuntimeUnavailableError, UsageError
from edge.model import wheels
from edge.model.model_file import ModelFile
from edge.model.runtime import ENVIRONMENT_VARIABLE, Kernels, installed, start
from edge.model.wheels import Backend, Machine


@pytest.fixture(autouse=True)
def no_forced_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)


class Working:
    """An interpreter that starts; ``made`` remembers what it was asked for."""

    made: dict[str, Any]

    def __init__(self, **options: Any) -> None:
        type(self).made = options

    def allocate_tensors(self) -> None: ...

    def invoke(self) -> None: ...


class Broken(Working):
    """tflite-runtime under NumPy 2: imports well, fails when it is made."""

    def __init__(self, **options: Any) -> None:
        raise SystemError("initialization of _interpreter failed:\n numpy.core.multiarray")


class FailsLate(Working):
    """An old runtime: takes the model, fails at the first run."""

    def invoke(self) -> None:
        raise RuntimeError("op version 12 not supported")


def provide(monkeypatch: pytest.MonkeyPatch, **kinds: type[Working] | None) -> list[str]:
    """Let the runtimes be these; None is one that is not installed. Returns what was imported."""
    modules = {"ai_edge_litert": "litert", "tflite_runtime": "tflite", "tensorflow": "tensorflow"}
    asked: list[str] = []

    def lookup(name: str) -> Any:
        backend = modules[name.partition(".")[0]]
        asked.append(backend)
        kind = kinds.get(backend)
        if kind is None:
            raise ModuleNotFoundError(f"No module named {name!r}")
        resolver = SimpleNamespace(BUILTIN_REF="reference")
        return SimpleNamespace(Interpreter=kind, OpResolverType=resolver)

    monkeypatch.setattr(importlib, "import_module", lookup)
    return asked


def test_first_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = provide(monkeypatch, litert=Broken, tflite=FailsLate, tensorflow=Working)
    assert start(b"").backend is Backend.TENSORFLOW
    assert asked == ["litert", "tflite", "tensorflow"]
    asked = provide(monkeypatch, litert=Working)
    assert start(b"").backend is Backend.LITERT
    assert asked == ["litert"]


def test_options_reach_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    provide(monkeypatch, litert=Working)
    start(b"model", threads=3)
    assert Working.made == {"model_content": b"model", "num_threads": 3}
    start(b"model", kernels=Kernels.REFERENCE)
    assert Working.made["experimental_op_resolver_type"] == "reference"


def test_one_error_lists_every_attempt_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    provide(monkeypatch, litert=None, tflite=Broken, tensorflow=FailsLate)
    monkeypatch.setattr(wheels, "here", lambda: Machine("x86_64", 64, (3, 11)))
    with pytest.raises(RuntimeUnavailableError) as caught:
        start(b"")
    assert str(caught.value).splitlines() == [
        "no TFLite runtime could run this model:",
        "  litert: ModuleNotFoundError: No module named 'ai_edge_litert.interpreter'",
        "    mend: pip install ai-edge-litert",
        "  tflite: SystemError: initialization of _interpreter failed: numpy.core.multiarray",
        "    mend: pip install tflite-runtime 'numpy<2'",
        "  tensorflow: RuntimeError: op version 12 not supported",
        "    mend: pip install tensorflow",
    ]


def test_environment_forces_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = provide(monkeypatch, litert=Working, tflite=Working)
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, " TFLite ")
    assert start(b"").backend is Backend.TFLITE
    assert asked == ["tflite"]
    # What the caller asks for comes before the environment.
    assert start(b"", backend=Backend.LITERT).backend is Backend.LITERT


def test_forced_one_that_fails_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = provide(monkeypatch, litert=Working, tflite=Broken)
    monkeypatch.setattr(wheels, "here", lambda: Machine("x86_64", 64, (3, 11)))
    with pytest.raises(RuntimeUnavailableError, match="tflite-runtime 'numpy<2'") as caught:
        start(b"", backend=Backend.TFLITE)
    assert asked == ["tflite"]
    assert "litert" not in str(caught.value)


def test_environment_with_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, "onnx")
    with pytest.raises(
        UsageError, match="WM_EDGE_BACKEND=onnx: known runtimes are litert, tflite, tensorflow"
    ):
        start(b"")


def test_garbage_is_refused_by_a_real_runtime() -> None:
    with pytest.raises(RuntimeUnavailableError, match="pip install ai-edge-litert"):
        start(b"\0\0\0\0TFL3" + b"\xff" * 64, backend=Backend.LITERT)


def test_a_real_runtime_starts(shipped: ModelFile) -> None:
    started = start(shipped.content, backend=Backend.LITERT)
    assert started.version == installed()[Backend.LITERT] != "unknown"
    assert started.interpreter.get_input_details()[0]["dtype"] is np.int8


@pytest.mark.skipif(not find_spec("tensorflow"), reason="TensorFlow is not installed")
@pytest.mark.parametrize("kernels", Kernels)
def test_tensorflow_starts_as_well(shipped: ModelFile, kernels: Kernels) -> None:
    assert start(shipped.content, backend=Backend.TENSORFLOW, kernels=kernels).version[0].isdigit()


def test_installed_imports_nothing_and_knows_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def version(name: str) -> str:
        if name == "tflite-runtime":
            raise metadata.PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(metadata, "version", version)
    asked = provide(monkeypatch)
    assert installed() == {
        Backend.LITERT: "1.0",
        Backend.TFLITE: None,
        Backend.TENSORFLOW: "1.0",
    }
    assert asked == []
