"""The doctor: what it finds on a machine in order, and what it says of one that is not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from edge.classification import doctor
from edge.classification.doctor import Check, examine
from edge.model import wheels
from edge.model.model_file import ModelFile
from edge.model.wheels import Backend, Machine
from tests.support import spoil


@pytest.fixture(autouse=True)
def few_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "RUNS", 3)


def by_name(checks: list[Check]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_machine_in_order(shipped: ModelFile) -> None:
    found = by_name(list(examine(backend=Backend.LITERT)))
    assert all(check.exit_code == 0 for check in found.values())
    assert shipped.name in found["model"].found
    assert found["runtime"].found.startswith("litert ")
    assert "µs a wafer" in found["speed"].found
    assert "6 known wafers" in found["self-test"].found
    assert found["self-test"].mend == ""


def test_an_opencv_that_would_follow_playlists_is_named_with_the_mend(
    shipped: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cv2.__version__", "4.11.0")
    assert "<4.11" in by_name(list(examine(backend=Backend.LITERT)))["videos and streams"].mend
    monkeypatch.setattr("cv2.__version__", "4.10.0")
    assert "videos and streams" not in by_name(list(examine(backend=Backend.LITERT)))


def test_network_that_computes_something_else_is_code_3(tmp_path: Path) -> None:
    """A file whose every hash is right, but whose weights are not those that convert saw."""
    path = tmp_path / "flipped.tflite"
    path.write_bytes(spoil.flip_weights(0.01))
    found = by_name(list(examine(path)))["self-test"]
    assert found.exit_code == 3
    assert "computes something else" in found.mend


def test_missing_model_ends_the_examination_with_code_3(tmp_path: Path) -> None:
    last = list(examine(tmp_path / "none.tflite"))[-1]
    assert (last.name, last.exit_code) == ("model", 3)
    assert "none.tflite" in last.found


def test_runtime_that_does_not_work_is_code_3_with_the_mend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        doctor, "installed", lambda: {**dict.fromkeys(Backend), Backend.TFLITE: "2.14"}
    )
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", None)
    monkeypatch.setattr(wheels, "here", lambda: Machine("x86_64", 64, (3, 11)))
    found = by_name(list(examine(backend=Backend.TFLITE)))
    assert found["runtime"].exit_code == 3
    assert "pip install tflite-runtime 'numpy<2'" in found["runtime"].found
    assert found["litert"].found == "not installed"


@pytest.mark.parametrize(
    ("module", "name"), [("cv2", "opencv-python-headless"), ("numpy", "numpy")]
)
def test_library_that_cannot_be_loaded_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, module: str, name: str
) -> None:
    real = doctor.importlib.import_module

    def import_module(wanted: str) -> object:
        if wanted == module:
            raise ImportError("\nmany words\nlibGL.so.1: cannot open shared object file\n")
        return real(wanted)

    monkeypatch.setattr(doctor.importlib, "import_module", import_module)
    found = by_name(list(examine()))
    assert found[name].exit_code == 3
    assert "cannot be loaded (libGL.so.1: cannot open" in found[name].found
    assert found[name].mend == f"pip install --force-reinstall {name}"
    assert "litert" in found
    assert (found["model and runtime"].exit_code, list(found)[-1]) == (3, "model and runtime")


def test_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    present = {"opencv-python": "4.9"}

    def version(name: str) -> str:
        if name not in present:
            raise doctor.metadata.PackageNotFoundError(name)
        return present[name]

    monkeypatch.setattr(doctor.metadata, "version", version)
    assert "opencv-python 4.9 serves instead" in doctor._library("opencv-python-headless").found
    missing = doctor._library("click")
    assert (missing.mend, missing.exit_code) == ("pip install click", 3)
