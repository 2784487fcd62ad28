"""What the tests use beside Python packages, and the Debian package that brings each.

`make test` runs this module: it prints the packages to install. A compiler may be there without the
libraries it links, so what is built is tried by building it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

SANITIZERS: Final = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
ANALYSER: Final = ("-fanalyzer", "-Werror")
FUZZER: Final = (*SANITIZERS, "-fsanitize=fuzzer")

_SYSTEM: Final = os.pathsep.join(("/usr/local/sbin", "/usr/sbin"))
_TIMEOUT: Final = 60.0

_PROGRAM: Final = "int main(void) { return 0; }\n"
_FUZZED: Final = """
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) { return data && size ? 0 : 0; }
"""
_BOARD: Final = ("-mcpu=cortex-m4", "-mthumb", "-specs=nano.specs", "-specs=nosys.specs")


class Build(NamedTuple):
    """A small program that shows whether a compiler has what it needs.

    Attributes:
        package: Debian package that brings what may be missing.
        compilers: The first that is installed is tried.
        flags: Of the compiler.
        suffix: Of the source file.
        source: The program.
    """

    package: str
    compilers: tuple[str, ...]
    flags: tuple[str, ...] = ()
    suffix: str = ".c"
    source: str = _PROGRAM

    def compiler(self) -> str | None:
        """The one that is tried."""
        return next(filter(None, map(shutil.which, self.compilers)), None)

    def failure(self) -> str:
        """Why it cannot be built; empty where it can."""
        compiler = self.compiler()
        if compiler is None:
            return f"none of {', '.join(self.compilers)} is installed"
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder, f"part{self.suffix}")
            place.write_text(self.source, "ascii")
            command = [compiler, *self.flags, str(place), "-o", str(Path(folder, "part"))]
            try:
                done = subprocess.run(
                    command, capture_output=True, text=True, timeout=_TIMEOUT, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return str(error)
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        return f"{Path(compiler).name}: {said[0]}" if done.returncode else ""


SANITIZED: Final = Build("gcc", ("gcc", "cc", "clang"), SANITIZERS)
ANALYSED: Final = Build("gcc", ("gcc",), ANALYSER)
FUZZED: Final = Build("libclang-rt-dev", ("clang",), FUZZER, source=_FUZZED)
BOARD_C: Final = Build(
    "libnewlib-arm-none-eabi",
    ("arm-none-eabi-gcc",),
    _BOARD,
    source=f"#include <string.h>\n{_PROGRAM}",
)
BOARD_CXX: Final = Build(
    "libstdc++-arm-none-eabi-newlib",
    ("arm-none-eabi-g++",),
    _BOARD,
    ".cc",
    "#include <new>\n#include <cstring>\nint main() { return new int ? 0 : 1; }\n",
)
BUILDS: Final = (SANITIZED, ANALYSED, FUZZED, BOARD_C, BOARD_CXX)

#: Package -> its program, under the names that it may have.
PROGRAMS: Final = {
    "chromium": ("chromium", "chromium-browser", "google-chrome"),
    "mosquitto": ("mosquitto",),
    "ffmpeg": ("ffmpeg",),
    "openssl": ("openssl",),
    "gcc": ("gcc", "cc", "clang"),
    "g++": ("g++",),
    "clang": ("clang",),
    "cmake": ("cmake",),
    "gcc-arm-none-eabi": ("arm-none-eabi-gcc",),
    "qemu-system-arm": ("qemu-system-arm",),
}


def missing() -> list[str]:
    """Debian packages that bring what is not there, in alphabetical order."""
    path = os.pathsep.join((os.environ.get("PATH", ""), _SYSTEM))
    programs = {
        package
        for package, names in PROGRAMS.items()
        if not any(shutil.which(name, path=path) for name in names)
    }
    return sorted(programs | {build.package for build in BUILDS if build.failure()})


if __name__ == "__main__":
    print(" ".join(missing()))
