"""Nobody is told to install what does not exist for the machine."""

from __future__ import annotations

import re

import pytest

from edge.classification import doctor
from edge.classification.doctor import examine
from edge.errors import RuntimeUnavailableError
from edge.model import wheels
from edge.model.runtime import start
from edge.model.wheels import Backend, Machine, exists, mend

PC = Machine("x86_64", 64, (3, 11))
TRIXIE_32 = Machine("armv7l", 32, (3, 13))


@pytest.mark.parametrize(
    ("machine", "there"),
    [
        (PC, {Backend.LITERT, Backend.TFLITE, Backend.TENSORFLOW}),
        (Machine("aarch64", 64, (3, 13)), {Backend.LITERT, Backend.TENSORFLOW}),
        (Machine("amd64", 64, (3, 14)), {Backend.LITERT}),
        (Machine("armv7l", 32, (3, 11)), {Backend.TFLITE}),
        # A 32-bit system on the 64-bit kernel of a Raspberry Pi 4.
        (Machine("aarch64", 32, (3, 11)), {Backend.TFLITE}),
        (TRIXIE_32, set()),
        (Machine("armv6l", 32, (3, 11)), set()),
        (Machine("x86_64", 32, (3, 11)), set()),
        (Machine("riscv64", 64, (3, 11)), set()),
        (Machine("x86_64", 64, (3, 11), musl=True), set()),
        (Machine("aarch64", 64, (3, 15)), set()),
    ],
    ids=lambda value: str(value) if isinstance(value, Machine) else "",
)
def test_what_exists_for_a_machine(machine: Machine, there: set[Backend]) -> None:
    assert {backend for backend in Backend if exists(backend, machine)} == there
    for backend in Backend:
        named = re.findall(r"pip install ([a-z-]+)", mend(backend, machine))
        packages = {
            Backend.LITERT: "ai-edge-litert",
            Backend.TFLITE: "tflite-runtime",
            Backend.TENSORFLOW: "tensorflow",
        }
        assert set(named) <= {packages[each] for each in there}
        assert bool(named) == bool(there)


def test_where_there_is_none_the_mend_is_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "here", lambda: TRIXIE_32)
    monkeypatch.setattr("edge.model.runtime._construct", lambda *_: 1 / 0)
    with pytest.raises(RuntimeUnavailableError) as caught:
        start(b"")
    said = str(caught.value)
    assert "pip install" not in said
    assert "there is no TFLite runtime for 32-bit armv7l, Python 3.13" in said
    assert "take a 64-bit system, or Python 3.11 (Raspberry Pi OS Bookworm)" in said


def test_the_doctor_names_no_runtime_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "here", lambda: TRIXIE_32)
    monkeypatch.setattr(doctor, "installed", lambda: dict.fromkeys(Backend))
    monkeypatch.setattr("edge.model.runtime._construct", lambda *_: 1 / 0)
    checks = list(examine())
    said = " ".join(f"{check.found} {check.mend}" for check in checks)
    assert checks[-1].exit_code == 3
    assert "there is none for 32-bit armv7l, Python 3.13" in said
    assert not re.search(r"pip install (ai-edge-litert|tflite-runtime|tensorflow)", said)
