"""What is measured: the part of the benchmark that parent and child both know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge.system.choice import Choice

#: The parts of a verdict that are timed, and the whole.
STAGES: Final = ("encode", "invoke", "decode", "classify")
PERCENTILES: Final = (50, 95, 99)


class SubjectKind(Choice):
    """What a child process runs."""

    INT8 = "int8"
    FLOAT = "float"
    KERAS = "keras"
    PEAK = "peak"


@dataclass(frozen=True)
class Subject:
    """One thing that is measured: a network's file or run folder (None: the peak) in a runtime.

    Attributes:
        patterns: How many logits a float network must give.
    """

    kind: SubjectKind
    path: Path | None = None
    backend: str = ""
    patterns: int = 0

    @property
    def name(self) -> str:
        """For tables and for comparing runs."""
        return "float keras" if self.kind is SubjectKind.KERAS else f"{self.kind} {self.backend}"
