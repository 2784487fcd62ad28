"""Ratios come from rounds, not from totals, and are held against the right bars."""

from __future__ import annotations

import pytest

from edge.bench.figures import Peak, Ratio, Row
from edge.bench.ratios import over_rounds, ratios
from edge.bench.subject import STAGES, Subject, SubjectKind


def row(kind: SubjectKind, backend: str, *microseconds: list[float]) -> Row:
    rounds = dict(zip(STAGES, microseconds, strict=True))
    latency = {stage: {"p50": values[0]} for stage, values in rounds.items()}
    return Row(Subject(kind, backend=backend).name, kind, rounds_us=rounds, latency_us=latency)


INT8 = row(SubjectKind.INT8, "litert", [40, 80], [60, 120], [9, 9], [110, 220])
FLOAT = row(SubjectKind.FLOAT, "litert", [40, 80], [120, 240], [9, 9], [170, 340])
KERAS = row(SubjectKind.KERAS, "", [40, 80], [11_000, 22_000], [9, 9], [12_000, 24_000])


def by_name(rows: list[Row]) -> dict[str, Ratio]:
    return {ratio.name: ratio for ratio in ratios(rows)}


def test_a_phase_that_slows_both_sides_changes_no_ratio() -> None:
    found = by_name([INT8, FLOAT, KERAS])
    assert {name: ratio.value for name, ratio in found.items()} == {
        "float litert / int8 litert, invoke": pytest.approx(2.0),
        "float keras predict / int8 litert classify": pytest.approx(100.0),
        "int8 litert, classify / (encode + invoke)": pytest.approx(1.1),
    }
    assert all(ratio.met for ratio in found.values())
    assert all(ratio.low == pytest.approx(ratio.high) for ratio in found.values())


def test_median_and_extremes_are_those_of_the_rounds() -> None:
    found = over_rounds("a / b", [1, 4, 9], [1, 2, 3], bar=2.5)
    assert (found.low, found.value, found.high) == (1, 2, 3)
    assert found.met is False


@pytest.mark.parametrize(
    ("bar", "at_least", "met"),
    [
        (2.0, True, True),
        (2.1, True, False),
        (2.0, False, True),
        (1.9, False, False),
        (None, True, None),
    ],
)
def test_a_bar_is_reached_or_not_exceeded(bar: float | None, at_least: bool, met: bool) -> None:
    assert Ratio("x", 2.0, 1.0, 3.0, bar, at_least).met is met


def test_a_failed_subject_takes_no_part() -> None:
    assert by_name([INT8, FLOAT.failed("no such file")]).keys() == {
        "int8 litert, classify / (encode + invoke)"
    }
    assert ratios([INT8.failed("x"), FLOAT, KERAS]) == []


def test_float_is_held_against_int8_in_the_same_runtime_and_runtimes_against_the_first() -> None:
    slow = row(SubjectKind.INT8, "tflite", [40, 80], [600, 1200], [9, 9], [660, 1320])
    found = by_name([INT8, slow, FLOAT])
    assert "float litert / int8 tflite, invoke" not in found
    against = found["int8 tflite / int8 litert, classify"]
    assert against.value == pytest.approx(6.0)
    assert against.met is None


def test_the_share_of_the_peak_is_that_of_the_rounds() -> None:
    peak = Peak(macs=1_000_000, rounds_us=[10, 20])
    counted = INT8.with_macs(600_000, peak)
    assert counted.macs_per_second == pytest.approx(600_000 / 60e-6)
    assert counted.share_of_peak == pytest.approx(0.1)
    assert peak.macs_per_second == pytest.approx(1e6 / 15e-6)
    assert FLOAT.with_macs(600_000, peak).share_of_peak is None
    assert INT8.with_macs(600_000, Peak(1, failure="no schema")).share_of_peak is None
    assert INT8.with_macs(None, peak).macs_per_second is None
