"""Which files the station died of: noted before each is read, found at the next start."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.classification.classifier import Classifier
from edge.errors import OutputError
from edge.station.folder.deaths import Deaths
from edge.station.folder.intake import Entry, FileIntake, IntakeResult, IntakeState, WriterCheck
from edge.station.folder.workers import Workers
from edge.store.taken import Stamp
from edge.wafer.wafermap import WaferMap
from tests.support.station import wafer_bytes

A, B = Stamp(1, 2, 3, 4), Stamp(1, 2, 3, 5)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "station.sqlite"


def test_what_was_in_hand_at_two_deaths_is_found(store: Path) -> None:
    for times in (0, 1, 2):
        deaths = Deaths(store)
        assert deaths.times("a.csv", A) == times
        assert deaths.times("a.csv", B) == 0, "changed since: another file"
        assert ("a.csv" in deaths) == (times > 0)
        deaths.slot().note("finished.csv", A)
        slot = deaths.slot()
        slot.note("long-" * 500, B)
        slot.note("a.csv", A)
        deaths.give_back(deaths.slot())
    # One that changed begins anew.
    slot.note("a.csv", B)
    assert Deaths(store).times("a.csv", B) == 1


def test_who_ends_as_it_should_died_of_nothing(store: Path) -> None:
    deaths = Deaths(store)
    deaths.slot().note("a.csv", A)
    deaths.close()
    assert "a.csv" not in Deaths(store)


def test_who_is_still_at_work_died_of_nothing(store: Path) -> None:
    """A worker of a station that was killed."""
    deaths = Deaths(store)
    slot = deaths.slot()
    at_work, hold = os.pipe()
    child = os.fork()
    if not child:
        slot.hold()
        slot.note("a.csv", A)
        os.write(hold, b".")
        signal.pause()
    os.read(at_work, 1)
    assert "a.csv" not in Deaths(store)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert "a.csv" in Deaths(store)


def test_what_was_taken_after_all_is_forgotten(store: Path) -> None:
    Deaths(store).slot().note("a.csv", A)
    deaths = Deaths(store)
    deaths.survived("a.csv")
    assert "a.csv" not in deaths
    assert "a.csv" not in Deaths(store)


@given(content=st.binary(max_size=300), place=st.sampled_from([0, 8192, 64 * 8192]))
def test_whatever_stands_there_is_no_obstacle(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, place: int
) -> None:
    store = tmp_path_factory.mktemp("notes") / "s.sqlite"
    with store.with_name("s.sqlite.taking").open("wb") as file:
        file.seek(place)
        file.write(content)
    deaths = Deaths(store)
    deaths.slot().note("a.csv", A)
    assert Deaths(store).times("a.csv", A) == 1


def test_no_more_is_remembered_than_is_of_use(store: Path) -> None:
    for number in range(100):
        deaths = Deaths(store)
        deaths.slot().note(f"{number}.csv", A)
    size = store.with_name("station.sqlite.taking").stat().st_size
    assert size < 2**20
    assert [f"{number}.csv" in Deaths(store) for number in (0, 50, 99)] == [False, True, True]


def test_a_link_laid_under_the_name_of_the_notes_leads_nowhere(store: Path) -> None:
    victim = store.with_name("victim")
    victim.write_text("the user's own")
    store.with_name("station.sqlite.taking").symlink_to(victim)
    with pytest.raises(OutputError, match="taking: cannot be written"):
        Deaths(store)
    assert victim.read_text() == "the user's own"


class Counting:
    """A classifier that works fast."""

    def classify(self, wafer_map: WaferMap) -> Any:
        return SimpleNamespace(as_record=lambda: {"source": wafer_map.source}, embedding=None)


class Apart(SimpleNamespace):
    """A worker that dies of what it is given, in the way that it is told."""


@pytest.fixture
def entry(tmp_path: Path) -> Entry:
    path = tmp_path / "w.csv"
    path.write_bytes(wafer_bytes(1))
    return Entry(str(path), WriterCheck.PROBE, str(tmp_path))


def suspected(store: Path, entry: Entry) -> Deaths:
    deaths = Deaths(store)
    [attempt] = FileIntake(cast(Classifier, Counting())).take(entry)
    assert attempt.stamp is not None
    deaths.slot().note(entry.path, attempt.stamp)
    return Deaths(store)


def taken(deaths: Deaths, entry: Entry, monkeypatch: pytest.MonkeyPatch, code: int) -> IntakeResult:
    """What comes of a file of which the station died once, with a worker that dies so."""

    def started(_: object, slot: Any) -> Any:
        ours, theirs = os.pipe()
        os.close(theirs)
        [attempt] = FileIntake(cast(Classifier, Counting())).take(entry)
        slot.note(entry.path, attempt.stamp)
        process = SimpleNamespace(returncode=code)
        connection = _Dead(ours)
        return Apart(
            connection=connection,
            stop=lambda: None,
            waiting=0,
            alive=True,
            process=process,
            slot=slot,
        )

    monkeypatch.setattr("edge.station.folder.workers._started", started)
    workers = Workers(FileIntake(cast(Classifier, Counting()), slot=deaths.slot()), {}, deaths)
    [attempt] = workers.take(iter([entry]))
    workers.close()
    return attempt


class _Dead:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def send(self, _: object) -> None:
        raise BrokenPipeError

    def close(self) -> None:
        os.close(self._descriptor)


def test_a_worker_that_dies_of_it_is_the_second_death(
    store: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = taken(suspected(store, entry), entry, monkeypatch, -signal.SIGKILL)
    assert attempt.state is IntakeState.BAD
    assert attempt.stamp is not None, "it is passed over until it changes"
    assert "died 2 times" in attempt.records[0]["error"]
    assert Deaths(store).times(entry.path, attempt.stamp) == 2


def test_a_worker_that_somebody_ended_died_of_no_file(
    store: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = taken(suspected(store, entry), entry, monkeypatch, -signal.SIGTERM)
    assert attempt.state is IntakeState.UNSURE
    assert Deaths(store).times(entry.path, attempt.stamp) == 1


def test_a_suspect_that_changed_is_taken_like_any_other(
    store: Path, entry: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaths = suspected(store, entry)
    Path(entry.path).write_bytes(wafer_bytes(2))
    assert taken(deaths, entry, monkeypatch, 0).state is IntakeState.TAKEN
    assert entry.path not in deaths


@pytest.fixture(autouse=True)
def _few_descriptors() -> Iterator[None]:
    """Every ``Deaths`` holds its file as long as the process lives, as a station does."""
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    yield
    for number in set(os.listdir("/proc/self/fd")) - before:  # noqa: PTH208
        if os.path.exists(f"/proc/self/fd/{number}"):  # noqa: PTH110
            os.close(int(number))
