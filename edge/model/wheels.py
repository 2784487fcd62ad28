"""The TFLite runtimes, and which exist for a machine: nobody is told to install what there is not.

What stands here was asked of PyPI with ``pip download --only-binary=:all:``.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from typing import Final

from edge.system.choice import Choice


class Backend(Choice):
    """A TFLite runtime."""

    LITERT = "litert"
    TFLITE = "tflite"
    TENSORFLOW = "tensorflow"


#: How different systems call the processors.
_INTEL: Final = frozenset({"x86_64", "amd64"})
_ARM64: Final = frozenset({"aarch64", "arm64"})
_ARM32: Final = frozenset({"armv7l", "armv8l"})


@dataclass(frozen=True)
class Machine:
    """What decides which wheels fit.

    Attributes:
        processor: As ``platform.machine()`` calls it, in lower case.
        bits: Of Python, 32 or 64; a 32-bit system may run on a 64-bit kernel.
        python: Its version.
        musl: Whether the C library is musl (Alpine), for which none of the runtimes has wheels.
    """

    processor: str
    bits: int
    python: tuple[int, int]
    musl: bool = False

    def __str__(self) -> str:
        libc = " with musl" if self.musl else ""
        return f"{self.bits}-bit {self.processor}{libc}, Python {self.python[0]}.{self.python[1]}"


@dataclass(frozen=True)
class _Wheels:
    """Where a runtime's wheels fit.

    Attributes:
        name: As pip knows it.
        processors: That there are wheels for.
        newest: Python of the newest of them.
        needs: What else pip must be told.
        known: Versions to take instead of one that dies: 2.1.5 of LiteRT ran on an emulated ARM
            (QEMU 7.2) where 2.2.0 and 2.3.0 died of SIGSEGV as they were imported.
    """

    name: str
    processors: frozenset[str]
    newest: tuple[int, int]
    needs: str = ""
    known: tuple[str, ...] = ()

    def install(self, version: str = "") -> str:
        """How it is installed; a version, or any."""
        return f"pip install {self.name}{version and f'=={version}'}{self.needs}"

    def fit(self, machine: Machine) -> bool:
        processor = machine.processor
        if machine.bits == 32:
            processor = "armv7l" if processor in _ARM64 | _ARM32 else "none"
        return not machine.musl and processor in self.processors and machine.python <= self.newest


_WHEELS: Final = {
    Backend.LITERT: _Wheels("ai-edge-litert", _INTEL | _ARM64, (3, 14), known=("2.1.5", "2.3.0")),
    Backend.TFLITE: _Wheels(
        "tflite-runtime", _INTEL | _ARM64 | _ARM32, (3, 11), needs=" 'numpy<2'"
    ),
    Backend.TENSORFLOW: _Wheels("tensorflow", _INTEL | _ARM64, (3, 13)),
}


def here() -> Machine:
    """This machine."""
    return Machine(
        platform.machine().lower(),
        64 if sys.maxsize > 2**32 else 32,
        sys.version_info[:2],
        sys.platform == "linux" and platform.libc_ver()[0] != "glibc",
    )


def exists(backend: Backend, machine: Machine | None = None) -> bool:
    """Whether a runtime can be installed on a machine; on this one where None."""
    return _WHEELS[backend].fit(machine or here())


def mend(backend: Backend, machine: Machine | None = None) -> str:
    """How a runtime is installed, or what to do where there is none for the machine."""
    machine = machine or here()
    if exists(backend, machine):
        return _WHEELS[backend].install()
    others = [other for other in Backend if exists(other, machine)]
    if others:
        return f"there is no {backend} for {machine}; take {others[0]}: {mend(others[0], machine)}"
    return f"there is no TFLite runtime for {machine}; {_instead(machine)}"


def other_version(backend: Backend, version: str, machine: Machine | None = None) -> str:
    """What to install instead of a version that does not work on a machine, though it is for it."""
    wheels, machine = _WHEELS[backend], machine or here()
    if others := [known for known in wheels.known if known != version]:
        return wheels.install(others[0])
    if backend is not Backend.LITERT and exists(Backend.LITERT, machine):
        return mend(Backend.LITERT, machine)
    return f"pip install --force-reinstall {wheels.name}{wheels.needs}"


def _instead(machine: Machine) -> str:
    """What a machine without any runtime can have instead."""
    if machine.musl:
        return "take a system with glibc (Debian), or its container image"
    if machine.bits == 32 and machine.processor in _ARM64 | _ARM32:
        return "take a 64-bit system, or Python 3.11 (Raspberry Pi OS Bookworm)"
    if machine.bits == 64 and machine.processor in _INTEL | _ARM64:
        return "take Python 3.10 to 3.14"
    return "take a 64-bit system on x86-64 or ARM (of a Raspberry Pi: 3 or newer)"
