"""Records as a station's store takes them, and whole ones as a sink gets them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from edge.results.record import FAB_KEYS, Record
from tests.support.cli import environment


def result(number: int, **changes: Any) -> Record:
    """What is recorded of a wafer; another wafer for each number."""
    return {
        "source": f"in/w{number}.png",
        "index": 0,
        "lot": "A1",
        "wafer": None,
        "slot": 7,
        "orientation": None,
        "pattern": "Loc",
        "probability": 0.75,
        "probabilities": {"Loc": 0.75, "none": 0.25},
        "verdict": "review",
        "reason": "low-confidence",
        "confidence": 0.61,
        "below": 0.8,
        "unfamiliarity": 5.1,
        "mixture": 0.02,
        "dies": 500,
        "fails": 20,
        "model": "m@0123",
        "symmetries": 1,
        "latency_us": 90,
        "source_sha256": digest(number),
        "event": "",
        **_common(),
        "model_sha256": digest(-1),
        "encoding": "e/1",
        "runtime": "litert 2 fast",
        "unfamiliar_above": 7.0,
        "mixed_above": 0.84,
        "file": "",
        "same_as": None,
        "moved_to": None,
        "suggested": None,
        **dict.fromkeys(FAB_KEYS),
        **changes,
    }


def error(number: int, **changes: Any) -> Record:
    """What is recorded of a file that could not be read."""
    return {
        "source": f"in/b{number}.png",
        "index": None,
        "error": "zero bytes",
        "kind": "empty",
        "source_sha256": digest(number),
        **_common(),
        "moved_to": None,
        "lot": None,
        "wafer": None,
        **changes,
    }


def digest(number: int) -> str:
    """A hash, another one for each number."""
    return hashlib.sha256(str(number).encode()).hexdigest()


def _common() -> Record:
    return {
        "station": "s1",
        "tool": "wm-edge 0",
        "seen_at": "2026-01-02T03:04:05.678Z",
        "recorded_at": "2026-01-02T03:04:06.789Z",
        "waited_ms": 12,
    }


@contextmanager
def holder(code: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another process that runs ``code``, prints a line and then holds what it has."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{code}\nprint(flush=True); sys.stdin.read()",
            *map(str, arguments),
        ],
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "\n"
            yield process
        finally:
            process.kill()
