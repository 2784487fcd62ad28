"""Exported C as a shared library, called from Python."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from convert.firmware import golden
from convert.firmware.model_source import PreparedNetwork, source
from convert.firmware.targets.c99 import core_files
from edge.classification.classifier import Classifier
from edge.wafer import encoding
from edge.wafer.wafermap import DieGrid
from tests.support.compilers import WARNINGS, build, run
from tests.support.parts import SANITIZERS

Bytes = npt.NDArray[np.int8]

CLASSES: Final = 9
EMBEDDING: Final = 36
MAX_SIDE: Final = 300

#: ``wm_status``.
OK, BAD_SIZE, BAD_STATE, NO_DIES = range(4)


class Grid(ctypes.Structure):
    """``wm_grid``."""

    _fields_ = (
        ("rows", ctypes.c_uint16),
        ("columns", ctypes.c_uint16),
        ("cells", ctypes.c_uint8 * (MAX_SIDE * MAX_SIDE // 4)),
    )


class Result(ctypes.Structure):
    """``wm_result`` of the model that ships."""

    _fields_ = (
        ("pattern", ctypes.c_uint8),
        ("reason", ctypes.c_int),
        ("dies", ctypes.c_uint32),
        ("fails", ctypes.c_uint32),
        ("probabilities", ctypes.c_float * CLASSES),
        ("confidence", ctypes.c_float),
        ("below", ctypes.c_float),
        ("unfamiliarity", ctypes.c_float),
        ("mixture", ctypes.c_float),
        ("logits", ctypes.c_int8 * CLASSES),
        ("embedding", ctypes.c_int8 * EMBEDDING),
    )


def grid_of(dies: DieGrid) -> Grid:
    """A filled ``wm_grid``."""
    grid = Grid(*dies.shape)
    cells = golden.packed(dies).tobytes()
    ctypes.memmove(grid.cells, cells, len(cells))
    return grid


def library(place: Path, sources: Sequence[Path], includes: Sequence[Path], cc: str) -> ctypes.CDLL:
    """Compile sources to a shared library and load it.

    Args:
        place: What is made.
        sources: C files.
        includes: Folders of headers.
        cc: Compiler.
    """
    folders = [f"-I{folder}" for folder in includes]
    options = [*WARNINGS, "-O3", "-shared", "-fPIC", *folders]
    run([cc, *options, *map(str, sources), "-o", str(place), "-lm"])
    return ctypes.CDLL(str(place))


def write(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their path inside a folder."""
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


#: Reads inputs from stdin until there is none, and writes logits and embedding of each to stdout.
_MAIN: Final = """#include <stdio.h>
#include "wm_network.h"

int main(void)
{{
    while (fread(wm_input(), 1, {0}, stdin) == {0}) {{
        wm_run();
        fwrite(wm_logits(), 1, {1}, stdout);
        fwrite(wm_embedding(), 1, {2}, stdout);
    }}
    return 0;
}}
"""


#: The vector instructions of a Cortex-M4 in plain C, so that their path is tested here as well.
_ACLE: Final = """#include <stdint.h>

typedef int32_t int8x4_t;
typedef int32_t int16x2_t;

static inline int16x2_t __sxtb16(int8x4_t x)
{
    uint32_t low = (uint32_t)(int8_t)x, high = (uint32_t)(int8_t)(x >> 16);

    return (int16x2_t)((low & 0xFFFFu) | high << 16);
}

static inline int32_t __smlad(int16x2_t x, int16x2_t y, int32_t sum)
{
    return sum + (int16_t)x * (int16_t)y + (int16_t)(x >> 16) * (int16_t)(y >> 16);
}
"""
_DSP: Final = ("-D__ARM_FEATURE_SIMD32", "-D__ARM_FEATURE_UNALIGNED")


class BareNetwork:
    """A network without a model file's metadata: a program of its kernels alone, with sanitizers.

    Args:
        network: A prepared network.
        sizes: Bytes of input, logits and embedding.
        folder: Where to build.
        cc: Compiler.
        dsp: Take the path of a Cortex-M4.
    """

    def __init__(
        self,
        network: PreparedNetwork,
        sizes: tuple[int, int, int],
        folder: Path,
        cc: str,
        *,
        dsp: bool = False,
    ) -> None:
        files = core_files(network)
        kernels = [name for name in files if name.startswith("c99/kernels/")]
        texts = {"wm_model.c": source(network), "main.c": _MAIN.format(*sizes)}
        write(folder, {**files, **{name: text.encode() for name, text in texts.items()}})
        (folder / "arm_acle.h").write_text(_ACLE)
        self._program, self._cut = folder / "network", sizes[1]
        self._size = sizes[1] + sizes[2]
        sources = [folder / name for name in (*texts, *kernels)]
        includes = (folder, folder / "c99")
        flags = (*SANITIZERS, *(_DSP if dsp else ()))
        build(self._program, sources, cc=cc, flags=flags, includes=includes)

    def __call__(self, wafers: Sequence[Bytes]) -> list[list[Bytes]]:
        """Logits and embedding, int8, of each input."""
        done = subprocess.run(
            [self._program],
            input=b"".join(wafer.tobytes() for wafer in wafers),
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        found = np.frombuffer(done.stdout, np.int8).reshape(len(wafers), self._size)
        return [[row[: self._cut], row[self._cut :]] for row in found]


class Recording(Classifier):
    """A classifier that keeps the network's last outputs."""

    last: tuple[list[int], npt.NDArray[np.int8]]

    def outputs(self, encoded: encoding.Encoded) -> tuple[list[int], npt.NDArray[np.int8]]:
        self.last = super().outputs(encoded)
        return self.last
