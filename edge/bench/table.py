"""A benchmark as tables for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge.bench import peak
from edge.bench.compare import Change
from edge.bench.figures import Ratio, Report, Row
from edge.bench.subject import PERCENTILES, STAGES
from edge.system.text import printable

#: Widths of names with and without a version; all tables fit 80 columns.
_NAME = 24
_SHORT = 16


def render(report: Report) -> str:
    """All tables of one benchmark."""
    about = report.machine
    made = "drawn" if report.settings["wafers_from"] == "drawn" else "of the data"
    head = (
        f"{about['cpu']}, {about['processors']} processors, Python {about['python']}, "
        f"load {about['load']} at the start"
    )
    measured = (
        f"model {report.model['name']}, {report.model['bytes'] / 1000:.1f} kB; "
        f"{report.settings['wafers']} wafers {made}, {report.settings['seconds']:g} s a subject "
        f"in {report.settings['rounds']} rounds"
    )
    lines = [
        head,
        measured,
        "",
        *_latency(report.rows),
        "",
        *_throughput(report),
        "",
        *_ratios(report.ratios),
    ]
    return "\n".join(printable(line) for line in lines)


def render_changes(changes: Sequence[Change]) -> str:
    """Each figure of two benchmarks."""
    width = max((len(change.name) for change in changes), default=0)
    lines = [f"{'figure':<{width}} {'before':>10} {'now':>10} {'now/before':>10}"]
    lines += [
        f"{change.name:<{width}} {_figure(change.before)} {_figure(change.now)} "
        f"{'-' if change.ratio is None else f'{change.ratio:.2f} x':>10}"
        for change in changes
    ]
    return "\n".join(printable(line) for line in lines)


def _latency(rows: Sequence[Row]) -> Iterator[str]:
    heads = " ".join(f"{f'p{p}':>9}" for p in PERCENTILES)
    yield f"{'latency, µs a wafer':<{_NAME}} {'':<9}{heads}"
    for row in rows:
        name = f"{row.name} {row.version}".strip()
        if row.failure is not None:
            yield f"{name:<{_NAME}} failed: {row.failure}"
            continue
        for stage in STAGES:
            values = row.latency_us[stage]
            shown = " ".join(f"{values[f'p{p}']:>9.1f}" for p in PERCENTILES)
            yield f"{name:<{_NAME}} {stage:<9}{shown}"
            name = ""


def _throughput(report: Report) -> Iterator[str]:
    threads = [str(count) for count in report.settings["threads"]]
    counts = " ".join(f"{f'{count} thr.':>7}" for count in threads)
    yield (
        f"{'':<{_SHORT}} {'wafers/s':<{8 * len(threads) - 1}} {'cold':>8} {'memory':>6} "
        f"{'MMAC':>6} {'GMAC/s':>7} {'of int8':>7}"
    )
    yield f"{'':<{_SHORT}} {counts} {'start ms':>8} {'MB':>6} {'':>6} {'':>7} {'peak':>7}"
    for row in report.rows:
        if row.failure is None:
            rates = " ".join(f"{_or_dash(row.wafers_per_second.get(t), '.0f'):>7}" for t in threads)
            macs = None if row.macs is None else row.macs / 1e6
            rate = None if row.macs_per_second is None else row.macs_per_second / 1e9
            yield (
                f"{row.name:<{_SHORT}} {rates} {_or_dash(row.cold_start_ms, '.0f'):>8} "
                f"{_or_dash(row.peak_memory_mb, '.0f'):>6} {_or_dash(macs, '.2f'):>6} "
                f"{_or_dash(rate, '.2f'):>7} {_or_dash(row.share_of_peak, '.1%'):>7}"
            )
    best = report.peak.macs_per_second
    if best is None:
        yield f"int8 peak of this machine: - ({report.peak.failure})"
    else:
        yield f"int8 peak of this machine: {best / 1e9:.1f} GMAC/s"
        yield f"  ({peak.DESCRIPTION})"


def _ratios(ratios: Sequence[Ratio]) -> Iterator[str]:
    width = max([_NAME, *(len(ratio.name) for ratio in ratios)])
    yield f"{'ratio':<{width}} {'median':>6} {'rounds':<11} {'bar':<7}"
    for ratio in ratios:
        rounds = f"{ratio.low:.2f} - {ratio.high:.2f}"
        bar, result = "", ""
        if ratio.bar is not None:
            bar = f"{'>=' if ratio.at_least else '<='}{ratio.bar:g}"
            result = "met" if ratio.met else "MISSED"
        yield f"{ratio.name:<{width}} {ratio.value:>6.2f} {rounds:<11} {bar:<7} {result}"


def _figure(value: float | None) -> str:
    return f"{_or_dash(value, '.4g' if value is not None and value < 1000 else '.0f'):>10}"


def _or_dash(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
