"""A runtime that kills the process it is loaded into: named, remembered, and passed over."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from edge.classification import first_use
from edge.classification.first_use import Ending, FirstUse
from edge.classification.first_use_child import steps_off
from edge.errors import RuntimeUnavailableError
from edge.model import runtime, wheels
from edge.model.model_file import ModelFile, load
from edge.model.runtime import Kernels, Package
from edge.model.wheels import Backend, Machine
from edge.system import cache_folder, processor
from edge.wafer.probes import PROBES
from tests.support import spoil
from tests.support.cli import TIMEOUT, command
from tests.support.model_files import with_metadata
from tests.support.wafers import write_good

#: Ends the process that imports it, and leaves a line for each time.
DIES = """
import os
with open({log!r}, "a") as file:
    file.write("tried\\n")
os.kill(os.getpid(), {signal})
"""

#: Another runtime, which works: the real one, found where the fake does not hide it.
WORKS = """
import sys
sys.path.remove({fakes!r})
from ai_edge_litert.interpreter import Interpreter, OpResolverType
"""


def install(fakes: Path, name: str, version: str, code: str) -> None:
    package = fakes / name
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "interpreter.py").write_text(code)
    (fakes / f"{name}-{version}.dist-info").mkdir()


class Machinery:
    """A machine whose LiteRT dies, and what ``wm-edge`` says there."""

    def __init__(self, folder: Path, number: int) -> None:
        self.picture = write_good(folder)[0]
        self.log = folder / "log"
        fakes = folder / "fakes"
        install(
            fakes, "ai_edge_litert", "2.3.0", DIES.format(log=str(self.log), signal=int(number))
        )
        install(fakes, "tflite_runtime", "2.14.0", WORKS.format(fakes=str(fakes)))
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(fakes),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }

    def begin(self, *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*command(), *map(str, arguments)],
            env={**self._environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path, **environment: str) -> tuple[int, str, str]:
        process = self.begin(*arguments, **environment)
        out, err = process.communicate(timeout=TIMEOUT)
        return process.returncode, out, err

    @property
    def tried(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGILL, signal.SIGBUS])
def test_a_runtime_that_dies_is_named_and_the_next_one_runs(tmp_path: Path, number: int) -> None:
    machine = Machinery(tmp_path, number)
    code, out, err = machine.run("classify", "--format", "jsonl", machine.picture)
    assert code == 0
    assert '"pattern": "' in out
    assert f"litert 2.3.0 dies on this machine with signal {int(number)} (" in err
    assert "tflite runs instead; mend: pip install ai-edge-litert==2.1.5;" in err


def test_it_is_tried_once_and_by_the_doctor_each_time(tmp_path: Path) -> None:
    machine = Machinery(tmp_path, signal.SIGILL)
    for _ in range(2):
        code, _, err = machine.run("classify", machine.picture)
        assert code == 0
        assert "tflite runs instead" in err
        assert machine.tried == 1
    code, out, err = machine.run("doctor")
    assert (code, err, machine.tried) == (0, "ready\n", 2)
    assert "note litert in use           2.3.0 dies on this machine with signal 4" in out
    assert "mend: pip install ai-edge-litert==2.1.5" in out
    assert "runtime                 tflite 2.14.0" in out
    code, out, err = machine.run("doctor", "--backend", "litert")
    assert (code, err, machine.tried) == (3, "not ready\n", 3)
    assert "FAIL runtime" in out


def test_where_no_other_is_asked_for_it_is_an_error_with_the_mend(tmp_path: Path) -> None:
    machine = Machinery(tmp_path, signal.SIGSEGV)
    code, out, err = machine.run("classify", machine.picture, WM_EDGE_BACKEND="litert")
    assert (code, out) == (3, "")
    assert "no TFLite runtime could run this model" in err
    assert "litert: 2.3.0 dies on this machine with signal 11 (Segmentation fault)" in err
    assert "mend: pip install ai-edge-litert==2.1.5" in err


def test_two_at_once_and_a_cache_that_cannot_be_had(tmp_path: Path) -> None:
    machine = Machinery(tmp_path, signal.SIGSEGV)
    (tmp_path / "file").touch()
    both = [machine.begin("classify", machine.picture) for _ in range(2)]
    both.append(machine.begin("classify", machine.picture, XDG_CACHE_HOME=str(tmp_path / "file")))
    for process in both:
        _, err = process.communicate(timeout=TIMEOUT)
        assert process.returncode == 0
        assert "tflite runs instead" in err
    kept = sorted((tmp_path / "cache/wm-edge/first-use").iterdir())
    assert len(kept) == 2, "one of each runtime, whoever wrote it last"
    for path in kept:
        path.write_bytes(b'{"signal": -1, "off": "\xff')
    tried = machine.tried  # of two at once the later one may find what the other has kept
    assert machine.run("classify", machine.picture)[0] == 0
    assert machine.tried == tried + 1, "what makes no sense is found out again"


class Known(FirstUse):
    """What each runtime does is said here."""

    def _tried(self, backend: Backend, key: str) -> Ending | None:
        return {"litert": Ending(off=9), "tflite": Ending(signal=11)}.get(backend.value, Ending())


@pytest.fixture
def not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """All three are installed, and none of them is in this process."""
    monkeypatch.setattr(runtime, "package", lambda backend: Package("1.0", f"/{backend}", 0, False))


@pytest.mark.usefixtures("not_loaded")
def test_a_runtime_that_computes_something_else_is_the_last_resort(
    shipped: ModelFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Known(shipped, afresh=True)
    refused = first.objection(Backend.LITERT)
    assert refused is not None
    assert "the self-test is off by 9 steps more than is allowed" in refused.reason
    assert first.objection(Backend.TENSORFLOW) is None
    # Only it and one that dies: the file is at fault, and whoever judges it shall see that.
    monkeypatch.setattr(runtime, "Backend", [Backend.LITERT, Backend.TFLITE])
    assert first.start().backend is Backend.LITERT
    with pytest.raises(RuntimeUnavailableError, match="signal 11"):
        first.start(Backend.TFLITE)


@pytest.mark.usefixtures("not_loaded")
def test_the_child_starts_no_other(shipped: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(first_use.CHILD, "1")
    assert Known(shipped, afresh=True).objection(Backend.TFLITE) is None


@pytest.mark.usefixtures("not_loaded")
def test_what_may_change_the_answer_asks_again(
    shipped: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    keys: list[str] = []
    monkeypatch.setattr(cache_folder, "recall", lambda kind, key: keys.append(key))

    def ask() -> int:
        Known(shipped).objection(Backend.LITERT)
        return len(set(keys))

    assert [ask(), ask()] == [1, 1]
    monkeypatch.setattr(processor, "features", lambda: "flags: fewer")
    assert ask() == 2
    installed_again = Package("1.0", "/litert", 1, False)
    monkeypatch.setattr(runtime, "package", lambda backend: installed_again)
    assert ask() == 3
    monkeypatch.setattr(runtime, "package", lambda backend: installed_again._replace(version="2"))
    assert ask() == 4


@pytest.mark.parametrize(
    ("backend", "version", "mend"),
    [
        (Backend.LITERT, "2.3.0", "pip install ai-edge-litert==2.1.5"),
        (Backend.LITERT, "2.1.5", "pip install ai-edge-litert==2.3.0"),
        (Backend.TFLITE, "2.14.0", "pip install ai-edge-litert"),
        (Backend.TENSORFLOW, "2.21.0", "pip install ai-edge-litert"),
    ],
)
def test_the_mend_is_another_version_or_runtime(backend: Backend, version: str, mend: str) -> None:
    assert wheels.other_version(backend, version, Machine("aarch64", 64, (3, 11))) == mend


def test_where_there_is_no_other_the_same_is_installed_again() -> None:
    machine = Machine("armv7l", 32, (3, 11))
    mend = wheels.other_version(Backend.TFLITE, "2.14.0", machine)
    assert mend == "pip install --force-reinstall tflite-runtime 'numpy<2'"


def test_a_changed_network_is_off_and_the_shipped_one_is_not(
    shipped: ModelFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked of the real runtime in the real child."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "flipped.tflite").write_bytes(spoil.flip_weights(0.01))
    for model, is_off in ((shipped, False), (load(tmp_path / "flipped.tflite"), True)):
        ending = FirstUse(model)._tried(Backend.LITERT, model.sha256)
        assert ending is not None
        assert (ending.signal, ending.off > 0) == (0, is_off)


def test_a_draft_says_nothing_of_a_runtime(shipped: ModelFile) -> None:
    """Its self-test is still to be made; one that was made and differs is held against it."""

    def zeros(metadata: dict[str, Any]) -> None:
        test = metadata["selftest"]
        for key, rows in test.items():
            test[key] = [[0] * len(row) for row in rows]

    def others(metadata: dict[str, Any]) -> None:
        metadata["selftest"]["logits"] = [[99] * len(shipped.labels)] * PROBES

    assert steps_off(with_metadata(shipped, zeros), Backend.LITERT, Kernels.FAST) == 0
    assert steps_off(with_metadata(shipped, others), Backend.LITERT, Kernels.FAST) > 0
