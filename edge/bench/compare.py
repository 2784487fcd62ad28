"""An earlier benchmark, read back, and what has changed since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from edge.bench.figures import FORMAT, VERSION, Ratio, Row
from edge.errors import UsageError
from edge.system.regular_file import read_bytes
from edge.system.typed import Finite, MismatchError, decode

MAX_BYTES: Final = 16 * 2**20


class _Machine(Struct, frozen=True):
    cpu: str
    processors: int
    python: str
    versions: dict[str, str]


class _Model(Struct, frozen=True):
    name: str
    sha256: str


class _Settings(Struct, frozen=True):
    wafers_sha256: str
    seconds: Finite


class Benchmark(Struct, frozen=True):
    """``Report.as_dict()``, as far as two runs are compared."""

    machine: _Machine
    model: _Model
    settings: _Settings
    subjects: tuple[Row, ...]
    ratios: tuple[Ratio, ...]

    def figures(self) -> dict[str, float]:
        """The comparable figures by name."""
        return {name: value for name, value in self._figures() if value is not None}

    def _figures(self) -> Iterator[tuple[str, float | None]]:
        for row in self.subjects:
            for stage, percentiles in row.latency_us.items():
                for percentile, value in percentiles.items():
                    yield f"{row.name}, {stage} {percentile}, µs", value
            for threads, value in row.wafers_per_second.items():
                yield f"{row.name}, wafers/s with {threads} threads", value
            yield f"{row.name}, cold start, ms", row.cold_start_ms
            yield f"{row.name}, peak memory, MB", row.peak_memory_mb
            rate = row.macs_per_second
            yield f"{row.name}, GMAC/s", None if rate is None else rate / 1e9
        for ratio in self.ratios:
            yield ratio.name, ratio.value


@dataclass(frozen=True)
class Change:
    """One figure, with its unit, in two benchmarks; None where a run does not have it."""

    name: str
    before: float | None
    now: float | None

    @property
    def ratio(self) -> float | None:
        """``now / before``; None where one is missing or nothing can be divided."""
        return self.now / self.before if self.before and self.now is not None else None


def read(path: Path) -> Benchmark:
    """Read what ``wm-edge bench --json`` wrote.

    Raises:
        UsageError: missing, unreadable, or something else.
    """
    try:
        data = json.loads(read_bytes(path, MAX_BYTES))
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise _refusal(path, f"it does not say that it is {FORMAT!r}")
        if data.get("version") != VERSION:
            raise _refusal(path, f"its version is {data.get('version')!r}, this wm-edge has 1")
        return benchmark(data)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check --compare") from error
    except MismatchError as error:
        raise _refusal(path, f"it is incomplete or malformed: {error}") from error
    except (ValueError, RecursionError) as error:
        raise _refusal(path, f"it is not JSON: {error}") from error


def benchmark(data: dict[str, Any]) -> Benchmark:
    """What is compared of ``Report.as_dict()``.

    Raises:
        MismatchError: it is not one.
    """
    return decode(Benchmark, data)


def changes(before: Benchmark, now: Benchmark) -> list[Change]:
    """Every figure of either benchmark, in the order of this one."""
    old, new = before.figures(), now.figures()
    names = [*new, *(name for name in old if name not in new)]
    return [Change(name, old.get(name), new.get(name)) for name in names]


def differences(before: Benchmark, now: Benchmark) -> list[str]:
    """Why figures may differ though nothing became faster or slower."""
    old, new = before.machine, now.machine
    found = []
    if old.cpu != new.cpu:
        found.append(f"another processor: {old.cpu} before, {new.cpu} now")
    if old.processors != new.processors:
        found.append(f"another number of processors: {old.processors} before, {new.processors} now")
    if (old.python, old.versions) != (new.python, new.versions):
        found.append("another Python or other library versions")
    if before.model.sha256 != now.model.sha256:
        found.append(f"another model file: {before.model.name} before, {now.model.name} now")
    if before.settings.wafers_sha256 != now.settings.wafers_sha256:
        found.append("other wafers")
    if before.settings.seconds != now.settings.seconds:
        found.append(
            f"measured for another time: {before.settings.seconds} s before, "
            f"{now.settings.seconds} s now"
        )
    return found


def _refusal(path: Path, why: str) -> UsageError:
    return UsageError(f"{path}: not a result of `wm-edge bench --json`, {why}")
