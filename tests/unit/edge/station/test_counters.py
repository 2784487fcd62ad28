"""What a station counts."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.station.counters import BOUNDS, Counters
from tests.support.records import error, result


def test_each_is_counted_where_it_belongs() -> None:
    counters = Counters()
    assert counters.summary() == "0 wafers: 0 accepted, 0 to review"
    counters.add([result(1, verdict="accept", pattern="none")], 0.0, 0)
    assert counters.summary() == "1 wafer: 1 accepted, 0 to review"
    counters.add([result(2), result(3), error(4), error(5, kind="no-dies")], 0.0, 3)
    assert counters.wafers == {("none", "accept"): 1, ("Loc", "review"): 2}
    assert counters.errors == {"empty": 1, "no-dies": 1}
    sure = result(6, verdict="accept", reason=None, suggested="Half")
    counters.add([sure, result(7, reason="own", suggested="Half"), result(8)], 0.0, 0)
    assert counters.claims == {("Half", "yes"): 1, ("Half", "no"): 1}
    words = "6 wafers: 2 accepted, 4 to review, 2 could not be read"
    assert counters.summary() == f"{words}, 3 recorded before"


@example([(10, 0.0)])  # just on a bound
@given(st.lists(st.tuples(st.integers(0, 90_000), st.floats(0, 5)), max_size=20))
def test_latencies_are_a_histogram_of_both_waits(waits: list[tuple[int, float]]) -> None:
    counters = Counters()
    for waited_ms, waited in waits:
        counters.add([result(1, waited_ms=waited_ms), error(1)], waited, 0)
    latencies = [waited_ms / 1000 + waited for waited_ms, waited in waits]
    upto = [sum(counters.latencies[: place + 1]) for place in range(len(counters.latencies))]
    wanted = [sum(latency <= bound for latency in latencies) for bound in BOUNDS]
    assert upto == [*wanted, len(waits)]
    assert counters.latency_sum == pytest.approx(sum(latencies))


def test_idle_is_since_the_last_wafer() -> None:
    counters = Counters()
    counters._last -= 100
    counters.add([error(1)], 0.0, 1)
    assert counters.idle >= 100, "an error is no wafer"
    counters.add([result(1)], 0.0, 0)
    assert 0 <= counters.idle < 50
