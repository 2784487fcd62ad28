"""What a station says of itself over HTTP: ``/metrics`` and ``/healthz``."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from edge.station.http import CLIENTS, REQUEST, TIMEOUT
from edge.wafer.patterns import PATTERNS
from tests.support.cli import obey_permissions, wm_edge
from tests.support.station import Running, drop, rows, wait_for


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture(name="station")
def _station(folder: Path, tmp_path: Path) -> Iterator[Running]:
    with Running(
        tmp_path,
        "watch", folder, "--store", "s.sqlite", "--jsonl", "/dev/full", "--csv", "r.csv",
        "--metrics", "0", "--name", "st-7", "--bad-after", "0.1",
    ) as running:  # fmt: skip
        running.wait_ready()
        yield running


def address(station: Running) -> tuple[str, int]:
    found = re.search(r"metrics: http://([^:]+):(\d+)/metrics", station.said())
    assert found, station.said()
    return found[1], int(found[2])


def get(station: Running, path: str) -> tuple[int, str]:
    host, port = address(station)
    try:
        with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def metrics(station: Running) -> dict[str, dict[tuple[str, ...], float]]:
    """Value by name and by the values of the labels, these in the order of their names."""
    status, text = get(station, "/metrics")
    assert status == 200
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = tuple(value for _, value in sorted(sample.labels.items()))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def health(station: Running) -> tuple[int, dict[str, Any]]:
    status, text = get(station, "/healthz")
    return status, json.loads(text)


def test_addresses_are_shown_by_their_host_and_told_apart(tmp_path: Path) -> None:
    """The rest of them may be a secret: two paths of one camera, two topics of one broker."""
    (tmp_path / "line.toml").write_text(
        "[station]\nstore = 's.sqlite'\nmetrics = 0\n"
        + "".join(f"[[camera]]\nsource = 'tcp://127.0.0.1:9/geheim{n}'\n" for n in "ab")
        + "".join(f"[[sink]]\nkind = 'mqtt'\nurl = 'mqtt://127.0.0.1:9/geheim{n}'\n" for n in "ab")
    )
    with Running(tmp_path, "station", "line.toml") as station:
        station.wait_ready()
        wait_for(lambda: station.said().count("not reached") == 2, "both cameras missed")
        found = metrics(station)
        assert set(found["wm_edge_source_up"]) == {
            ("tcp://127.0.0.1:9",),
            ("tcp://127.0.0.1:9 (2)",),
        }
        assert set(found["wm_edge_sink_up"]) == {
            ("mqtt://127.0.0.1:9",),
            ("mqtt://127.0.0.1:9 (2)",),
        }
        assert "geheim" not in station.said() + get(station, "/healthz")[1]
        assert station.stop() == 0


def test_metrics_count_what_is_recorded(station: Running, folder: Path, tmp_path: Path) -> None:
    before = metrics(station)
    assert before["wm_edge_repeats_total"] == {(): 0}
    assert before["wm_edge_latency_seconds_count"] == {(): 0}
    for number in range(20):
        drop(folder, number)
    (folder / "bad.csv").write_text("1,2\n3\n")
    store = tmp_path / "s.sqlite"
    wait_for(lambda: len(rows(store)) == 20 and rows(store, "SELECT * FROM errors"), "all recorded")
    drop(folder, 0)
    wait_for(lambda: metrics(station)["wm_edge_repeats_total"] == {(): 1}, "the repeat counted")
    wait_for(lambda: "No space" in station.said(), "the dead sink noticed")
    with (folder / "held.csv").open("w"):
        wait_for(lambda: metrics(station)["wm_edge_files_waiting"] == {(str(folder),): 1}, "held")
    found = metrics(station)
    pairs = itertools.product(PATTERNS, ("accept", "review"))
    by_label: dict[tuple[str, ...], int] = dict.fromkeys(pairs, 0)
    for row in rows(store):
        label = (row["pattern"], row["verdict"])
        by_label[label] = by_label.get(label, 0) + 1
    assert found["wm_edge_wafers_total"] == by_label
    assert sum(found["wm_edge_errors_total"].values()) == 1
    assert found["wm_edge_latency_seconds_count"] == {(): 20}
    buckets = found["wm_edge_latency_seconds_bucket"]
    assert list(buckets.values()) == sorted(buckets.values()), "buckets are cumulative"
    assert buckets["+Inf",] == 20
    full, table = ("jsonl:/dev/full",), (f"csv:{tmp_path}/r.csv",)
    assert found["wm_edge_sink_up"] == {full: 0, table: 1}
    assert found["wm_edge_queue_depth"][full] == 21
    wait_for(lambda: metrics(station)["wm_edge_queue_depth"][table] == 0, "the table has all")
    assert found["wm_edge_records_refused_total"] == {full: 0, table: 0}
    assert found["wm_edge_lines_dropped_total"] == {("stderr",): 0}
    assert found["wm_edge_store_writable"] == {(): 1}
    assert 0 < found["wm_edge_store_log_bytes"][()] < 2**24
    assert found["wm_edge_source_up"] == {(str(folder),): 1}
    assert "st-7" in next(iter(found["wm_edge_model_info"]))
    (kept,) = rows(store, "SELECT * FROM models")
    assert kept["sha256"] in next(iter(found["wm_edge_model_info"]))
    assert json.loads(kept["patterns"]) == list(PATTERNS)


def test_health_is_bad_while_no_wafers_can_come(station: Running, folder: Path) -> None:
    status, body = health(station)
    assert (status, body["troubles"]) == (200, [])
    folder.rename(folder.with_name("away"))
    wait_for(lambda: health(station)[0] == 503, "trouble")
    assert health(station)[1] == {
        "status": "trouble",
        "troubles": [f"{folder}: the folder is away"],
        "sinks": health(station)[1]["sinks"],
    }
    assert metrics(station)["wm_edge_source_up"] == {(str(folder),): 0}
    folder.with_name("away").rename(folder)
    wait_for(lambda: health(station)[0] == 200, "well again")


def test_folders_that_are_closed_to_the_station(folder: Path, tmp_path: Path) -> None:
    """Whether from the start or from some moment on: nothing in them is passed over unsaid."""
    lot = folder / "lot"
    lot.mkdir()
    drop(lot, 1)
    lot.chmod(0)
    with Running(
        tmp_path, "watch", folder, "--store", "s.sqlite", "--metrics", "0",
        before=obey_permissions(),
    ) as station:  # fmt: skip
        station.wait_ready()
        wait_for(lambda: health(station)[1]["status"] == "degraded", "the note")
        assert health(station)[0] == 200
        assert health(station)[1]["notices"] == [f"cannot be looked into: {lot}"]
        assert station.said().count(f"{lot}: cannot be looked into (Permission denied)") == 1
        folder.chmod(0)
        wait_for(lambda: health(station)[0] == 503, "trouble")
        [trouble] = health(station)[1]["troubles"]
        assert trouble.startswith(f"{folder}: cannot be looked into (Permission denied); give")
        assert metrics(station)["wm_edge_source_up"] == {(str(folder),): 0}
        lot.chmod(0o755)
        folder.chmod(0o755)
        wait_for(lambda: health(station)[1]["status"] == "ok", "well again")
        wait_for(lambda: len(rows(tmp_path / "s.sqlite")) == 1, "the wafer in it")
        drop(lot, 2)
        wait_for(lambda: len(rows(tmp_path / "s.sqlite")) == 2, "what comes now", 9)
        assert station.said().count(f"{folder}: cannot be looked into") == 1
    assert not rows(tmp_path / "s.sqlite", "SELECT * FROM errors")


def test_a_station_waits_for_a_folder_that_is_closed(folder: Path, tmp_path: Path) -> None:
    drop(folder, 1)
    folder.chmod(0)
    (tmp_path / "line.toml").write_text(
        "[station]\nstore = 's.sqlite'\nmetrics = 0\n[[folder]]\npaths = ['in']"
    )
    with Running(tmp_path, "station", "line.toml", before=obey_permissions()) as station:
        station.wait_ready()
        wait_for(lambda: "in: cannot be looked into (Permission denied)" in station.said(), "that")
        assert health(station)[0] == 503
        assert "taking wafers from it" not in station.said()
        folder.chmod(0o755)
        wait_for(lambda: len(rows(tmp_path / "s.sqlite")) == 1, "the wafer in it")
        assert health(station)[0] == 200


def test_a_folder_that_is_closed_is_refused_before_anything_is_made(
    folder: Path, tmp_path: Path
) -> None:
    folder.chmod(0)
    (tmp_path / "line.toml").write_text("[station]\nstore = 's.sqlite'\n[[folder]]\npaths = ['in']")
    for arguments in (("watch", folder), ("station", "line.toml", "--check")):
        done = wm_edge(*arguments, cwd=tmp_path, before=obey_permissions())
        assert done.code == 2, done.stderr
        assert "in: cannot be looked into (Permission denied); give this user" in done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"in", "line.toml"}


def test_a_dead_sink_is_a_note(station: Running, folder: Path) -> None:
    assert health(station) == (200, {"status": "ok", "troubles": [], "sinks": {}})
    drop(folder, 1)
    wait_for(lambda: health(station)[1]["status"] == "degraded", "the note")
    status, body = health(station)
    assert status == 200
    assert "No space left" in body["sinks"]["jsonl:/dev/full"]


def test_strange_and_slow_clients_disturb_nobody(
    station: Running, folder: Path, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        for number in range(10):  # they ask, but never finish asking
            slow = stack.enter_context(socket.create_connection(address(station), 5))
            slow.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: " + b"x" * number)
        for request in (b"\xff\0" * 99 + b"\r\n\r\n", b"GET " + b"/" * 70_000 + b"\r\n\r\n", b""):
            with socket.create_connection(address(station), 5) as strange:
                strange.sendall(request)
        assert get(station, "/healthz")[0] == 200
        assert get(station, "/nothing")[0] == 404
        assert get(station, "/metrics/../../etc/passwd")[0] == 404
        host, port = address(station)
        post = urllib.request.Request(f"http://{host}:{port}/metrics", data=b"x", method="POST")
        with pytest.raises(urllib.error.HTTPError, match="405"):
            urllib.request.urlopen(post, timeout=10)
        drop(folder, 1)
        wait_for(lambda: rows(tmp_path / "s.sqlite"), "the wafer recorded")
        assert station.stop() == 0


def is_closed(client: socket.socket) -> bool:
    """Whether the station has ended a connection."""
    try:
        return client.recv(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


def test_many_clients_take_neither_threads_nor_descriptors_from_the_station(
    station: Running, folder: Path, tmp_path: Path
) -> None:
    process = Path(f"/proc/{station.process.pid}")
    with ExitStack() as stack:
        clients = []
        for _ in range(4 * CLIENTS):
            client = stack.enter_context(socket.create_connection(address(station), 5))
            client.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
            clients.append(client)
            for each in clients:  # a byte now and then: none is ever silent for long
                with suppress(OSError):
                    each.sendall(b"x")
        assert get(station, "/healthz")[0] == 200, "somebody who asks is answered"
        wait_for(lambda: len([*process.glob("task/*")]) < 2 * CLIENTS, "few threads", seconds=3)
        assert len([*process.glob("fd/*")]) < 2 * CLIENTS + 20
        assert is_closed(clients[0]), "the oldest gave way"
        drop(folder, 1)
        wait_for(lambda: rows(tmp_path / "s.sqlite"), "the wafer recorded")
        station.process.send_signal(signal.SIGTERM)
        assert station.process.wait(5) == 0, "they do not delay the end"


def test_a_client_that_goes_on_dawdling_is_shut_out(station: Running) -> None:
    with socket.create_connection(address(station), 5) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        client.settimeout(0.5)  # a byte every half second: never silent for long
        deadline = time.monotonic() + TIMEOUT + 5
        while not is_closed(client):
            assert time.monotonic() < deadline, "it was let go on"
            client.sendall(b"x")


def test_a_request_without_end_is_answered_by_its_beginning(station: Running) -> None:
    with socket.create_connection(address(station), 5) as client:
        client.sendall(b"GET /nothing HTTP/1.1\r\n" + b"X: " + b"x" * REQUEST)
        assert client.recv(100).startswith(b"HTTP/1.0 4"), "answered before it had ended"


def test_it_listens_on_loopback_alone(station: Running) -> None:
    host, port = address(station)
    assert host == "127.0.0.1"
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = {line[1] for line in table if line[3] == "0A" and line[1].endswith(f":{port:04X}")}
    assert listening == {f"0100007F:{port:04X}"}


def test_a_port_that_is_taken_is_said_before_anything_is_recorded(
    folder: Path, tmp_path: Path
) -> None:
    drop(folder, 1)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        run = wm_edge(
            "watch", folder, "--store", tmp_path / "s.sqlite", "--metrics", str(port), "--once"
        )
    assert run.code == 2
    assert f"metrics on 127.0.0.1:{port}: Address already in use" in run.stderr
    assert "Traceback" not in run.stderr
    assert not rows(tmp_path / "s.sqlite")


def test_a_folder_whose_name_is_not_utf8(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"in-\xff")
    folder.mkdir()
    drop(folder, 1)
    with Running(tmp_path, "watch", folder, "--store", "s.sqlite", "--metrics", "0") as station:
        wait_for(lambda: rows(tmp_path / "s.sqlite"), "the wafer recorded")
        assert list(metrics(station)["wm_edge_source_up"].values()) == [1]
        assert station.stop() == 0
