"""The named checks that the gate of ``wm-edge evaluate`` consists of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from edge.system.choice import Choice
from edge.wafer.patterns import PATTERNS


class Status(Choice):
    """How a check ended. Skipped: it could not be judged, which is no pass."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: One of ``names``; machines rely on it.
        message: What was found and, where it failed, what to do.
    """

    name: str
    status: Status
    message: str

    @property
    def failed(self) -> bool:
        """Whether it makes the gate red."""
        return self.status is Status.FAILED


def class_check_name(pattern: str) -> str:
    """Name of the check of one pattern's recall."""
    return f"class-{pattern}"


#: Checks of the model file, in the order in which they are reported.
MODEL_CHECKS: Final = (
    "model-file",
    "network-hash",
    "encoding",
    "labels",
    "review-table",
    "runtime",
    "quantization",
    "planes",
    "self-test",
)


def names(patterns: Iterable[str]) -> tuple[str, ...]:
    """All checks, in the order in which they are reported. Names are never reused or changed."""
    return (
        *MODEL_CHECKS,
        *("data", "baseline", "dead-classes"),
        *map(class_check_name, patterns),
        *("mean", "review-share", "accepted-wrong", "calibration"),
    )


#: Those for a model file of WM-811K's nine patterns.
NAMES: Final = names(PATTERNS)


def passed(name: str, message: str) -> Check:
    """A check that found what it should."""
    return Check(name, Status.PASSED, message)


def failed(name: str, message: str) -> Check:
    """A check that makes the gate red."""
    return Check(name, Status.FAILED, message)


def skipped(name: str, message: str) -> Check:
    """A check that could not be judged."""
    return Check(name, Status.SKIPPED, message)


def complete(checks: Iterable[Check], why: str, patterns: Iterable[str]) -> list[Check]:
    """One check a name, in the order of ``names``.

    Args:
        checks: Where a name comes twice, a failed one counts, else the later one.
        why: Message of the checks that are missing: they are reported as skipped.
        patterns: The model file's.
    """
    found: dict[str, Check] = {}
    for check in checks:
        if not (check.name in found and found[check.name].failed):
            found[check.name] = check
    return [found.get(name) or skipped(name, why) for name in names(patterns)]
