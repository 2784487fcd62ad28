"""Alarms are raised once, acknowledged once with a word, and never lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from benchmarks.lots import drawn_baseline
from edge.errors import OutputError, UsageError
from edge.lots.alarm import Alarm, Rule
from edge.lots.alarm_file import AlarmFile

ALARM = Alarm(Rule.LIMIT, "Löc", "A1", ["A1"], "said", {"count": 9}, 1e-4, 0.01, ["x-1"])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with closing(AlarmFile(tmp_path / "r.sqlite")) as file:
        assert file.baseline() is None
        assert file.alarms() == []
        assert not file.path.exists()
        file.freeze(drawn_baseline(np.random.default_rng(0), 20), "me")
    return tmp_path / "r.sqlite"


def test_an_alarm_is_raised_once(store: Path) -> None:
    for expected in (1, 0):
        with closing(AlarmFile(store)) as file:
            assert len(file.raise_alarms([ALARM, structs.replace(ALARM, said="again")])) == expected
            assert file.raise_alarms([structs.replace(ALARM, rule=Rule.WHOLE)]) == []
    with closing(AlarmFile(store)) as file:
        other = structs.replace(ALARM, lot="A2")
        (new,) = file.raise_alarms([ALARM, other])
        assert new.alarm == other
        assert [one.id for one in file.alarms()] == [1, 2]


def test_a_person_acknowledges_it_once(store: Path) -> None:
    with closing(AlarmFile(store)) as file:
        file.raise_alarms([ALARM])
        file.acknowledge(1, "pump", "mk")
        with pytest.raises(UsageError, match=r"was acknowledged by mk at .*: pump"):
            file.acknowledge(1, "again", "other")
        with pytest.raises(UsageError, match="has no alarm 7"):
            file.acknowledge(7, "x", "mk")
    with closing(AlarmFile(store)) as file:
        (one,) = file.alarms()
        assert (one.acknowledged_by, one.word) == ("mk", "pump")
        assert one.as_dict()["rule"] == "limit"


def test_each_target_gets_it_once(store: Path) -> None:
    with closing(AlarmFile(store)) as file:
        file.raise_alarms([ALARM])
        file.note_sent(1, "mqtt://a")
        file.note_sent(1, "mqtt://a")
        assert file.unsent("mqtt://a") == []
        assert [one.id for one in file.unsent("https://b")] == [1]


def test_the_newest_baseline_counts(store: Path) -> None:
    newest = drawn_baseline(np.random.default_rng(1), 30)
    with closing(AlarmFile(store)) as file:
        file.freeze(newest, "me")
    with closing(AlarmFile(store)) as file:
        assert file.baseline() == newest


def test_what_is_not_ours_or_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.labels.sqlite"
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("CREATE TABLE mine (x)")
    with pytest.raises(UsageError, match="no labels of ours"):
        AlarmFile(tmp_path / "r.sqlite")
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(OutputError, match="cannot be used"):
        AlarmFile(tmp_path / "r.sqlite")
    assert path.read_bytes() == b"nonsense" * 1000
