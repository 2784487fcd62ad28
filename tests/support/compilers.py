"""C compilers and emulators for tests that build the firmware; a test without one is skipped."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.support.parts import Build

ROOT: Final = Path(__file__).parents[2]
FIRMWARE: Final = ROOT / "firmware_examples"
STATION: Final = FIRMWARE / "station"
BOARDS: Final = FIRMWARE / "boards"

WARNINGS: Final = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Wpedantic", "-Werror")

#: Generous: the machine may be busy.
_TIMEOUT: Final = 120.0


def need(*programs: str, package: str) -> str:
    """The first of some programs that is installed.

    Args:
        programs: Any of them will do.
        package: What to install, for the reason why a test is skipped.
    """
    for program in programs:
        found = shutil.which(program)
        if found:
            return found
    pytest.skip(f"none of {', '.join(programs)} is installed: apt-get install {package}")


@cache
def need_build(part: Build) -> str:
    """The compiler of a part, if it can build it: a program alone says little of its libraries."""
    found, failure = part.compiler(), part.failure()
    if found is None or failure:
        pytest.skip(f"{failure}: apt-get install {part.package}")
    return found


def compiler() -> str:
    """A C compiler for this machine."""
    return need("gcc", "cc", "clang", package="gcc")


def build(
    program: Path,
    sources: Iterable[Path],
    *,
    cc: str,
    flags: Sequence[str] = (),
    includes: Iterable[Path] = (),
) -> Path:
    """Compile and link; every warning is an error, and fails the test with what was said.

    Args:
        program: What is made.
        sources: C files.
        cc: Compiler.
        flags: Besides ``WARNINGS``.
        includes: Folders of headers.
    """
    command = [cc, *WARNINGS, "-O2", *flags, *(f"-I{folder}" for folder in includes)]
    run([*command, *map(str, sources), "-o", str(program), "-lm"])
    return program


def run(command: Sequence[str], cwd: Path | None = None) -> str:
    """Run a command that must succeed.

    Returns:
        What it wrote to stdout.
    """
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=_TIMEOUT, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that one worker of a test run fills and all of them use: building takes seconds.

    Args:
        factory: Knows where the run's folders are.
        name: Of the folder, the same for all.
        make: Fills it.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    place = shared / name
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            # Under another name until it is whole: a build that fails is tried by the next one.
            partial = shared / f"{name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir()
            make(partial)
            partial.rename(place)
    return place
