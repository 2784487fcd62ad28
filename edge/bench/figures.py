"""What a benchmark finds: a row a subject, ratios between rows, and all of it as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import median
from typing import Any, Final

from edge.bench.subject import SubjectKind
from edge.system.typed import Finite

#: What the JSON file says it is.
FORMAT: Final = "wm-edge bench"
VERSION: Final = 1


@dataclass(frozen=True)
class Row:
    """The figures of one subject.

    Attributes:
        version: Of the runtime.
        failure: Why there are no figures, or None.
        latency_us: Microseconds a wafer by stage and percentile (``p50``), over all rounds.
        rounds_us: Median microseconds a wafer by stage, one a round.
        wafers_per_second: By number of threads, each with an interpreter of its own.
        cold_start_ms: From starting a process to its first verdict, median.
        peak_memory_mb: Largest resident set of the process with one interpreter, in 10^6 bytes.
        macs: Multiply-accumulates of one inference, or None where they are not known.
        macs_per_second: ``macs`` by the median ``invoke``.
        share_of_peak: ``macs_per_second`` of the machine's int8 peak, 0..1, median over rounds.
    """

    name: str
    kind: SubjectKind
    version: str = ""
    failure: str | None = None
    latency_us: dict[str, dict[str, Finite]] = field(default_factory=dict)
    rounds_us: dict[str, list[float]] = field(default_factory=dict)
    wafers_per_second: dict[str, Finite] = field(default_factory=dict)
    cold_start_ms: Finite | None = None
    peak_memory_mb: Finite | None = None
    macs: int | None = None
    macs_per_second: Finite | None = None
    share_of_peak: Finite | None = None

    def failed(self, reason: str) -> Row:
        """The same subject without figures."""
        return Row(self.name, self.kind, self.version, failure=reason)

    def with_macs(self, macs: int | None, peak: Peak) -> Row:
        """The same with what follows from the multiply-accumulates of its network.

        Only int8 has a share of the int8 peak.
        """
        if self.failure or not macs:
            return self
        share = None
        if self.kind is SubjectKind.INT8 and peak.rounds_us:
            share = median(
                [
                    (macs / ours) / (peak.macs / best)
                    for ours, best in zip(self.rounds_us["invoke"], peak.rounds_us, strict=True)
                ]
            )
        rate = macs / (self.latency_us["invoke"]["p50"] * 1e-6)
        return replace(self, macs=macs, macs_per_second=rate, share_of_peak=share)


@dataclass(frozen=True)
class Peak:
    """The int8 peak: one large convolution in LiteRT on one thread, of so many ``macs``.

    ``rounds_us`` are median microseconds, one a round; empty where ``failure`` says why.
    """

    macs: int
    rounds_us: list[float] = field(default_factory=list)
    failure: str | None = None

    @property
    def macs_per_second(self) -> float | None:
        """Median over rounds."""
        return self.macs / (median(self.rounds_us) * 1e-6) if self.rounds_us else None


@dataclass(frozen=True)
class Ratio:
    """One figure against another, both measured in turn, so that a slow phase hits both alike.

    ``value`` is the median over rounds, between the smallest and the largest; ``bar`` is what it
    must reach (``at_least``) or not exceed.
    """

    name: str
    value: Finite
    low: Finite
    high: Finite
    bar: float | None = None
    at_least: bool = True

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.bar is None:
            return None
        return self.value >= self.bar if self.at_least else self.value <= self.bar


@dataclass(frozen=True)
class Report:
    """A whole benchmark: machine, model file and wafers, figures a subject, and their ratios.

    ``warnings`` are what a reader of the figures must know.
    """

    machine: Mapping[str, Any]
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    peak: Peak
    rows: Sequence[Row]
    ratios: Sequence[Ratio]
    warnings: Sequence[str] = ()

    def as_dict(self, command: Sequence[str] = ()) -> dict[str, Any]:
        """JSON form."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "command": list(command),
            "machine": dict(self.machine),
            "model": dict(self.model),
            "settings": dict(self.settings),
            "peak": {**asdict(self.peak), "macs_per_second": self.peak.macs_per_second},
            "subjects": [asdict(row) for row in self.rows],
            "ratios": [{**asdict(ratio), "met": ratio.met} for ratio in self.ratios],
            "warnings": list(self.warnings),
        }
