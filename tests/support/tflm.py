"""TFLite Micro for tests: its wheel, and stand-ins of its headers to compile against."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

from convert.firmware.tflm import micro
from tests.support.compilers import compiler, need, run
from tests.support.firmware import core

#: What ``create_tflm_tree.py`` would make, as far as exported firmware uses it.
TREE: Final = Path(__file__).with_name("tflm_tree")

_WHEEL: Final = "tflite-micro>=0.dev20250101"
_TIMEOUT: Final = 120.0


def cmake(folder: Path, build: Path, *options: str) -> None:
    """Build an exported project on the stand-ins."""
    program = need("cmake", package="cmake")
    need("g++", package="g++")
    # The stand-in of the interpreter has the sizes of the project's own model.
    flags = (f"-DWM_TFLM_TREE={TREE}", f"-DCMAKE_CXX_FLAGS=-I{folder}")
    run([program, "-S", str(folder), "-B", str(build), *flags, *options])
    run([program, "--build", str(build), "--parallel", "2"])


def network_of(c99: Path) -> Path:
    """The network of an exported c99 folder as a library: what the stand-in runs."""
    place = c99 / "network.so"
    options = ["-std=c99", "-O2", "-shared", "-fPIC", f"-I{c99}", f"-I{c99 / 'c99'}"]
    run([compiler(), *options, *map(str, core(c99)), "-o", str(place), "-lm"])
    return place


def put_wheel_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process and its children find the wheel; skips the test where there is none.

    Where the environment has it not, it is installed into a folder of its own, which later runs
    find again.
    """
    if micro.available():
        return
    folder = _folder()
    monkeypatch.syspath_prepend(str(folder))
    others = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), others))))
    if not micro.available():
        pytest.skip("TFLite Micro's wheel was installed but cannot be found")


def _folder() -> Path:
    tag = f"{sys.implementation.cache_tag}-{os.getuid()}"
    place = Path(tempfile.gettempdir()) / f"wm-edge-tflite-micro-{tag}"
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            _install(place)
    return place


def _install(place: Path) -> None:
    """Its dependencies are in every environment that runs these tests."""
    partial = place.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    try:
        done = subprocess.run(
            [*pip, str(partial), _WHEEL],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"pip install '{_WHEEL}' took longer than {_TIMEOUT:g} s")
    if done.returncode:
        last = done.stderr.strip().rpartition("\n")[2]
        pytest.skip(f"TFLite Micro's wheel cannot be installed: {last}")
    partial.rename(place)
