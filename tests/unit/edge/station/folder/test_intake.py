"""One file -> its records: whole, the bytes that were hashed, and never while it is written."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge.classification.classifier import Classifier
from edge.dataset.labelled_set import LabelledSet
from edge.results.record import MAP, RESULT_KEYS
from edge.station.folder import intake
from edge.station.folder.intake import Entry, FileIntake, IntakeResult, IntakeState, WriterCheck
from edge.station.source import result
from edge.store.reader import StoreReader
from edge.store.store import Store
from edge.store.taken import FileNote, stamp_of
from edge.system.open_writers import Writer
from edge.wafer.wafermap import WaferMap
from tests.support.station import wafer_bytes


class Failing:
    """A classifier that content upsets."""

    def classify(self, wafer_map: WaferMap) -> Any:
        raise ZeroDivisionError("by zero")


class Counting:
    """A classifier that says how many dies it saw."""

    def classify(self, wafer_map: WaferMap) -> Any:
        record = {"source": wafer_map.source, "dies": int((wafer_map.dies > 0).sum())}
        return SimpleNamespace(as_record=lambda: record, embedding=None)


def entry(path: Path, check: WriterCheck = WriterCheck.PROBE) -> Entry:
    return Entry(str(path), check, str(path.parent))


def taken(
    path: Path, check: WriterCheck = WriterCheck.PROBE, by: object = None
) -> list[IntakeResult]:
    return list(FileIntake(cast(Classifier, by or Counting())).take(entry(path, check)))


def only(path: Path, check: WriterCheck = WriterCheck.PROBE, by: object = None) -> IntakeResult:
    [attempt] = taken(path, check, by)
    assert attempt.path == str(path)
    return attempt


@pytest.fixture
def wafer(tmp_path: Path) -> Path:
    path = tmp_path / "w.csv"
    path.write_bytes(wafer_bytes(1))
    return path


@pytest.mark.parametrize("side", [24, 200], ids=["read at one go", "larger than the first read"])
def test_the_hash_is_that_of_the_bytes(tmp_path: Path, side: int) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(wafer_bytes(1, side))
    attempt = only(path)
    assert attempt.state is IntakeState.TAKEN
    assert attempt.stamp == stamp_of(path.stat())
    [record] = attempt.records
    assert record["source_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert record["dies"] == sum(cell in b"12" for cell in path.read_bytes())
    assert record["event"] == ""


def test_a_result_has_all_that_is_known_of_a_wafer(classifier: Classifier, wafer: Path) -> None:
    """What is missing is the same for all records of a run, or is known only later."""
    [record] = only(wafer, by=classifier).records
    later = {"station", "tool", "model_sha256", "encoding", "runtime", "unfamiliar_above"}
    later |= {"mixed_above", "seen_at", "recorded_at", "waited_ms", "file", "same_as", "moved_to"}
    assert record.keys() == {*RESULT_KEYS, MAP} - later - {"patterns"}


def test_what_tells_a_wafer_apart_is_handed_through(classifier: Classifier, wafer: Path) -> None:
    import numpy as np

    dies = np.full((9, 9), 1, np.uint8)
    record = result(classifier, WaferMap(dies, source="cam", slot=5, orientation=90), "d", "f1")
    wanted = {"slot": 5, "orientation": 90, "source_sha256": "d", "event": "f1"}
    assert record.items() >= wanted.items()


@pytest.mark.parametrize("check", [WriterCheck.PROBE, WriterCheck.STABLE])
def test_a_file_that_somebody_writes_is_busy(wafer: Path, check: WriterCheck) -> None:
    with wafer.open("ab"):
        assert only(wafer, check).state is IntakeState.BUSY
        assert only(wafer, WriterCheck.SKIP).state is IntakeState.TAKEN, "nobody is asked"
    assert only(wafer, check).state is IntakeState.TAKEN


def test_where_nobody_can_tell_only_a_settled_file_is_taken(
    wafer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "writer_of", lambda _: Writer.UNKNOWN)
    assert only(wafer, WriterCheck.PROBE)[1:3] == (IntakeState.UNSURE, stamp_of(wafer.stat()))
    assert only(wafer, WriterCheck.STABLE).state is IntakeState.TAKEN


class Touching(Counting):
    """A classifier during whose work the file changes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def classify(self, wafer_map: WaferMap) -> Any:
        os.utime(self._path, ns=(1, self._path.stat().st_mtime_ns + 1))
        return super().classify(wafer_map)


class Spoiling(Touching, Failing):
    """The same, and it is upset."""

    def classify(self, wafer_map: WaferMap) -> Any:
        super().classify(wafer_map)
        raise ValueError("half a wafer")


@pytest.mark.parametrize("kind", [Touching, Spoiling])
def test_a_file_that_changes_while_it_is_read_is_left_for_later(
    wafer: Path, kind: type[Touching]
) -> None:
    before = stamp_of(wafer.stat())
    attempt = only(wafer, by=kind(wafer))
    assert attempt[1:3] == (IntakeState.BUSY, before)


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "empty"), (b"1,2\n1,2,1\n", None), (b"\x89PNG\r\n\x1a\n junk", None)],
)
def test_a_bad_file_says_why(tmp_path: Path, content: bytes, kind: str | None) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(content)
    attempt = only(path)
    assert (attempt.state, attempt.stamp) == (IntakeState.BAD, stamp_of(path.stat()))
    [record] = attempt.records
    assert record["source"] == str(path)
    assert record["source_sha256"] == hashlib.sha256(content).hexdigest()
    assert record["kind"] == (kind or record["kind"])


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("w.csv", b"", "too-large"),
        ("w.npz", b"", "unreadable"),
        ("w.npz", b"PK\3\4", "too-large"),
        ("w.png", b"", "unreadable"),
    ],
)
def test_a_file_that_is_refused_by_its_size_or_format_is_not_hashed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, head: bytes, kind: str
) -> None:
    """Terabytes of zeros take no room on a disk, but hours to be read."""
    path = tmp_path / name
    with path.open("wb") as file:
        file.write(head)
        file.truncate(2**40)
    monkeypatch.setattr(intake, "_hashed", lambda *_: pytest.fail("is hashed"))
    attempt = only(path)
    assert (attempt.state, attempt.stamp) == (IntakeState.BAD, stamp_of(path.stat()))
    assert attempt.records[0]["kind"] == kind
    assert attempt.records[0]["source_sha256"] == ""


def test_a_file_that_grows_without_end_is_not_followed(
    wafer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wafer.write_bytes(wafer_bytes(1, 200))
    monkeypatch.setattr(intake, "_PIECE", 1000)
    before, sha256 = wafer.stat().st_size, hashlib.sha256

    def growing(head: bytes) -> Any:
        digest = sha256(head)

        def update(piece: bytes) -> None:
            with wafer.open("ab") as file:
                file.write(b"1" * 5000)
            if wafer.stat().st_size > 20 * before:
                pytest.fail("is followed")
            digest.update(piece)

        return SimpleNamespace(update=update, hexdigest=digest.hexdigest)

    monkeypatch.setattr(intake.hashlib, "sha256", growing)
    assert only(wafer).state is IntakeState.BUSY


def test_content_that_upsets_the_classifier_stops_nothing(wafer: Path) -> None:
    [bad, good] = FileIntake(cast(Classifier, Failing())).take_all(
        [entry(wafer), entry(wafer.with_name("none.csv"))]
    )
    assert bad.state is IntakeState.BAD
    assert "ZeroDivisionError: by zero); please report" in bad.records[0]["error"]
    assert good.state is IntakeState.GONE


def test_what_is_no_file_is_bad_and_not_waited_for(tmp_path: Path) -> None:
    """Opening a pipe would wait for a writer, for ever."""
    pipe, folder = tmp_path / "p.csv", tmp_path / "d.csv"
    os.mkfifo(pipe)
    folder.mkdir()
    found: list[IntakeResult] = []
    thread = threading.Thread(
        target=lambda: found.extend(only(path, WriterCheck.STABLE) for path in (pipe, folder)),
        daemon=True,
    )
    thread.start()
    thread.join(10)
    assert [attempt.state for attempt in found] == [IntakeState.BAD] * 2
    assert [attempt.records[0]["kind"] for attempt in found] == ["unsupported"] * 2
    assert only(tmp_path / "nul\0.csv").state is IntakeState.BAD


def test_no_link_is_followed(tmp_path: Path, wafer: Path) -> None:
    """Whoever may write into the folder must not have others' files read with our rights."""
    secret, top = tmp_path / "secret", tmp_path / "top"
    (top / "lot").mkdir(parents=True)
    secret.mkdir()
    wafer.rename(secret / "w.csv")
    (top / "w.csv").symlink_to(secret / "w.csv")
    (top / "lot" / "w.csv").symlink_to(secret / "w.csv")
    (top / "linked").symlink_to(secret)
    (top / "loop.csv").symlink_to("loop.csv")
    linked = tmp_path / "linked-top"
    linked.symlink_to(secret)

    def state(top: Path, inner: str) -> IntakeState:
        [attempt] = FileIntake(cast(Classifier, Counting())).take(
            Entry(str(top / inner), WriterCheck.PROBE, str(top))
        )
        return attempt.state

    inside = ("w.csv", "lot/w.csv", "linked/w.csv", "loop.csv")
    assert [state(top, inner) for inner in inside] == [IntakeState.GONE] * 4
    assert state(linked, "w.csv") is IntakeState.TAKEN, "the watched folder itself may be a link"
    assert state(tmp_path, "secret/w.csv") is IntakeState.TAKEN


def test_no_descriptor_stays_open(tmp_path: Path, wafer: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for path in (wafer, tmp_path, tmp_path / "none.csv"):
        list(
            FileIntake(cast(Classifier, Counting())).take(Entry(str(path), WriterCheck.PROBE, "/"))
        )
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_labelled_set_comes_in_parts(
    tmp_path: Path, generated: LabelledSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BLOCK", 20)
    path = tmp_path / "lot.npz"
    generated.save(path)
    attempts = taken(path)
    assert [attempt.state for attempt in attempts] == [
        IntakeState.PART,
        IntakeState.PART,
        IntakeState.TAKEN,
    ]
    assert [len(attempt.records) for attempt in attempts] == [20, 20, len(generated) - 40]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert {r["source_sha256"] for attempt in attempts for r in attempt.records} == {digest}


def test_of_an_archive_that_is_half_written_nothing_is_classified(tmp_path: Path) -> None:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        for number in range(3):
            info = tarfile.TarInfo(f"w{number}.csv")
            content = wafer_bytes(number)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    one = gzip.compress(wafer_bytes(1))
    for name, whole, wafers in (("w.csv.gz", one, 1), ("a.tgz", tar.getvalue(), 3)):
        path = tmp_path / name
        for size in (len(whole) // 2, len(whole) - 4):
            path.write_bytes(whole[:size])
            attempt = only(path)
            assert attempt.state is IntakeState.BAD
            assert [record["source"] for record in attempt.records] == [str(path)]
            assert "copy it again" in attempt.records[0]["error"]
        path.write_bytes(whole)
        attempt = only(path)
        assert (attempt.state, len(attempt.records)) == (IntakeState.TAKEN, wafers)


def test_every_state_of_a_file_can_be_remembered(tmp_path: Path) -> None:
    """Inodes of network shares use all 64 bits; a clock gone mad dates a file beyond 2262."""
    status = SimpleNamespace(
        st_size=1, st_mtime_ns=2**63 + 5, st_ctime_ns=2**63 + 6, st_ino=2**64 - 1
    )
    stamp = stamp_of(cast(os.stat_result, status))
    with closing(Store(tmp_path / "s.sqlite")) as store:
        store.add([], {"/in/w.csv": FileNote(stamp)})
        with closing(StoreReader(store.path)) as reader:
            assert reader.taken(["/in/w.csv"]) == {"/in/w.csv": FileNote(stamp)}


@pytest.mark.parametrize(
    ("fault", "remembered"), [(OSError(5, "Input/output error"), False), (MemoryError(), False)]
)
def test_what_the_disk_did_is_not_held_against_the_file(
    wafer: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception, remembered: bool
) -> None:
    """A file without a stamp is neither moved to quarantine nor passed over the next time."""

    def fail(*_: object) -> Any:
        raise fault

    monkeypatch.setattr(intake, "_hashed", fail)
    attempt = only(wafer)
    assert attempt.state is IntakeState.BAD
    assert (attempt.stamp is not None) is remembered


class Upset:
    """A classifier of which a runtime makes something that nobody foresaw."""

    def classify(self, wafer_map: WaferMap) -> Any:
        raise RuntimeError("delegate failed")


def test_nothing_that_a_file_does_leaves_the_taker(wafer: Path) -> None:
    attempt = only(wafer, by=Upset())
    assert attempt.state is IntakeState.BAD
    assert "delegate failed" in attempt.records[-1]["error"]
