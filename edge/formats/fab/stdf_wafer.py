"""What an STDF file says of one wafer: its results, and what they and its WRR come to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edge.formats.fab.fab_map import Stated


@dataclass
class Wafer:
    """What has been read of a wafer; ``results`` are beginnings of PRRs, end to end."""

    #: Lot, device, tool.
    names: tuple[str, str, str] = ("", "", "")
    wafer: str = ""
    results: bytearray = field(default_factory=bytearray)
    nowhere: int = 0
    parts: int | None = None
    good: int | None = None
    outline: bytes | None = None
    is_ended: bool = False
    warnings: list[str] = field(default_factory=list)


def places(results: npt.NDArray[Any]) -> npt.NDArray[np.int32]:
    """A number for each position."""
    return results["x"].astype(np.int32) * 2**16 + results["y"]


def last(results: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Which result of each position is the last."""
    _, from_end = np.unique(places(results)[::-1], return_index=True)
    return len(results) - 1 - from_end


def stated(wafer: Wafer, dies: int, retests: int) -> Stated:
    """Counts of the WRR, if they are of dies: testers count runs as well."""
    if wafer.parts == dies:
        return Stated(tested=dies, passed=wafer.good)
    runs = dies + retests
    if wafer.parts not in (None, runs, runs + wafer.nowhere):
        what = f"the file states {wafer.parts} parts, it has {dies} dies in {runs} results"
        wafer.warnings.append(what)
    return Stated()
