"""An earlier benchmark, read back, and what has changed since."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.bench.figures import FORMAT, VERSION
from edge.errors import UsageError
from edge.system.regular_file import read_bytes

MAX_BYTES: Final = 16 * 2**20


@dataclass(frozen=True)
class Change:
    """One figure in two benchmarks.

    Attributes:
        name: Of the figure, with its unit.
        before: None where the earlier run does not have it.
        now: None where this run does not have it.
    """

    name: str
    before: float | None
    now: float | None

    @property
    def ratio(self) -> float | None:
        """``now / before``; None where one is missing or nothing can be divided."""
        return self.now / self.before if self.before and self.now is not None else None


def read(path: Path) -> dict[str, Any]:
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
        figures(data)
        differences(data, data)
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror}); check --compare") from error
    except (ValueError, RecursionError) as error:
        raise _refusal(path, f"it is not JSON: {error}") from error
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise _refusal(path, f"it is incomplete or malformed: {error!r}") from error
    return data


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """Every figure of either benchmark, in the order of this one.

    Args:
        before: ``Report.as_dict()`` of the earlier run, as ``read`` gives it.
        now: The same of this run.
    """
    old, new = figures(before), figures(now)
    names = [*new, *(name for name in old if name not in new)]
    return [Change(name, old.get(name), new.get(name)) for name in names]


def figures(data: Mapping[str, Any]) -> dict[str, float]:
    """The comparable figures of a benchmark by name.

    Raises:
        KeyError, TypeError, AttributeError: it is not one.
    """
    return {name: _number(value) for name, value in _figures(data) if value is not None}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Why figures may differ though nothing became faster or slower."""
    found = []
    for key, what in (("cpu", "processor"), ("processors", "number of processors")):
        old, new = before["machine"][key], now["machine"][key]
        if old != new:
            found.append(f"another {what}: {old} before, {new} now")
    for key in ("python", "versions"):
        if before["machine"][key] != now["machine"][key]:
            found.append("another Python or other library versions")
            break
    if before["model"]["sha256"] != now["model"]["sha256"]:
        found.append(
            f"another model file: {before['model']['name']} before, {now['model']['name']} now"
        )
    if before["settings"]["wafers_sha256"] != now["settings"]["wafers_sha256"]:
        found.append("other wafers")
    if before["settings"]["seconds"] != now["settings"]["seconds"]:
        found.append(
            f"measured for another time: {before['settings']['seconds']} s before, "
            f"{now['settings']['seconds']} s now"
        )
    return found


def _figures(data: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for row in data["subjects"]:
        name = str(row["name"])
        for stage, percentiles in row["latency_us"].items():
            for percentile, value in percentiles.items():
                yield f"{name}, {stage} {percentile}, µs", value
        for threads, value in row["wafers_per_second"].items():
            yield f"{name}, wafers/s with {threads} threads", value
        yield f"{name}, cold start, ms", row["cold_start_ms"]
        yield f"{name}, peak memory, MB", row["peak_memory_mb"]
        rate = row["macs_per_second"]
        yield f"{name}, GMAC/s", None if rate is None else _number(rate) / 1e9
    for ratio in data["ratios"]:
        yield str(ratio["name"]), ratio["value"]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise TypeError(f"{value!r} is no figure")
    return float(value)


def _refusal(path: Path, why: str) -> UsageError:
    return UsageError(f"{path}: not a result of `wm-edge bench --json`, {why}")
