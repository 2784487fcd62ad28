"""What the first processor can do, as Linux lists it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

CPU_INFO: Final = Path("/proc/cpuinfo")

#: Lines that tell processors apart: of x86 the first two, of ARM the others. Clocks change.
_LINES: Final = ("model name", "flags", "Features", "CPU implementer", "CPU variant", "CPU part")

#: The first processor stands in so many bytes; the system writes no more than is asked for.
_HEAD: Final = 8192


def features() -> str:
    """Kind and abilities of the first processor; empty where the system does not tell."""
    try:
        with CPU_INFO.open("rb", buffering=0) as file:
            head = file.read(_HEAD).decode("utf-8", "replace")
    except OSError:
        return ""
    first = head.strip().partition("\n\n")[0]
    return "\n".join(line for line in first.splitlines() if line.startswith(_LINES))
